// npx tsx bench/patch/run.ts MODEL.gguf --python PYTHON [--threads 2] [--turns 1] [--cells 96] [--only node,torch]
// Activation patching of SmolLM2-135M on a pair of indirect objects (three streams by 30 layers and 14 positions, and 270
// heads: 1530 cells) by Patchbay on Node, all cells; by PyTorch as TransformerLens does it, one forward pass a cell, and
// by pyvene, an IntervenableModel a cell: a sample of cells each and the rest extrapolated. One after another in turns, as
// many threads each. Prints ratios and the machine, and checks that all computed the same cells.

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine, median } from '../machine.ts';
import { measure } from '../measure.ts';
import type { MeasuredCell } from './ioi.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: 'string', default: 'python3' },
    threads: { type: 'string', default: '2' },
    turns: { type: 'string', default: '1' },
    cells: { type: 'string', default: '96' },
    only: { type: 'string', default: 'pyvene,torch,node' },
  },
});
const [model] = positionals;
if (!model) throw new Error('Usage: npx tsx bench/patch/run.ts MODEL.gguf --python PYTHON [--threads 2]');
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

interface Measured {
  readonly seconds: number;
  /** Of all threads; other work on the machine disturbs it less. */
  readonly cpuSeconds: number;
  readonly cells: number;
  readonly firstCellsSeconds?: number;
  readonly tokenLayers?: number;
  /** Cells that change anything, where others were not run. */
  readonly changing?: number;
  /** Cells that were measured, where not all were. */
  readonly measured?: number;
  readonly values: readonly MeasuredCell[];
}

const { threads, python, cells } = values;
// A cell of pyvene runs two prompts, and is a quarter of the sample of each component.
const pyveneCells = String(Math.max(1, Math.round(Number(cells) / 16)));
const contestants: Readonly<Record<string, () => Measured>> = {
  pyvene: () => measure<Measured>(python, here('pyvene_patch.py'), model, pyveneCells, threads),
  torch: () => measure<Measured>(python, here('torch_patch.py'), model, cells, threads),
  node: () => measure<Measured>('npx', 'tsx', here('patchbay.ts'), model, threads),
};
const names = values.only.split(',').filter((name) => Object.hasOwn(contestants, name));
const turns = Array.from({ length: Number(values.turns) }, () =>
  Object.fromEntries(names.map((name) => [name, contestants[name]?.()])),
);

const [anyTurn] = turns;
const counts = new Set(Object.values(anyTurn ?? {}).map((found) => found?.cells));
console.log(`${describeMachine()}; ${threads} threads, ${[...counts].join(' or ')} cells`);
const secondsOf = (name: string) => median(turns.map((turn) => turn[name]?.seconds ?? Number.NaN));
for (const name of names) {
  const found = anyTurn?.[name];
  if (!found) continue;
  const parts = [
    `${name.padEnd(8)} ${secondsOf(name).toFixed(1).padStart(7)} s`,
    `${found.cpuSeconds.toFixed(1)} s of processor time`,
    ...(found.firstCellsSeconds === undefined
      ? []
      : [`first cells after ${found.firstCellsSeconds.toFixed(2)} s`]),
    ...(found.tokenLayers === undefined ? [] : [`${found.tokenLayers} token-layers`]),
    ...(found.measured === undefined ? [] : [`extrapolated from ${found.measured} cells`]),
  ];
  console.log(parts.join(', '));
}
const ours = anyTurn?.node;
for (const name of ours ? names.filter((other) => other !== 'node') : []) {
  const theirs = anyTurn?.[name];
  const ratio = secondsOf(name) / secondsOf('node');
  const ofProcessor = (theirs?.cpuSeconds ?? Number.NaN) / (ours?.cpuSeconds ?? Number.NaN);
  const share = (ours?.changing ?? Number.NaN) / (ours?.cells ?? Number.NaN);
  console.log(
    `node is ${ratio.toFixed(1)} times as fast as ${name}, by processor time ${ofProcessor.toFixed(1)} times; ` +
      `had ${name} run only the ${ours?.changing} cells that change anything, ${(ratio * share).toFixed(1)} times`,
  );
}

const known = new Map<string, number>();
let largest = 0;
let compared = 0;
for (const name of names) {
  for (const [component, layer, column, value] of anyTurn?.[name]?.values ?? []) {
    const key = `${component} ${layer} ${column}`;
    const other = known.get(key);
    known.set(key, value);
    if (other === undefined) continue;
    compared += 1;
    largest = Math.max(largest, Math.abs(other - value));
    if (!(Math.abs(other - value) <= 1e-3))
      throw new Error(`${name} found ${value} at ${key}, another found ${other}: the times compare nothing.`);
  }
}
console.log(`${compared} cells computed twice, ${largest.toExponential(1)} apart at most`);
