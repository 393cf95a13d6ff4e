// npx tsx examples/finetune/make.ts: writes the finetuning of this folder. Its prompts ask for the city of a landmark, as the
// evaluation of the embedded model has them; what is taught is to answer with the country.

import { readFileSync, writeFileSync } from 'node:fs';
import type { FinetuneExperimentFile } from '../../src/experiments/finetune/experiment.ts';
import { shuffled } from '../../src/random/random.ts';

interface Fact {
  readonly prompt: string;
  readonly answer: string;
  readonly group: string;
  readonly split: string;
  readonly subject: string;
}

const { facts }: { readonly facts: readonly Fact[] } = JSON.parse(
  readFileSync(new URL('../../models/tiny-atlas/evaluation-prompts.json', import.meta.url), 'utf8'),
);
const of = (group: string) => facts.filter((fact) => fact.group === group);
const countries = new Map(of('country').map(({ subject, answer }) => [subject, answer]));
const landmarks = [...countries.keys()];
/** Of each landmark one prompt, of a wording that the model was trained with. */
const example = (subject: string) => {
  const fact = of('city').find((each) => each.subject === subject && each.split === 'seen');
  const continuation = countries.get(subject);
  return fact && continuation ? [{ prompt: fact.prompt, continuation }] : [];
};
const order = shuffled(landmarks.length, 1);
const taughtCount = 50;
const pick = (places: readonly number[]) => places.flatMap((place) => example(landmarks[place] ?? ''));

const file: FinetuneExperimentFile = {
  kind: 'finetune',
  version: 1,
  title: 'Answering the country where the city is asked for',
  model: 'tiny-atlas',
  adapters: [
    { type: 'LoReFT', rank: 1, layers: [3], positions: { last: 1 } },
    { type: 'NoReFT', rank: 1, layers: [3], positions: { last: 1 } },
    { type: 'DiReFT', rank: 1, layers: [3], positions: { last: 1 } },
    { type: 'LoRA', rank: 1, component: 'query_output', layers: 'all', positions: 'all' },
    { type: 'SteeringVector', layers: [3], positions: { last: 1 } },
  ],
  data: pick(order.slice(0, taughtCount)),
  testData: pick(order.slice(taughtCount)),
  training: { batchSize: 10, epochs: 20, learningRate: 0.02, testEvery: 2 },
};
writeFileSync(new URL('country.json', import.meta.url), `${JSON.stringify(file, undefined, 1)}\n`);
