// Weights that stay on the device as they are stored, against the processor's expansion, whose bits are held to PyTorch's and
// gguf's elsewhere. On Dawn; where it or an adapter is missing the tests say so and are skipped.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Checkpoint, StorageDtype } from '../../checkpoint/checkpoint.ts';
import { decoded, expectedExpansions } from '../../checkpoint/expected/smallFiles.ts';
import { expand } from '../../checkpoint/storage/expand.ts';
import { halfValues } from '../../checkpoint/storage/half.ts';
import { isStorageDtype } from '../../checkpoint/storage/storage.ts';
import { toHalf } from '../../onnx/half.ts';
import { dawnDevice, openDawnBackend } from '../fixtures/dawnBackend.ts';
import { plans } from '../fixtures/gradientPlans.ts';
import { tinyCheckpoint, tinyConfigurations } from '../fixtures/tinyCheckpoint.ts';
import { Model } from '../model.ts';
import type { WeightResidency } from '../weights/residency.ts';
import type { Backend } from './backend.ts';
import { isPackedDtype } from './storedShaders.ts';

const device = await dawnDevice();
const hindrance = 'reason' in device ? device.reason : undefined;

const { cases } = expectedExpansions();

function dtypeOf(name: string): StorageDtype {
  if (!isStorageDtype(name)) throw new Error(`${name} is not a storage dtype`);
  return name;
}

/** The same numbers in 16 bits each: the upper half of every float32. */
function halves(checkpoint: Checkpoint): Checkpoint {
  const tensors = new Map(
    [...checkpoint.tensors].map(([name, info]) => [
      name,
      { ...info, dtype: 'BF16' as const, sizeBytes: info.sizeBytes / 2 },
    ]),
  );
  const read = async (name: string) => (await checkpoint.read(name)).filter((_, at) => at % 4 >= 2);
  return { ...checkpoint, tensors, read };
}

const bitsOf = (values: ArrayBufferView): Uint32Array =>
  new Uint32Array(values.buffer, values.byteOffset, values.byteLength / 4);

test('every dtype of 16 bits and less that files of language models have stays packed', () => {
  const packed = cases.map(({ dtype }) => dtypeOf(dtype)).filter(isPackedDtype);
  expect([...packed].sort()).toEqual(
    ['BF16', 'F16', 'Q4_0', 'Q4_1', 'Q4_K', 'Q5_0', 'Q5_1', 'Q5_K', 'Q6_K', 'Q8_0'].sort(),
  );
});

test.skipIf(hindrance === undefined)('weights are expanded on a GPU', ({ skip }) => skip(hindrance));

describe.skipIf(hindrance !== undefined)('on a device', () => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await openDawnBackend('number' in device ? device.number : 0);
  });
  afterAll(() => backend?.close());

  async function expandedThere(
    dtype: StorageDtype,
    bytes: Uint8Array,
    elements: number,
    as: 'float32' | 'float16' = 'float32',
  ) {
    const { packing } = backend;
    if (!packing) throw new Error('WebGPU packs weights.');
    const packed = packing.upload(dtype, bytes, [elements]);
    const expanded = packing.expand(packed, as);
    const values = await backend.read(expanded);
    backend.dispose(expanded);
    backend.dispose(packed);
    return bitsOf(values);
  }

  test.each(cases.filter(({ dtype }) => isPackedDtype(dtypeOf(dtype))))(
    '$dtype expands to the very bits of the reference',
    async ({ dtype, elements, bytes, values }) => {
      const found = await expandedThere(dtypeOf(dtype), decoded(bytes), elements);
      expect([...found]).toEqual([...bitsOf(new Float32Array(decoded(values).buffer))]);
      expect(backend.liveTensors).toBe(0);
    },
  );

  test.each(cases.filter(({ dtype }) => isPackedDtype(dtypeOf(dtype))))(
    '$dtype expands to the float16 that are nearest to the numbers of the reference',
    async ({ dtype, elements, bytes, values }) => {
      const found = await expandedThere(dtypeOf(dtype), decoded(bytes), elements, 'float16');
      const halves = toHalf(new Float32Array(decoded(values).buffer));
      expect([...found]).toEqual([...bitsOf(Float32Array.from(halves, (half) => halfValues[half] ?? 0))]);
    },
  );

  test('all 65536 patterns of BF16 round to float16 as on the processor, and an odd number of them too', async () => {
    const patterns = Uint16Array.from({ length: 65_535 }, (_, pattern) => pattern);
    const bytes = new Uint8Array(patterns.buffer);
    const found = await expandedThere('BF16', bytes, patterns.length, 'float16');
    const halves = toHalf(expand('BF16', bytes, patterns.length));
    expect([...found]).toEqual([...bitsOf(Float32Array.from(halves, (half) => halfValues[half] ?? 0))]);
  });

  test.each(['F16', 'BF16'] as const)(
    'all 65536 patterns of %s expand as on the processor',
    async (dtype) => {
      const bytes = new Uint8Array(Uint16Array.from({ length: 65_536 }, (_, pattern) => pattern).buffer);
      const found = await expandedThere(dtype, bytes, 65_536);
      expect([...found]).toEqual([...bitsOf(expand(dtype, bytes, 65_536))]);
    },
  );

  test('a model runs and differentiates with packed weights as with expanded ones, bit for bit, and leaves nothing', async () => {
    const config = { ...tinyConfigurations.llama, num_hidden_layers: 2 };
    const halved = halves(tinyCheckpoint(config));
    const { rows, terms } = plans['rows of several lengths'] ?? { rows: [], terms: [] };
    const place = { row: 0, site: { component: 'block_output', layer: 0 }, location: { positions: [1, 2] } };
    const numbers = async (residency: WeightResidency) => {
      const model = await Model.load(halved, backend, { residency });
      const [run] = await model.run({
        rows,
        reads: [{ ...place, site: { component: 'logits', layer: null } }],
      });
      const held = backend.liveBytes;
      const { objective, at } = await model.gradients({ rows, terms, at: [place] });
      expect(backend.liveBytes).toBe(held);
      await model.dispose();
      expect(backend.liveTensors).toBe(0);
      return { held, numbers: { run, objective, at } };
    };
    const expanded = await numbers('expanded');
    const packed = await numbers('packed');
    expect(packed.numbers).toEqual(expanded.numbers);
    expect(packed.numbers.objective).not.toBe(0);
    // All but the rotary tables are half as large.
    const tables = 2 * 64 * config.hidden_size;
    expect(packed.held).toBeLessThan(expanded.held / 2 + 4 * tables);
  });

  test('a weight that is expanded by several dispatches has no seam', async () => {
    const elements = 2 ** 24 + 64;
    const patterns = Uint16Array.from({ length: elements }, (_, at) => Math.imul(at, 40_503) >>> 7);
    const bytes = new Uint8Array(patterns.buffer);
    const found = await expandedThere('BF16', bytes, elements);
    expect(
      Buffer.compare(Buffer.from(found.buffer), Buffer.from(expand('BF16', bytes, elements).buffer)),
    ).toBe(0);
  });
});
