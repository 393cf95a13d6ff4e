// pyvene's tutorial "Add Activations to Streams": the embedding of a word is added to what every MLP gives at the last
// position.

import { IntervenableModel, type LoadedModel } from 'patchbay';
import { base } from './nestedIntervention.ts';
import { probabilitiesOf } from './probabilities.ts';

/** @returns the probability of each word after the base */
export async function activationAddition(
  { model, tokenizer }: LoadedModel,
  added: string,
  words: readonly string[],
): Promise<readonly number[]> {
  const last = tokenizer.encode(base).length - 1;
  const layers = Array.from({ length: model.architecture.layerCount }, (_, layer) => ({
    layer,
    component: 'mlp_output',
    intervention_type: 'AdditionIntervention',
  }));
  const intervenable = new IntervenableModel(layers, model, { tokenizer });
  const [embedding] = await intervenable.collect({
    base: added,
    sites: [{ component: 'embedding_output', layer: null }],
  });
  const vector = embedding?.[0]?.data ?? new Float32Array();
  const { intervenedOutputs } = await intervenable.run({
    base,
    sourceRepresentations: Object.fromEntries(
      [...intervenable.interventions.keys()].map((key) => [key, vector]),
    ),
    unitLocations: { base: last },
    logits: 'last',
  });
  return intervenedOutputs.logits.flatMap(({ data }) => probabilitiesOf(data, tokenizer, words));
}
