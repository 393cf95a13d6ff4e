// Patchbay's side of bench/forward, one backend per process: prints one line of JSON.

import { openModel } from '../../src/checkpoint/openNode.ts';
import { createNodeBackend } from '../../src/runtime/backends/nodeBackend.ts';
import { createWasmBackendOnNode } from '../../src/runtime/backends/wasmBackendOnNode.ts';
import { Model } from '../../src/runtime/model.ts';
import { median } from '../machine.ts';

const [kind = 'node', path = '', rows = '64', length = '10', passes = '5', threads = '2'] =
  process.argv.slice(2);

const started = performance.now();
const backend =
  kind === 'node' ? createNodeBackend(Number(threads)) : await createWasmBackendOnNode(Number(threads));
const checkpoint = await openModel(path);
const model = await Model.load(checkpoint, backend);
const loadSeconds = (performance.now() - started) / 1000;
const loadPeakBytes = process.resourceUsage().maxRSS * 1024;

/** The same ids as the PyTorch side: (7 row + 13 position) mod 1000. */
const tokens = Array.from({ length: Number(rows) }, (_, row) =>
  Array.from({ length: Number(length) }, (_, position) => (7 * row + 13 * position) % 1000),
);
const site = { component: 'final_norm_output', layer: null };
const plan = {
  rows: tokens.map((ids) => ({ start: { kind: 'tokens' as const, tokens: ids }, edits: [] })),
  reads: tokens.map((_, row) => ({ row, site, location: { positions: [Number(length) - 1] } })),
};
await model.run(plan);
const times: number[] = [];
const processor: number[] = [];
for (let pass = 0; pass < Number(passes); pass++) {
  const [from, used] = [performance.now(), process.cpuUsage()];
  await model.run(plan);
  times.push((performance.now() - from) / 1000);
  const { user, system } = process.cpuUsage(used);
  processor.push((user + system) / 1e6);
}
console.log(
  JSON.stringify({
    seconds: median(times),
    processorSeconds: median(processor),
    loadSeconds,
    loadPeakBytes,
    weightBytes: model.parameterCount * 4,
  }),
);
process.exit(0);
