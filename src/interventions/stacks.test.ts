// Interventions on models that read a picture, and on those of two stacks.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openFolder } from '../checkpoint/openNode.ts';
import { readSafetensorsHeader } from '../checkpoint/safetensors/safetensors.ts';
import { openDiskFile } from '../checkpoint/sources/disk.ts';
import type { Backend } from '../runtime/backends/backend.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { Model } from '../runtime/model.ts';
import { IntervenableModel } from './intervenableModel.ts';

/** Folders with what PyTorch computed. */
const root = fileURLToPath(new URL('../cli/conformance/expected/', import.meta.url));

let backend: Backend;
beforeAll(() => {
  backend = createNodeBackend(1);
});
afterAll(() => backend.close());

interface Place {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly data_offsets: readonly [number, number];
}

/** The tensors of a folder of results, row by row. */
async function tensorsOf(name: string) {
  const path = join(root, name, 'tensors.safetensors');
  const source = await openDiskFile(path);
  if (source) await readSafetensorsHeader(source);
  await source?.close();
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE(0));
  const header: Readonly<Record<string, Place>> = JSON.parse(bytes.subarray(8, 8 + length).toString());
  return (tensor: string): readonly Float32Array[] => {
    const { shape = [], dtype, data_offsets: [from, to] = [0, 0] } = header[tensor] ?? {};
    const own = bytes.buffer.slice(bytes.byteOffset + 8 + length + from, bytes.byteOffset + 8 + length + to);
    const data = dtype === 'I64' ? Float32Array.from(new BigInt64Array(own), Number) : new Float32Array(own);
    const each = data.length / (shape[0] ?? 1);
    return Array.from({ length: shape[0] ?? 1 }, (_, row) => data.slice(row * each, (row + 1) * each));
  };
}

async function onModel(name: string, act: (model: Model) => Promise<void>): Promise<void> {
  const checkpoint = await openFolder(join(root, name, 'model'));
  const model = await Model.load(checkpoint, backend);
  try {
    await act(model);
  } finally {
    await model.dispose();
    await checkpoint.close();
  }
  expect(backend.liveTensors).toBe(0);
}

const farthest = (found: Float32Array | undefined, wanted: Float32Array | undefined): number =>
  Math.max(...Array.from(wanted ?? [], (value, at) => Math.abs(value - (found?.[at] ?? Number.NaN))));

const ids = (rows: readonly Float32Array[]) => rows.map((row) => [...row]);

interface Case {
  readonly kind: string;
  readonly component: string;
  readonly source_position: number;
  readonly base_position: number;
  readonly output: string;
}

test.each(['t5-gated', 'whisper-heads', 'blip-wide', 'blip-answers', 'vit-unbiased'])(
  'an interchange in %s gives the logits of PyTorch, whichever stack it is in',
  (name) =>
    onModel(name, async (model) => {
      const tensor = await tensorsOf(name);
      const { cases }: { readonly cases: readonly Case[] } = JSON.parse(
        readFileSync(join(root, name, 'cases.json'), 'utf8'),
      );
      const family = model.architecture.family;
      const side = (of: 'base' | 'source') => {
        if (family === 't5')
          return { inputIds: ids(tensor(of)), decoderInputIds: ids(tensor(`${of}.decoder`)) };
        if (family === 'whisper')
          return { inputFeatures: tensor(`${of}.input_features`), decoderInputIds: ids(tensor(of)) };
        const pixelValues = tensor(`${of}.pixel_values`);
        if (name === 'blip-answers')
          return { pixelValues, inputIds: ids(tensor(of)), decoderInputIds: ids(tensor(`${of}.decoder`)) };
        return family === 'vit' ? { pixelValues } : { pixelValues, inputIds: ids(tensor(of)) };
      };
      const swaps = cases.filter(({ kind }) => kind === 'interchange');
      expect(swaps.length).toBeGreaterThan(2);
      for (const { component, source_position: from, base_position: to, output } of swaps) {
        const intervenable = new IntervenableModel({ layer: 1, component }, model);
        const { intervenedOutputs } = await intervenable.run({
          base: side('base'),
          sources: [side('source')],
          unitLocations: { 'sources->base': [[[[from], [from]]], [[[to], [to]]]] },
        });
        const wanted = tensor(output);
        intervenedOutputs.logits.forEach(({ data }, row) => {
          expect(farthest(data, wanted[row])).toBeLessThan(2e-5);
        });
      }
    }),
);

test('a text is written under an intervention in the encoder, from the decoder’s start on', () =>
  onModel('t5-gated', async (model) => {
    const tensor = await tensorsOf('t5-gated');
    const [source = []] = ids(tensor('base'));
    const [expected = []] = ids(tensor('generate.greedy'));
    const plain = new IntervenableModel(
      { layer: 1, component: 'encoder.block_output', intervention_type: 'ZeroIntervention' },
      model,
    );
    const call = { base: source, maxNewTokens: 6 };
    const at = (positions: readonly number[]) =>
      plain.generate({ ...call, placement: { prompt: positions, steps: 'none' } });
    const [changed] = await at([0, 1, 2, 3, 4]);
    expect(changed?.sequence).toHaveLength(7);
    expect(changed?.sequence).not.toEqual(expected);
    const [collected] =
      (await plain.collect({ base: source, sites: [{ component: 'encoder.block_output', layer: 2 }] }))[0] ??
      [];
    expect(collected?.shape).toEqual([source.length, 16]);
  }));

test('an answer is written under an intervention in the question, which reads the picture', () =>
  onModel('blip-answers', async (model) => {
    const tensor = await tensorsOf('blip-answers');
    const pixelValues = tensor('base.pixel_values').slice(0, 1);
    const [asked = []] = ids(tensor('base'));
    const base = { pixelValues, inputIds: [asked] };
    const zero = new IntervenableModel(
      { layer: 1, component: 'question.block_output', intervention_type: 'ZeroIntervention' },
      model,
    );
    const at = async (positions: readonly number[]) =>
      (await zero.generate({ base, maxNewTokens: 6, placement: { prompt: positions, steps: 'none' } }))[0];
    const [expected = []] = ids(tensor('generate.greedy'));
    const plain = new IntervenableModel(
      { layer: 1, component: 'question.block_output', intervention_type: 'AdditionIntervention' },
      model,
    );
    const unchanged = await plain.generate({
      base,
      maxNewTokens: 6,
      sourceRepresentations: {
        'comp_question_block_output_unit_pos_nunit_1#0': new Float32Array(16),
      },
      placement: { prompt: [0], steps: 'none' },
    });
    expect(unchanged[0]?.sequence).toEqual(expected);
    const changed = await at([0, 1, 2, 3, 4, 5, 6]);
    expect(changed?.sequence).not.toEqual(expected);
    await expect(at([7])).rejects.toThrow(/The prompt has no position 7: it has 7 tokens, 0 to 6/);
  }));

test.each<[string, string, object, RegExp]>([
  [
    'a question as text alone',
    'blip-answers',
    { base: [1, 2] },
    /base: a blip model reads a picture and a question: give \{ pixelValues, inputIds, decoderInputIds \}/,
  ],
  [
    'a question without its picture',
    'blip-answers',
    { base: { inputIds: [1], decoderInputIds: [2] } },
    /a blip model reads 'pixelValues', which is missing/,
  ],
  [
    'tokens for a classifier of pictures',
    'vit-unbiased',
    { base: [1, 2] },
    /base: a vit model reads a picture: give \{ pixelValues \}/,
  ],
  [
    'ids beside its picture',
    'vit-unbiased',
    { base: { pixelValues: new Float32Array(256), inputIds: [1] } },
    /reads a picture and no ids/,
  ],
  [
    'a caption without its picture',
    'blip-wide',
    { base: { inputIds: [1] } },
    /a blip model reads 'pixelValues', which is missing/,
  ],
  [
    'a picture for a text',
    't5-gated',
    { base: { pixelValues: new Float32Array(4) } },
    /base\.pixelValues: a t5 model does not read that/,
  ],
  [
    'another number of pictures than of captions',
    'blip-wide',
    { base: { pixelValues: [new Float32Array(432), new Float32Array(432)], inputIds: [[1], [2], [3]] } },
    /2 are read and 3 written; they must be as many, or one/,
  ],
])('%s is refused', (_, name, call, sentence) =>
  onModel(name, async (model) => {
    const component = model.architecture.encoder ? 'block_output' : 'block_input';
    const intervenable = new IntervenableModel(
      { layer: 0, component, intervention_type: 'ZeroIntervention' },
      model,
    );
    // What a caller in JavaScript may give.
    const run = intervenable.run(call as Parameters<IntervenableModel['run']>[0]);
    await expect(run).rejects.toThrow(sentence);
  }),
);
