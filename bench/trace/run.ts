// npx tsx bench/trace/run.ts MODEL.gguf --python PYTHON [--samples 1] [--threads 2] [--turns 1] [--only node,pyvene]
// A causal trace of SmolLM2-135M (three streams, 30 layers, 10 positions: 900 cells) by Patchbay on Node, on WASM in Node
// and on WASM in Chromium, whole grids; by pyvene's tutorial and by PyTorch with ROME's batching, a sample of cells each
// and the rest extrapolated. One after another in turns, as many threads each (the tab
// takes as many as the machine has). Prints ratios and the machine, and checks that
// all computed the same cells.

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine, median } from '../machine.ts';
import { measure } from '../measure.ts';
import type { MeasuredCell } from './eiffel.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: 'string', default: 'python3' },
    samples: { type: 'string', default: '1' },
    threads: { type: 'string', default: '2' },
    turns: { type: 'string', default: '1' },
    only: { type: 'string', default: 'pyvene,torch,node,wasm,chromium' },
  },
});
const [model] = positionals;
if (!model) throw new Error('Usage: npx tsx bench/trace/run.ts MODEL.gguf --python PYTHON [--samples 1]');
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

interface Measured {
  readonly seconds: number;
  /** Of all threads; other work on the machine disturbs it less. Not known of a tab. */
  readonly cpuSeconds?: number;
  readonly firstCellsSeconds?: number;
  /** Cells that were measured, where not all were. */
  readonly measured?: number;
  readonly values: readonly MeasuredCell[];
}

const { samples, threads, python } = values;
// Cells of pyvene take seconds each, and as many times longer as there are samples.
const pyveneCells = samples === '1' ? '10' : '3';
const contestants: Readonly<Record<string, () => Measured>> = {
  pyvene: () => measure<Measured>(python, here('pyvene_trace.py'), model, samples, pyveneCells, threads),
  torch: () => measure<Measured>(python, here('torch_trace.py'), model, samples, '24', threads),
  node: () => measure<Measured>('npx', 'tsx', here('patchbay.ts'), 'node', model, samples, threads),
  wasm: () => measure<Measured>('npx', 'tsx', here('patchbay.ts'), 'wasm', model, samples, threads),
  chromium: () => measure<Measured>('npx', 'tsx', here('patchbay.ts'), 'chromium', model, samples),
};
const names = values.only.split(',').filter((name) => Object.hasOwn(contestants, name));
const turns = Array.from({ length: Number(values.turns) }, () =>
  Object.fromEntries(names.map((name) => [name, contestants[name]?.()])),
);

console.log(
  `${describeMachine()}; ${samples} noise ${samples === '1' ? 'sample' : 'samples'}, ${threads} ${threads === '1' ? 'thread' : 'threads'}, 900 cells`,
);
const secondsOf = (name: string) => median(turns.map((turn) => turn[name]?.seconds ?? Number.NaN));
const [slowest = ''] = names;
for (const name of names) {
  const seconds = secondsOf(name);
  const found = turns[0]?.[name];
  const first = found?.firstCellsSeconds;
  console.log(
    `${name.padEnd(9)} ${seconds.toFixed(1).padStart(8)} s  ${(secondsOf(slowest) / seconds).toFixed(1).padStart(6)} times ${slowest}` +
      (found?.cpuSeconds === undefined ? '' : `, ${found.cpuSeconds.toFixed(1)} s of processor time`) +
      (first === undefined ? '' : `, first cells after ${first.toFixed(2)} s`) +
      (found?.measured === undefined ? '' : `  (extrapolated from ${found.measured} cells)`),
  );
}

const ours = new Map<string, number>();
for (const name of names) {
  for (const [stream, layer, position, value] of turns[0]?.[name]?.values ?? []) {
    const key = `${stream} ${layer} ${position}`;
    const known = ours.get(key) ?? value;
    if (Math.abs(known - value) > 1e-3)
      throw new Error(`${name} found ${value} at ${key}, another found ${known}: the times compare nothing.`);
    ours.set(key, known);
  }
}
