// pyvene's tutorial "Subspace Partition": half of the directions of a rotated space, of a prompt about Madrid, put into a
// prompt about Paris. The rotation is the cosine transform, which anyone can write down.

import { IntervenableModel, interventionKeys, type LoadedModel, readConfiguration } from 'patchbay';
import { base, source } from './nestedIntervention.ts';
import { probabilitiesOf } from './probabilities.ts';

/** The cosine transform as columns. @returns [width, width], orthogonal */
export function cosineTransform(width: number): Float32Array {
  return Float32Array.from({ length: width * width }, (_, i) => {
    const [row, column] = [Math.floor(i / width), i % width];
    const scale = Math.sqrt((column === 0 ? 1 : 2) / width);
    return scale * Math.cos((Math.PI / width) * (row + 0.5) * column);
  });
}

/** @returns [layer][position][word]: the probability of each word after the base */
export async function subspacePartition(
  { model, tokenizer }: LoadedModel,
  words: readonly string[],
): Promise<readonly (readonly (readonly number[])[])[]> {
  const { width, layerCount } = model.architecture;
  const rotation = { data: cosineTransform(width), shape: [width, width] };
  const positions = tokenizer.encode(base).map((_, position) => position);
  return Promise.all(
    Array.from({ length: layerCount }, async (_, layer) => {
      const configuration = readConfiguration({
        layer,
        component: 'mlp_output',
        intervention_type: 'RotatedSpaceIntervention',
        subspace_partition: [
          [0, width / 2],
          [width / 2, width],
        ],
      });
      const [key = ''] = interventionKeys(configuration);
      const intervenable = new IntervenableModel(configuration, model, {
        tokenizer,
        parameters: { [key]: { rotation } },
      });
      const at = positions.map((position) => [position]);
      const { intervenedOutputs } = await intervenable.run({
        base: positions.map(() => base),
        sources: [positions.map(() => source)],
        unitLocations: { 'sources->base': [[at], [at]] },
        subspaces: [positions.map(() => [0])],
        logits: 'last',
      });
      return intervenedOutputs.logits.map(({ data }) => probabilitiesOf(data, tokenizer, words));
    }),
  );
}
