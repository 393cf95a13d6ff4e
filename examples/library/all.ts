// All examples together, as the tests run them on Node and in a browser.

import type { LoadedModel } from 'patchbay';
import { activationAddition } from './activationAddition.ts';
import { nestedIntervention } from './nestedIntervention.ts';
import { subspacePartition } from './subspacePartition.ts';

/** @returns probabilities of the words, in the form of expected.json */
export async function runAll(loaded: LoadedModel, words: readonly string[]) {
  return {
    nested: {
      head_attention_value_output: await nestedIntervention(loaded, 'head_attention_value_output', words),
      head_value_output: await nestedIntervention(loaded, 'head_value_output', words),
    },
    subspace: await subspacePartition(loaded, words),
    added: await activationAddition(loaded, words[1] ?? '', words),
  };
}
