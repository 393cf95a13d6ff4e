// Steering of models of several stacks: vectors and texts against PyTorch, under hooks in transformers' generate
// (expected/make_stack_steer.py), and what is refused.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeArchitecture } from '../../architectures/registry.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { tinyConfigurations, tinyT5 } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { generateTexts } from '../../runtime/generation/generate.ts';
import { Model } from '../../runtime/model.ts';
import { conformanceModel } from '../fixtures/conformanceModel.ts';
import { type Call, callSchema, textsOf } from '../patch/expected/calls.ts';
import { readSteerExperiment } from './experiment.ts';
import { rowOf, runFrom, sourceOf } from './passageRun.ts';
import { PassageReader } from './passages.ts';
import { type ResolvedSteer, resolveSteer } from './resolve.ts';
import { readSteerResult, type SteerResult } from './result.ts';
import { steerFiles } from './steerFiles.ts';
import { readSteering } from './steering.ts';
import { placeSteering, steeringEdits } from './steeringEdits.ts';
import { vectorData } from './vectorData.ts';
import { completeSteer, steerWork } from './work.ts';

const numbers = v.array(v.number());
const editSchema = v.looseObject({
  component: v.string(),
  layer: v.number(),
  head: v.optional(v.number()),
  vector: numbers,
});
const caseSchema = v.object({
  folder: v.string(),
  prompts: v.array(callSchema),
  learned: v.optional(
    v.object({
      positive: v.array(callSchema),
      negative: v.array(callSchema),
      token: v.union([v.number(), v.literal('mean')]),
    }),
  ),
  edits: v.array(editSchema),
  isSampled: v.boolean(),
  texts: v.array(v.object({ tokens: numbers, after: v.array(numbers), before: v.array(numbers) })),
});
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const { cases } = v.parse(
  v.object({ cases: v.record(v.string(), caseSchema) }),
  JSON.parse(readFileSync(here('./expected/stackSteer.expected.json'), 'utf8')),
);
type Case = v.InferOutput<typeof caseSchema>;

const newTokens = 6;
const columns = ['unsteered', 'steered', 'negative', 'random'] as const;

/** A call as a prompt of a file; its picture or sound is `data`, a file by its place among them. */
function passageOf(call: Call, data: Float32Array[]) {
  const own = call.pixel_values ?? call.input_features;
  const texts = textsOf(call);
  if (!own) return texts;
  const known = data.findIndex((other) => other.every((value, at) => value === Math.fround(own[at] ?? 0)));
  const at = known >= 0 ? known : data.push(Float32Array.from(own)) - 1;
  const file = { name: String(at) };
  return { ...texts, ...(call.pixel_values ? { image: file } : { sound: file }) };
}

/** Pictures and sounds of expected calls are numbers, which no file holds. */
class ReaderOfNumbers extends PassageReader {
  readonly #data: readonly Float32Array[];

  constructor(data: readonly Float32Array[], ...of: ConstructorParameters<typeof PassageReader>) {
    super(...of);
    this.#data = data;
  }

  protected override async inputOf({ image, sound }: Parameters<PassageReader['inputOf']>[0]) {
    const given = image ?? sound;
    const data = given && 'name' in given ? this.#data[Number(given.name)] : undefined;
    return data && { data, notices: [] };
  }
}

function experimentOf(
  { prompts, learned, edits, isSampled }: Case,
  name: string,
  data: Float32Array[],
  more: object = {},
) {
  return readSteerExperiment({
    ...{ kind: 'steer', version: 1, model: name },
    vectors: edits.map(({ component, layer, head, vector }, at) => ({
      ...{ name: `vector ${at}`, component, layers: [layer] },
      ...(head === undefined ? {} : { heads: [head] }),
      from:
        at === 0 && learned
          ? {
              method: 'difference',
              positive: learned.positive.map((call) => passageOf(call, data)),
              negative: learned.negative.map((call) => passageOf(call, data)),
              token: learned.token,
            }
          : { numbers: [vector] },
    })),
    edits: edits.map(({ component: _, layer: __, head: ___, vector: ____, ...rest }, at) => ({
      vector: `vector ${at}`,
      ...rest,
    })),
    prompts: prompts.map((call) => passageOf(call, data)),
    generation: { maxNewTokens: newTokens, ...(isSampled ? { temperature: 1.5, seed: 5 } : {}) },
    columns: ['unsteered', 'steered'],
    candidates: 29,
    ...more,
  });
}

const folders = [...new Set(Object.values(cases).map(({ folder }) => folder))];

describe.each(folders)('steering of %s', (folder) => {
  const own = Object.entries(cases).filter(([, each]) => each.folder === folder);
  let backend: Backend;
  let model: Model;
  let close: () => Promise<void>;
  let config: Record<string, unknown>;
  beforeAll(async () => {
    backend = createNodeBackend(1);
    const checkpoint = await conformanceModel(folder);
    close = () => checkpoint.close();
    config = { ...checkpoint.config };
    model = await Model.load(checkpoint, backend);
  });
  afterAll(async () => {
    await model.dispose();
    expect(backend.liveTensors).toBe(0);
    await backend.close();
    await close();
  });

  function resolve(name: string, given: Case, more: object = {}): Promise<ResolvedSteer> {
    const data: Float32Array[] = [];
    const experiment = experimentOf(given, name, data, more);
    const generation = async () => ({ config, files: undefined, renderChat: () => '' });
    return resolveSteer(model.architecture, undefined, experiment, {
      generation,
      reader: (...of) => new ReaderOfNumbers(data, ...of),
    });
  }

  const steeredTexts = ({ texts }: SteerResult) =>
    texts.map((all) => (all ?? []).find(({ column }) => column === 'steered'));

  test.each(own)('%s: texts and the log-probabilities of every token are PyTorch’s', async (name, given) => {
    const result = await completeSteer(model, await resolve(name, given));
    for (const [at, text] of steeredTexts(result).entries()) {
      const wanted = given.texts[at];
      expect(text?.tokens).toEqual(wanted?.tokens);
      let most = 0;
      const check = (
        found: readonly (readonly (readonly [number, number])[])[] | undefined,
        all: readonly (readonly number[])[] = [],
      ) => {
        expect(found).toHaveLength(all.length);
        all.forEach((step, place) => {
          const values = new Map(found?.[place]);
          expect(values.size).toBe(step.length);
          step.forEach((value, id) => {
            expect(Math.abs((values.get(id) ?? Number.NaN) - value)).toBeLessThan(1e-4);
          });
        });
      };
      check(text?.after, wanted?.after);
      check(text?.before, wanted?.before);
      wanted?.after.forEach((step, place) => {
        step.forEach((value, id) => {
          most = Math.max(most, Math.abs(value - (wanted.before[place]?.[id] ?? value)));
        });
      });
      // The edits do something.
      expect(most).toBeGreaterThan(0.05);
    }
  });

  test.each(own.filter(([, { learned }]) => learned))(
    '%s: what is learnt of pairs is read of the stack that its component belongs to',
    async (name, given) => {
      const { vectors } = await completeSteer(model, await resolve(name, given, { prompts: [], edits: [] }));
      const [vector] = vectors;
      const found = [...(vector ? (vectorData(vector)[0] ?? []) : [])];
      const wanted = given.edits[0]?.vector ?? [];
      expect(found).toHaveLength(wanted.length);
      found.forEach((value, entry) => {
        expect(Math.abs(value - (wanted[entry] ?? Number.NaN))).toBeLessThan(1e-4);
      });
      expect(Math.hypot(...wanted)).toBeGreaterThan(0.01);
    },
  );

  test('the steering file of a result generates the same texts', async () => {
    for (const [name, given] of own.filter(([, { isSampled }]) => !isSampled)) {
      const steer = await resolve(name, given);
      const result = await completeSteer(model, steer);
      const text = new TextDecoder().decode(steerFiles(result).files['steering.json']);
      const placed = await placeSteering(readSteering(JSON.parse(text)), () =>
        Promise.reject(new Error('no file')),
      );
      const rows = steer.prompts.map((prompt) => ({
        ...rowOf(prompt),
        // As the command line has it: by what stands at the start of its row.
        edits: steeringEdits(
          model.architecture,
          placed,
          runFrom(model.architecture, prompt.tokens, sourceOf(prompt)),
          () => false,
        ),
      }));
      const { eosIds } = steer.settings;
      const texts = await generateTexts(model, { rows, maxNewTokens: newTokens, eosIds });
      expect(texts.map(({ tokens }) => tokens)).toEqual(given.texts.map(({ tokens }) => tokens));
    }
  });

  test('all columns and a sweep arrive, and a result survives being written and read', async () => {
    const [[name, given] = ['', undefined]] = own;
    if (!given) throw new Error('There is no case.');
    const [first] = given.edits;
    const words = { towards: [4], away: [5] };
    const sweep = { edit: 'vector 0', layers: [first?.layer ?? 0], strengths: [0.5, 1] };
    const steer = await resolve(name, given, { columns, words, sweep });
    const seen: number[] = [];
    const result = await completeSteer(model, steer, { onProgress: (done) => seen.push(done) });
    expect(seen.at(-1)).toBe(steerWork.estimate(model.architecture, steer).rowLayers);
    expect(readSteerResult(JSON.parse(JSON.stringify(result)))).toEqual(result);
    for (const texts of result.texts) expect(texts?.map(({ column }) => column)).toEqual(columns);
    for (const cell of result.sweep?.[0] ?? [])
      for (const { projection, effect } of cell.texts) {
        expect(Number.isFinite(effect)).toBe(true);
        expect(projection === null).toBe(first?.component.includes('.') ?? false);
      }
    expect(result.programs.every(({ text }) => text === null)).toBe(true);
    const { refused, files } = steerFiles(result);
    expect(refused.map(({ name: of }) => of)).toEqual(expect.arrayContaining(['the folder interventions']));
    expect(Object.keys(files)).toContain('steering.json');
  });
});

describe('what is refused', () => {
  const t5 = describeArchitecture(tinyT5, new Set());
  const gpt2 = describeArchitecture(tinyConfigurations.gpt2, new Set());
  const steer = (more: object, architecture = t5) =>
    resolveSteer(
      architecture,
      undefined,
      readSteerExperiment({
        ...{ kind: 'steer', version: 1, model: 'tiny', prompts: [[3, 4, 5]] },
        vectors: [{ name: 'own', component: 'encoder.block_output', layers: [1], from: { random: 1 } }],
        edits: [{ vector: 'own' }],
        ...more,
      }),
    );

  test.each<[string, object, string]>([
    [
      'steps of what is read once',
      { edits: [{ vector: 'own', steps: 'all' }] },
      `The edit 'own' names steps, and 'encoder.block_output' has the positions of what the encoder reads, once, before the first step.`,
    ],
    [
      'an edit of the encoder that acts nowhere',
      { edits: [{ vector: 'own', prompt: 'none' }] },
      `The edit 'own' acts nowhere: 'encoder.block_output' has the positions of what the encoder reads`,
    ],
    [
      'a layer that a stack does not have',
      { vectors: [{ name: 'own', layers: [2], from: { random: 1 } }] },
      "Layer 2 of 'block_output' does not exist: this model has layers 0 to 1 of it.",
    ],
    [
      'a chat',
      { prompts: [{ messages: [{ role: 'user', content: 'w3' }] }] },
      'The prompt 1 is a chat, and this t5 model reads a source beside what it writes. Give it as a text.',
    ],
    [
      'a picture',
      { prompts: [{ prompt: [3, 4], image: { name: 'a.png' } }] },
      'This t5 model reads no picture. Leave out',
    ],
    [
      'a token past the source',
      {
        vectors: [
          {
            ...{ name: 'own', component: 'encoder.block_output' },
            from: {
              method: 'difference',
              positive: [[3, 4]],
              negative: [{ prompt: [3], target: [5, 6] }],
              token: 1,
            },
          },
        ],
      },
      "The vector 'own': negative text 1 has 1 tokens, and no token 1.",
    ],
    [
      'an addition longer than the source',
      {
        vectors: [
          {
            ...{ name: 'own', component: 'encoder.block_output' },
            from: { method: 'activation-addition', positive: [[3, 4, 5, 6]], negative: [[3, 4, 5, 7]] },
          },
        ],
      },
      "The edit 'own' has a vector for each of the first 4 positions, and the source of prompt 1 has 3 tokens.",
    ],
  ])('%s', async (_, more, sentence) => {
    await expect(steer(more)).rejects.toThrow(sentence);
  });

  test('a target of a model of one stack', async () => {
    await expect(
      steer(
        {
          prompts: [],
          edits: [],
          vectors: [
            {
              name: 'own',
              layers: [1],
              from: { method: 'difference', positive: [{ prompt: [3], target: [4] }], negative: [[4]] },
            },
          ],
        },
        gpt2,
      ),
    ).rejects.toThrow(/one stack, and so no target beside its prompt/);
  });
});
