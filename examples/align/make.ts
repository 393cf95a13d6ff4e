// npx tsx examples/align/make.ts: writes the alignments of this folder whose examples are listed. Their prompts come from the evaluation of the
// embedded model, their labels from a causal model of a sentence about a person: name, gender, pronoun.

import { readFileSync, writeFileSync } from 'node:fs';
import { openModel } from '../../src/checkpoint/openNode.ts';
import type { AlignExperimentFile } from '../../src/experiments/align/experiment.ts';
import { genderExamples, type PromptItem } from '../../src/experiments/align/templates.ts';

const model = new URL('../../models/tiny-atlas/', import.meta.url);
const { pronoun }: { readonly pronoun: readonly PromptItem[] } = JSON.parse(
  readFileSync(new URL('evaluation-prompts.json', model), 'utf8'),
);
const checkpoint = await openModel(model.pathname);
const tokenizer = await checkpoint.tokenizer();
const shared = {
  kind: 'align',
  version: 1,
  model: 'tiny-atlas',
  data: genderExamples(pronoun, tokenizer, { size: 200, seed: 1 }),
} as const;
const files: Readonly<Record<string, AlignExperimentFile>> = {
  'gender-sites.json': {
    ...shared,
    title: 'Where one direction carries the gender of a name',
    site: { component: 'block_output', layer: 'all', position: ['name', 'last'] },
    intervention: { type: 'LowRankRotated', rank: 1 },
    training: { batchSize: 16, epochs: 5, learningRate: 0.01 },
  },
  'gender-boundless.json': {
    ...shared,
    title: 'How many directions carry the gender of a name',
    site: { component: 'block_output', layer: 3, position: 'name' },
    intervention: { type: 'BoundlessRotated' },
    training: { batchSize: 16, epochs: 10, learningRate: 0.01 },
  },
};
for (const [name, file] of Object.entries(files))
  writeFileSync(new URL(name, import.meta.url), `${JSON.stringify(file, undefined, 1)}\n`);
await checkpoint.close();
