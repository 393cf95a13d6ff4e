// Folders that pyvene has saved from a BLIP that answers questions, by its own names: they do here what they did there. See
// expected/make_pyvene_blip.py.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { openFolder } from '../../checkpoint/openNode.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { Model } from '../../runtime/model.ts';
import { IntervenableModel, type RunArguments } from '../intervenableModel.ts';
import { nameFromFolder, nameInFolder } from './pyveneNames.ts';

interface Expected {
  readonly pixels: readonly (readonly number[])[];
  readonly questions: readonly (readonly number[])[];
  readonly answers: readonly (readonly number[])[];
  readonly cases: readonly {
    readonly component: string;
    readonly type: string;
    /** Of every component, as pyvene was told. */
    readonly width: number;
    readonly files: Readonly<Record<string, string>>;
    readonly logits: readonly number[];
  }[];
}
const expected: Expected = JSON.parse(
  readFileSync(new URL('../expected/pyvene_blip.expected.json', import.meta.url), 'utf8'),
);
const side = (row: number) => ({
  pixelValues: Float32Array.from(expected.pixels[row] ?? []),
  inputIds: expected.questions[row] ?? [],
  decoderInputIds: expected.answers[row] ?? [],
});
const call: RunArguments = {
  base: side(0),
  sources: [side(1)],
  unitLocations: { 'sources->base': { source: 1, base: 3 } },
};

let backend: Backend;
let checkpoint: Checkpoint;
let model: Model;
beforeAll(async () => {
  backend = createNodeBackend(1);
  checkpoint = await openFolder(
    fileURLToPath(new URL('../../cli/conformance/expected/blip-answers/model', import.meta.url)),
  );
  model = await Model.load(checkpoint, backend);
});
afterAll(async () => {
  await model.dispose();
  await checkpoint.close();
  await backend.close();
});

const filesOf = (files: Readonly<Record<string, string>>) =>
  new Map(Object.entries(files).map(([name, bytes]) => [name, new Uint8Array(Buffer.from(bytes, 'base64'))]));

async function logitsOf(files: ReadonlyMap<string, Uint8Array>) {
  const intervenable = await IntervenableModel.load(files, model);
  const { intervenedOutputs } = await intervenable.run(call);
  return { intervenable, found: [...(intervenedOutputs.logits[0]?.data ?? [])] };
}

const farthest = (found: readonly number[], wanted: readonly number[]): number =>
  Math.max(...wanted.map((value, at) => Math.abs(value - (found[at] ?? Number.NaN))));

describe('a folder of a BLIP that answers', () => {
  test.each(
    expected.cases.map((each) => [`${each.component}, ${each.type}, width ${each.width}`, each] as const),
  )('does what it did in pyvene, and so does what is saved of it: %s', async (_, { files, logits }) => {
    const { intervenable, found } = await logitsOf(filesOf(files));
    expect(farthest(found, logits)).toBeLessThan(2e-5);
    const again = await logitsOf(intervenable.save());
    expect(again.found).toEqual(found);
  });

  test('is written by pyvene’s names where it has them, and never by one that it takes for the question’s', () => {
    const savedAs = (component: string) => {
      const saved = new IntervenableModel({ layer: 1, component }, model).save().get('config.json');
      const config: { readonly representations: readonly (readonly unknown[])[] } = JSON.parse(
        new TextDecoder().decode(saved),
      );
      return config.representations[0]?.[1];
    };
    expect(
      [
        'question.block_output',
        'question.block_middle',
        'question.cross_block_input',
        'question.mlp_activation',
        'vision.block_output',
        'block_output',
        'attention_output',
        'text_decoder.bert.encoder.layer[1].output',
      ].map((component) =>
        component.includes('[') ? nameInFolder(model.architecture, component) : savedAs(component),
      ),
    ).toEqual([
      'block_output',
      'mlp_input',
      'attention_output',
      'question.mlp_activation',
      'vision.block_output',
      'answer.block_output',
      'answer.attention_output',
      'text_decoder.bert.encoder.layer[1].output',
    ]);
    for (const { name } of model.architecture.components)
      expect(nameFromFolder(model.architecture, nameInFolder(model.architecture, name), 'x')).toBe(name);
  });

  test('has one name for the answer’s components and the caption’s, whichever model is known', () => {
    expect(nameInFolder({ modelType: 'blip' }, 'block_output')).toBe('answer.block_output');
    expect(nameInFolder({ modelType: 't5' }, 'block_output')).toBe('block_output');
    const captioning = { modelType: 'blip', components: [] };
    expect(nameFromFolder(captioning, 'answer.block_output', 'x')).toBe('block_output');
    expect(nameFromFolder(captioning, 'block_output', 'x')).toBe('block_output');
  });

  test('says of what pyvene calls mlp_activation that it is no component', () => {
    expect(() => nameFromFolder(model.architecture, 'mlp_activation', 'layer_1')).toThrow(
      "layer_1: in BLIP pyvene's 'mlp_activation' is what enters the activation function",
    );
  });

  test('may have the names of modules in pyvene’s wrapper', async () => {
    const at = async (component: string) => {
      const { intervenedOutputs } = await new IntervenableModel({ component }, model).run(call);
      return intervenedOutputs.logits[0]?.data;
    };
    const wanted = await at('text_encoder.encoder.layer[1].output.dense.output');
    expect(await at('model_text_enc.encoder.layer[1].output.dense.output')).toEqual(wanted);
    expect(await at('model_vis.encoder.layers[1].output')).toEqual(
      await at('vision_model.encoder.layers.1.output'),
    );
  });
});
