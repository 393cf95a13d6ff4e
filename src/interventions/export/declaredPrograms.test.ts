// Programs for pyvene of the families that it does not know, or has other widths for: every component is reached by the module
// and the width that the program tells pyvene, or refused. One Python runs the programs of all families:
// `PATCHBAY_PYTHON=python npm run unit -- src/interventions/export/declared`.

import { expect, test } from 'vitest';
import { claimedPrograms } from './expected/claimedPrograms.ts';

const pairs = ['attention_scores', 'attention_weight'];
const heads = (...names: readonly string[]) => names.flatMap((name) => [name, `head_${name}`]);
/** Norms of each head by itself stand in an axis of their own. */
const norms = heads('query_norm_output', 'key_norm_output');
const projections = heads('query_output', 'key_output', 'value_output');
const headProjections = projections.filter((name) => name.startsWith('head_'));
/** What sublayers read where it is the residual stream itself. */
const inputs = ['attention_input', 'mlp_input'];
const experts = ['expert_output', 'router_output'];

/** With each model the components at which a plain interchange is refused. */
const models: Readonly<Record<string, readonly string[]>> = {
  'bert-relu': [...pairs, ...inputs],
  'bloom-six-heads': [...pairs, ...inputs, ...headProjections, 'block_middle'],
  'cohere-norms': [...pairs, ...norms, 'attention_input', 'logits'],
  'distilbert-sines': [...pairs, ...inputs],
  'esm-rotary': pairs,
  'falcon-one-query': [...pairs, ...projections, 'attention_input'],
  'falcon-sequential': [...pairs, ...projections, 'block_middle'],
  'gemma-first-words': [...pairs, 'block_middle', 'embedding_output'],
  'gemma2-uncapped': [...pairs, 'block_middle', 'embedding_output', 'logits'],
  'gemma3_text-old-words': [...pairs, ...norms, 'block_middle', 'embedding_output', 'logits'],
  'gpt_bigcode-by-head': [...pairs, ...projections, 'block_middle'],
  'gpt_neo-local': [...pairs, 'block_middle'],
  'gptj-inner': [...pairs, 'attention_input'],
  'granite-factors': [...pairs, 'block_middle', 'logits'],
  'mamba-unbiased': ['ssm_state'],
  'mamba2-limits': ['ssm_state'],
  'mixtral-window': [...pairs, ...experts, 'block_middle', 'mlp_output'],
  'olmo2-biases': [...pairs, ...inputs, 'block_middle'],
  'opt-350m': [...pairs, ...inputs, 'block_middle', 'final_norm_output', 'mlp_activation', 'mlp_output'],
  'phi-norms': [...pairs, ...norms, 'attention_input'],
  'phi3-longrope': [...pairs, ...projections, 'block_middle'],
  'qwen3-window': [...pairs, ...norms, 'block_middle'],
  'qwen3_moe-mixed': [...pairs, ...norms, ...experts, 'block_middle'],
  'roberta-relu': [...pairs, ...inputs],
  'stablelm-parallel': [...pairs, ...norms, 'attention_input'],
  'starcoder2-unbiased': [...pairs, 'block_middle'],
};

test('pyvene computes the same in every component that a program of its family claims', async () => {
  const names = Object.keys(models);
  const { refused, sentences, wrong } = await claimedPrograms(names.map((name) => ({ name })));
  expect(wrong).toEqual([]);
  for (const sentence of sentences) expect(sentence).toMatch(/^representations\.0: \S.*\.$/s);
  expect(refused).toEqual(
    Object.fromEntries(Object.entries(models).map(([name, own]) => [name, [...own].sort()])),
  );
}, 1_200_000);
