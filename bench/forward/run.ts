// npx tsx bench/forward/run.ts MODEL.gguf --python PYTHON
// One forward pass of 64 rows of 10 tokens through all layers, Patchbay on Node and on WASM against PyTorch, each in a
// process of its own, one after another, in turns. Two threads each. Prints ratios and the machine.

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine, median } from '../machine.ts';
import { measure } from '../measure.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { python: { type: 'string', default: 'python3' }, turns: { type: 'string', default: '3' } },
});
const [model] = positionals;
if (!model) throw new Error('Usage: npx tsx bench/forward/run.ts MODEL.gguf --python PYTHON');
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const size = ['64', '10', '5'];

interface Measured {
  readonly seconds: number;
  readonly loadSeconds: number;
  readonly loadPeakBytes?: number;
  readonly weightBytes?: number;
}
const patchbay = (kind: string) => measure<Measured>('npx', 'tsx', here('patchbay.ts'), kind, model, ...size);
const torch = () => measure<Measured>(values.python, here('torch_forward.py'), model, ...size);

const turns = Array.from({ length: Number(values.turns) }, () => ({
  torch: torch(),
  node: patchbay('node'),
  wasm: patchbay('wasm'),
}));
const middle = (pick: (turn: (typeof turns)[number]) => number) => median(turns.map(pick));
const reference = middle((turn) => turn.torch.seconds);
console.log(describeMachine());
console.log(`PyTorch       ${reference.toFixed(3)} s`);
for (const kind of ['node', 'wasm'] as const) {
  const seconds = middle((turn) => turn[kind].seconds);
  console.log(`Patchbay ${kind}  ${seconds.toFixed(3)} s, ${(seconds / reference).toFixed(2)} times PyTorch`);
  const beyond = middle((turn) => (turn[kind].loadPeakBytes ?? 0) - (turn[kind].weightBytes ?? 0));
  console.log(
    `  from file to ready ${middle((turn) => turn[kind].loadSeconds).toFixed(2)} s, peak memory ${(beyond / 2 ** 20).toFixed(0)} MiB beyond the float32 weights`,
  );
}
