// pyvene's tutorial "Nested Intervention": one head at one position, of a prompt about Madrid, put into a prompt about
// Paris, at every layer and position.

import { IntervenableModel, type LoadedModel } from 'patchbay';
import { probabilitiesOf } from './probabilities.ts';

export const base = 'The Louvre Museum is in downtown';
export const source = 'The Prado Museum is in downtown';

/** @returns [layer][position][word]: the probability of each word after the base */
export async function nestedIntervention(
  { model, tokenizer }: LoadedModel,
  component: 'head_attention_value_output' | 'head_value_output',
  words: readonly string[],
): Promise<readonly (readonly (readonly number[])[])[]> {
  const positions = tokenizer.encode(base).map((_, position) => position);
  const layers = Array.from({ length: model.architecture.layerCount }, (_, layer) => layer);
  return Promise.all(
    layers.map(async (layer) => {
      const intervenable = new IntervenableModel({ layer, component, unit: 'h.pos' }, model, { tokenizer });
      // All positions in one batch: each example has a location of its own.
      const at = [positions.map(() => [0]), positions.map((position) => [position])];
      const { intervenedOutputs } = await intervenable.run({
        base: positions.map(() => base),
        sources: [positions.map(() => source)],
        unitLocations: { 'sources->base': [[at], [at]] },
        logits: 'last',
      });
      return intervenedOutputs.logits.map(({ data }) => probabilitiesOf(data, tokenizer, words));
    }),
  );
}
