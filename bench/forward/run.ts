// npx tsx bench/forward/run.ts MODEL.gguf --python PYTHON
// npx tsx bench/forward/run.ts --family mixtral|qwen3_moe|mamba|mamba2|bert|llama --python PYTHON
// One forward pass of 64 rows of 10 tokens (--rows, --length) through all layers, Patchbay on Node and on WASM against PyTorch,
// each in a process of its own, one after another, in turns, with as many threads each. Of a family the weights are random
// (random_model.py). Prints ratios, by the clock and by processor time, and the machine.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine, median } from '../machine.ts';
import { measure } from '../measure.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: 'string', default: 'python3' },
    turns: { type: 'string', default: '3' },
    family: { type: 'string' },
    rows: { type: 'string', default: '64' },
    length: { type: 'string', default: '10' },
    threads: { type: 'string', default: '2' },
    passes: { type: 'string', default: '5' },
    only: { type: 'string', default: 'node,wasm' },
  },
});
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const { family, python } = values;

function randomModel(of: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'patchbay-forward-'));
  process.on('exit', () => rmSync(folder, { recursive: true }));
  const count = measure<number>(python, here('random_model.py'), of, folder);
  console.log(`${of}, random weights, ${(count / 1e6).toFixed(0)} million parameters`);
  return folder;
}
const model = family === undefined ? positionals[0] : randomModel(family);
if (model === undefined)
  throw new Error('Usage: npx tsx bench/forward/run.ts MODEL.gguf|--family FAMILY --python PYTHON');
const size = [values.rows, values.length, values.passes, values.threads];
const kinds = (['node', 'wasm'] as const).filter((kind) => values.only.split(',').includes(kind));

interface Measured {
  readonly seconds: number;
  readonly processorSeconds: number;
  readonly loadSeconds: number;
  readonly loadPeakBytes?: number;
  readonly weightBytes?: number;
}
const patchbay = (kind: string) => measure<Measured>('npx', 'tsx', here('patchbay.ts'), kind, model, ...size);
const torch = () => measure<Measured>(python, here('torch_forward.py'), model, ...size);

type Side = 'torch' | (typeof kinds)[number];
const turns: readonly Readonly<Partial<Record<Side, Measured>>>[] = Array.from(
  { length: Number(values.turns) },
  () => ({ torch: torch(), ...Object.fromEntries(kinds.map((kind) => [kind, patchbay(kind)])) }),
);
const middle = (kind: Side, pick: (measured: Measured) => number) =>
  median(turns.flatMap((turn) => (turn[kind] ? [pick(turn[kind])] : [])));
const clock = ({ seconds }: Measured) => seconds;
const processor = ({ processorSeconds }: Measured) => processorSeconds;
const [reference, referenceProcessor] = [middle('torch', clock), middle('torch', processor)];
console.log(describeMachine());
console.log(`PyTorch       ${reference.toFixed(3)} s, ${referenceProcessor.toFixed(3)} s of processor time`);
for (const kind of kinds) {
  const [seconds, processorSeconds] = [middle(kind, clock), middle(kind, processor)];
  console.log(
    `Patchbay ${kind}  ${seconds.toFixed(3)} s, ${processorSeconds.toFixed(3)} s of processor time: ${(seconds / reference).toFixed(2)} and ${(processorSeconds / referenceProcessor).toFixed(2)} times PyTorch`,
  );
  const beyond = middle(kind, ({ loadPeakBytes = 0, weightBytes = 0 }) => loadPeakBytes - weightBytes);
  console.log(
    `  from file to ready ${middle(kind, ({ loadSeconds }) => loadSeconds).toFixed(2)} s, peak memory ${(beyond / 2 ** 20).toFixed(0)} MiB beyond the float32 weights`,
  );
}
