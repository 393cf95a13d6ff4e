// Models as exporters write them, against PyTorch and ONNX Runtime in Python. The references lie beside the repository.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { CaseResult } from './cases.ts';
import { conformOnnx } from './onnxFolder.ts';

const references = join(import.meta.dirname, '..', '..', '..', '..', 'shared', 'reference', 'onnx');
const isHere = existsSync(references);

/** One of each difficulty: scoped names, module paths in metadata, two chains, an If, a Scan, eight bits, disorder. */
const onNode = [
  'gpt2',
  'llama_dynamo',
  'bert',
  't5',
  'cnn',
  'unet',
  'decoder_merged',
  'loop',
  'bert_int8',
  'fp16',
  'q4',
];
const onWasm = ['mlp', 'external', 'functions', 'lstm', 'vit'];

async function failures(folder: string, backend: 'node' | 'wasm'): Promise<readonly string[]> {
  const results: CaseResult[] = [];
  await conformOnnx(join(references, folder), backend, {
    threads: 1,
    onCase: (result) => results.push(result),
  });
  expect(results.length).toBeGreaterThan(5);
  return results
    .filter(({ status }) => status !== 'passed')
    .map(({ label, reason, difference }) => `${label}: ${reason ?? JSON.stringify(difference)}`);
}

test.skipIf(!isHere).each(onNode)(
  'all cases of %s pass on Node',
  async (folder) => {
    expect(await failures(folder, 'node')).toEqual([]);
  },
  60_000,
);

test.skipIf(!isHere).each(onWasm)(
  'all cases of %s pass on WASM',
  async (folder) => {
    expect(await failures(folder, 'wasm')).toEqual([]);
  },
  60_000,
);
