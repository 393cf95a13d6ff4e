// A damaged checkpoint, or what is put into a run, may give numbers that are none. Nothing of them may look like a result.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { Backend } from '../runtime/backends/backend.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../runtime/model.ts';
import { attributePatches } from './attribute/attribute.ts';
import { readPatchExperiment } from './patch/experiment.ts';
import { resolvePatch } from './patch/resolve.ts';
import { completePatch } from './patch/work.ts';
import { NotFiniteError, nextLogits } from './predict.ts';
import { readTraceExperiment } from './trace/experiment.ts';
import { resolveTrace } from './trace/resolve.ts';
import { completeTrace } from './trace/work.ts';

/** The token whose embedding is damaged; the unembedding is another matrix. */
const damaged = 9;

function damagedCheckpoint(): Checkpoint {
  const whole = tinyCheckpoint(tinyConfigurations.gpt_neox);
  return {
    ...whole,
    read: async (name, ...rest) => {
      const bytes = await whole.read(name, ...rest);
      if (name !== 'gpt_neox.embed_in.weight') return bytes;
      const values = new Float32Array(bytes.slice().buffer);
      const { hidden_size: width } = tinyConfigurations.gpt_neox;
      values.fill(Number.NaN, damaged * width, (damaged + 1) * width);
      return new Uint8Array(values.buffer);
    },
  };
}

let backend: Backend;
let model: Model;
beforeAll(async () => {
  backend = createNodeBackend(1);
  model = await Model.load(damagedCheckpoint(), backend);
});
afterAll(async () => {
  await model.dispose();
  await backend.close();
});

const sound = [3, 17, 8, 25, 1];
const broken = [3, 17, damaged, 25, 1];
const ofPrompt = /^random gpt_neox gives logits that are not finite numbers for this prompt\./;
const ofRun = /^Logits of an edited run became NaN or infinite/;

const trace = (prompt: readonly number[], corruption: object) =>
  completeTrace(
    model,
    resolveTrace(
      model.architecture,
      undefined,
      readTraceExperiment({
        kind: 'trace',
        version: 1,
        model: 'tiny',
        prompt,
        subject: [2, 3],
        streams: [{ component: 'mlp_output' }],
        corruption,
      }),
    ),
  );

const patch = (clean: readonly number[], corrupted: readonly number[]) =>
  completePatch(
    model,
    resolvePatch(
      model.architecture,
      undefined,
      readPatchExperiment({
        kind: 'patch',
        version: 1,
        model: 'tiny',
        pairs: [{ clean, corrupted }],
        sweeps: [{ component: 'mlp_output', by: 'position' }],
      }),
    ),
  );

test.each([
  ['a prediction', ofPrompt, () => nextLogits(model, broken)],
  ['a trace of its prompt', ofPrompt, () => trace(broken, { kind: 'zero' })],
  ['a trace with it as corruption', ofRun, () => trace(sound, { kind: 'replace', tokens: [damaged] })],
  [
    'a trace under noise without bound',
    ofRun,
    () => trace(sound, { kind: 'noise', level: 3e38, samples: 1 }),
  ],
  ['a patch of its prompt', ofPrompt, () => patch(broken, sound)],
  ['a patch from its prompt', ofRun, () => patch(sound, broken)],
  [
    'an attribution',
    /gives logits or gradients that are not finite numbers for these prompts/,
    () =>
      attributePatches(model, {
        clean: sound,
        corrupted: broken,
        answer: 7,
        components: ['mlp_output'],
      }),
  ],
])('%s ends with a sentence where logits are not finite', async (_, sentence, run) => {
  const ended = await run().then(
    () => null,
    (error: unknown) => error,
  );
  expect(ended).toBeInstanceOf(NotFiniteError);
  expect(String(ended)).toMatch(new RegExp(sentence.source.replace('^', '')));
});

test('prompts without the damaged token give numbers', async () => {
  expect((await patch(sound, [3, 17, 4, 25, 1])).panels.flatMap(({ cells }) => cells)).not.toContain(null);
});
