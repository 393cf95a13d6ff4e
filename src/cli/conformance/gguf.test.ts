// GGUF files of every family that is read from them, as the converter of llama.cpp writes them, against PyTorch's numbers on
// the models that they were made of. PATCHBAY_GGUF may name a folder of more, which expected/make_gguf.py --random writes.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as v from 'valibot';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openGguf } from '../../checkpoint/gguf/gguf.ts';
import { memorySource } from '../../checkpoint/sources/byteSource.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { createWasmBackendOnNode } from '../../runtime/backends/wasmBackendOnNode.ts';
import { Model } from '../../runtime/model.ts';
import { difference, tolerances } from './compare.ts';

const expectation = v.object({ tokens: v.array(v.number()), logits: v.string() });
const committed = v.parse(
  v.record(v.string(), v.object({ ...expectation.entries, file: v.string() })),
  JSON.parse(readFileSync(new URL('expected/gguf_families.expected.json', import.meta.url), 'utf8')),
);

const bytesOf = (name: string): Uint8Array =>
  new Uint8Array(gunzipSync(Buffer.from(committed[name]?.file ?? '', 'base64')));

const openBytes = (bytes: Uint8Array) => openGguf(memorySource('tiny.gguf', bytes));

async function expectLogits(
  bytes: Uint8Array,
  backend: Backend,
  { tokens, logits }: v.InferOutput<typeof expectation>,
): Promise<void> {
  const checkpoint = await openBytes(bytes);
  const model = await Model.load(checkpoint, backend);
  const site = { component: 'logits', layer: null };
  const location = { positions: tokens.map((_, position) => position) };
  const [read] = await model.run({
    rows: [{ start: { kind: 'tokens', tokens }, edits: [] }],
    reads: [{ row: 0, site, location }],
  });
  const stored = Buffer.from(logits, 'base64');
  const expected = new Float32Array(new Uint8Array(stored).buffer);
  const found = read?.value?.data ?? [];
  await model.dispose();
  await checkpoint.close();
  expect(difference([...found], [...expected], tolerances[backend.kind])).toMatchObject({ isWithin: true });
}

describe.each([
  ['node', async () => createNodeBackend(1)],
  ['wasm', () => createWasmBackendOnNode(1)],
] as const)('on %s', (_, create) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await create();
  });
  afterAll(() => backend.close());

  test.each(Object.keys(committed))('%s has the logits that PyTorch computes', async (name) => {
    const expected = committed[name];
    if (!expected) throw new Error(`${name} is not there`);
    await expectLogits(bytesOf(name), backend, expected);
  });

  const more = process.env.PATCHBAY_GGUF;
  if (more !== undefined && existsSync(more)) {
    const names = readdirSync(more).filter((name) => name.endsWith('.gguf'));
    test.each(names)('%s, of random options, has the logits that PyTorch computes', async (name) => {
      const expected = v.parse(
        expectation,
        JSON.parse(readFileSync(join(more, name.replace(/gguf$/, 'json')), 'utf8')),
      );
      await expectLogits(new Uint8Array(readFileSync(join(more, name))), backend, expected);
    });
  }
});
