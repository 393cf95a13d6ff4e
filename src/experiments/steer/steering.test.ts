import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeArchitecture } from '../../architectures/registry.ts';
import { memorySource } from '../../checkpoint/sources/byteSource.ts';
import { writeControlVector } from '../../checkpoint/vectors/writeControlVector.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { seededRandom, tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { generateTexts } from '../../runtime/generation/generate.ts';
import { Model } from '../../runtime/model.ts';
import { textRun } from './passageRun.ts';
import { readSteering } from './steering.ts';
import { type PlacedSteering, placeSteering, steeringEdits } from './steeringEdits.ts';

const next = seededRandom(2);
const vector = Array.from({ length: 16 }, () => next());
const file = (...edits: readonly object[]) => readSteering({ kind: 'steering', version: 1, edits });
const nothing = async (): Promise<never> => Promise.reject(new Error('no file'));
const tokens = [0, 17, 8, 1, 25];
const isSpecial = (id: number) => id === 1;
const architecture = describeArchitecture(tinyConfigurations.gpt2, new Set());
const editsOf = (placed: readonly PlacedSteering[], factor = 1) =>
  steeringEdits(architecture, placed, textRun(tokens), isSpecial, factor);

test('a vector acts by default at the state of the first new token and at all after it', async () => {
  const placed = await placeSteering(file({ layers: [0, 2], vector, strength: 3 }), nothing);
  const edits = editsOf(placed);
  expect(edits.map(({ site, at }) => ({ site, at }))).toEqual([
    { site: { component: 'block_output', layer: 0 }, at: {} },
    { site: { component: 'block_output', layer: 2 }, at: {} },
  ]);
  expect(edits[0]?.source).toEqual({ kind: 'vector', data: Float32Array.from(vector).map((x) => 3 * x) });
});

test('all of a prompt is its text, unless special tokens are meant as well', async () => {
  const of = async (edit: object) =>
    editsOf(await placeSteering(file({ layers: [1], vector, prompt: 'all', ...edit }), nothing))[0]?.at;
  expect(await of({})).toEqual({ prompt: [1, 2, 4] });
  expect(await of({ specialTokens: true, steps: { from: 1 } })).toEqual({
    prompt: 'all',
    steps: { from: 1 },
  });
});

test('a control vector brings its layers, and a steering may choose among them', async () => {
  const directions = new Map([
    [1, Float32Array.of(3, 4)],
    [2, Float32Array.of(1, 0)],
  ]);
  const open = async () => memorySource('v.gguf', writeControlVector(directions, 'llama'));
  const of = async (edit: object) =>
    (await placeSteering(file({ vector: { file: 'v.gguf' }, ...edit }), open)).map(({ layer, steering }) => [
      layer,
      steering.sourceAt(1),
    ]);
  expect(await of({ normalize: true })).toEqual([
    [1, { kind: 'vector', data: Float32Array.of(0.6, 0.8) }],
    [2, { kind: 'vector', data: Float32Array.of(1, 0) }],
  ]);
  expect(await of({ layers: [2] })).toHaveLength(1);
  await expect(of({ layers: [5] })).rejects.toThrow('has no direction for layer 5. It has: 1, 2.');
  const shifted = { vector: { file: 'v.gguf', writer: 'cvector-generator' } };
  expect((await of(shifted)).map(([layer]) => layer)).toEqual([0, 1]);
});

test.each([
  [{ layers: [1], vector, strenght: 3 }, 'There is no such field'],
  [{ layers: [1] }, "'edits.0.vector'"],
  [{ layers: [1], vector, map: { kind: 'melt' } }, "'edits.0.map"],
])('a file with the edit %j is refused in a sentence', (edit, message) => {
  expect(() => file(edit)).toThrow(message);
});

describe('a steered text', () => {
  let backend: Backend;
  let model: Model;
  beforeAll(async () => {
    backend = createNodeBackend(1);
    model = await Model.load(tinyCheckpoint(tinyConfigurations.llama), backend);
  });
  afterAll(async () => {
    await model.dispose();
    await backend.close();
  });

  test('of strengths in one batch is that of each alone', async () => {
    const placed = await placeSteering(
      file({ layers: [1], vector, map: { kind: 'add' }, keepNorm: true, prompt: [2], steps: 'all' }),
      nothing,
    );
    const row = (factor: number) => ({ tokens, edits: editsOf(placed, factor) });
    const strengths = [-4, -1, 1, 4];
    const together = await generateTexts(model, { rows: strengths.map(row), maxNewTokens: 8 });
    for (const [index, strength] of strengths.entries()) {
      const [alone] = await generateTexts(model, { rows: [row(strength)], maxNewTokens: 8 });
      expect(together[index]?.tokens).toEqual(alone?.tokens);
    }
    expect(new Set(together.map((text) => text.tokens.join(' '))).size).toBeGreaterThan(1);
  });

  test('needs a vector of the width of the model', async () => {
    const placed = await placeSteering(file({ layers: [1], vector: [1, 2] }), nothing);
    const rows = [{ tokens, edits: editsOf(placed) }];
    await expect(generateTexts(model, { rows, maxNewTokens: 2 })).rejects.toThrow(
      "The vector for 'block_output' has 2 numbers, and this model needs 16.",
    );
  });
});
