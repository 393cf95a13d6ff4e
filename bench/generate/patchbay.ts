// Patchbay's side of bench/generate, one backend per process: prints one line of JSON. By itself, with weights that stay packed:
//
//     npx tsx bench/generate/patchbay.ts node|wasm MODEL.gguf 32 128 1 packed

import { openModel } from '../../src/checkpoint/openNode.ts';
import { add } from '../../src/onnx/elementwise.ts';
import { createNodeBackend } from '../../src/runtime/backends/nodeBackend.ts';
import { createWasmBackendOnNode } from '../../src/runtime/backends/wasmBackendOnNode.ts';
import type { GenerationEdit } from '../../src/runtime/generation/request.ts';
import { Model } from '../../src/runtime/model.ts';
import { median } from '../machine.ts';
import type { Measured } from './run.ts';

const [kind = 'node', path = '', prompt = '32', count = '128', turns = '3', weights] = process.argv.slice(2);
const backend = kind === 'node' ? createNodeBackend(2) : await createWasmBackendOnNode(2);
const checkpoint = await openModel(path);
const residency = (['expanded', 'packed'] as const).find((each) => each === weights);
const model = await Model.load(checkpoint, backend, residency ? { residency } : {});

/** 20 times a unit vector, added at the output of layer 12: the same numbers as the PyTorch side. */
const { width } = model.architecture;
const edit: GenerationEdit = {
  site: { component: 'block_output', layer: 12 },
  at: { prompt: 'all', steps: 'all' },
  fragment: {
    key: 'added',
    parameters: {},
    build: ({ base, source }) => (source ? add(base, source) : base),
  },
  source: { kind: 'vector', data: new Float32Array(width).fill(20 / Math.sqrt(width)) },
};
const best = (logits: Float32Array): number => {
  let at = 0;
  for (let id = 1; id < logits.length; id++) if ((logits[id] ?? 0) > (logits[at] ?? 0)) at = id;
  return at;
};

async function generate(rows: number, edits: readonly GenerationEdit[]) {
  const before = backend.liveBytes;
  const started = performance.now();
  const { decoder, logits } = await model.decode(
    Array.from({ length: rows }, (_, row) => ({
      tokens: Array.from({ length: Number(prompt) }, (__, position) => (7 * row + 13 * position) % 1000),
      edits,
    })),
  );
  let next = new Map(logits.map((own, row) => [row, best(own)]));
  const firstToken = performance.now();
  const busy = process.cpuUsage();
  for (let step = 1; step < Number(count); step++) {
    const found = await decoder.step(next);
    next = new Map([...found].map(([row, own]) => [row, best(own)]));
  }
  const ended = performance.now();
  const { user, system } = process.cpuUsage(busy);
  const cacheBytes = backend.liveBytes - before;
  decoder.dispose();
  return {
    firstSeconds: (firstToken - started) / 1000,
    tokensPerSecond: (rows * (Number(count) - 1)) / ((ended - firstToken) / 1000),
    processorMs: (user + system) / 1000 / (Number(count) - 1),
    last: [...next.values()],
    cacheBytes,
    leftBytes: backend.liveBytes - before,
  };
}

const measured: Measured['cases'][number][] = [];
for (const rows of [1, 8])
  for (const isEdited of [false, true]) {
    const edits = isEdited ? [edit] : [];
    await generate(rows, edits);
    const runs = [];
    for (let turn = 0; turn < Number(turns); turn++) runs.push(await generate(rows, edits));
    const [{ last = [], cacheBytes = 0, leftBytes = 0 } = {}] = runs;
    measured.push({
      rows,
      isEdited,
      firstSeconds: median(runs.map((run) => run.firstSeconds)),
      tokensPerSecond: median(runs.map((run) => run.tokensPerSecond)),
      processorMs: median(runs.map((run) => run.processorMs)),
      last,
      cacheBytes,
      leftBytes,
    });
  }
console.log(JSON.stringify({ cases: measured } satisfies Measured));
process.exit(0);
