// npx tsx bench/onnx/sweep.ts FILE.onnx [TOKENS] [TURNS]
// A sweep over layers and positions of a model that somebody exported: each block's output at one position taken from another
// input. By stages, where a row begins at its layer, against a full run of the whole model for each cell, and for each layer's
// cells as one batch. Prints the figure, the largest difference between the three, seconds, and what opening took.

import { dirname } from 'node:path';
import { diskFolder, openDiskFile } from '../../src/checkpoint/sources/disk.ts';
import { describedStacks } from '../../src/imported/describe.ts';
import { siteMask, siteValue } from '../../src/imported/exportHooked.ts';
import { ImportedModel } from '../../src/imported/importedModel.ts';
import { createNodeRuntime } from '../../src/imported/nodeRuntime.ts';
import type { PlanRow } from '../../src/imported/plan.ts';
import type { NamedTensors } from '../../src/imported/runtime.ts';
import { joined, sliced, type Tensor, tensorFrom } from '../../src/imported/tensor.ts';
import { tokenInputs } from '../../src/imported/tokenInputs.ts';
import { describeMachine, forgetPeak, median, peakBytes } from '../machine.ts';

const [path, tokens = '16', turns = '3'] = process.argv.slice(2);
if (!path) throw new Error('Usage: npx tsx bench/onnx/sweep.ts FILE.onnx [TOKENS] [TURNS]');
const length = Number(tokens);
const runtime = await createNodeRuntime(2);
const source = await openDiskFile(path);
if (!source) throw new Error(`There is no ${path}.`);
forgetPeak();
const before = peakBytes();
const opening = performance.now();
const model = await ImportedModel.open(source, runtime, {
  openPart: (name) => diskFolder(dirname(path)).open(name),
});
const openSeconds = (performance.now() - opening) / 1000;
const openBytes = peakBytes() - before;

const inputs = tokenInputs(model);
const ids = (factor: number) =>
  Array.from({ length }, (_, at) => (factor * (at + 3)) % inputs.vocabularySize);
const [base, other] = [inputs.of(ids(101)), inputs.of(ids(937))];
const [stack] = describedStacks(model);
const sites = stack?.stack.components.find(({ name }) => name === 'block_output')?.tensors ?? [];
const [chain] = model.chains;
const output = chain?.output ?? '';
const inner = sites.filter((site) => site !== output);

/** The largest difference of two tensors. */
const gap = (a: Tensor | undefined, b: Tensor | undefined): number => {
  let most = a && b && a.data.length === b.data.length ? 0 : Number.NaN;
  for (let at = 0; a && b && at < a.data.length; at++)
    most = Math.max(most, Math.abs(Number(a.data[at]) - Number(b.data[at])));
  return most;
};

async function byStages(): Promise<readonly (Tensor | undefined)[]> {
  const cells = inner.flatMap((tensor) =>
    Array.from({ length }, (_, position): PlanRow => {
      const places = { axis: 1, indices: [position] };
      return {
        inputs: base,
        edits: [{ tensor, places, value: { kind: 'row', row: count } }],
        reads: [output],
      };
    }),
  );
  const results = await model.run([...cells, { inputs: other, edits: [], reads: [] }]);
  return results.slice(0, count).map((each) => each[output]);
}

const count = inner.length * length;
const [clean, sourceRun] = await model.run([
  { inputs: base, edits: [], reads: [output, ...inner] },
  { inputs: other, edits: [], reads: [output, ...inner] },
]);
const whole = await runtime.open(await model.exportHooked(inner));

/** Inputs of the whole model with hooks: one site's places are the source's, a position a row. */
function hooked(site: string, positions: readonly number[]): NamedTensors {
  const rows = positions.length;
  const repeated = (tensor: Tensor) =>
    joined(
      positions.map(() => tensor),
      0,
    );
  const feeds: Record<string, Tensor> = {};
  for (const [name, tensor] of Object.entries(base)) feeds[name] = repeated(tensor);
  for (const each of inner) {
    const isOn = each === site;
    const value = sourceRun?.[each];
    feeds[siteValue(each)] = isOn && value ? value : tensorFrom('float32', [1, 1, 1], () => 0);
    feeds[siteMask(each)] = isOn
      ? tensorFrom('bool', [rows, length, 1], (at) =>
          at % length === positions[Math.floor(at / length)] ? 1 : 0,
        )
      : tensorFrom('bool', [1, 1, 1], () => 0);
  }
  return feeds;
}

const all = Array.from({ length }, (_, position) => position);
async function byCells(): Promise<readonly (Tensor | undefined)[]> {
  const results: (Tensor | undefined)[] = [];
  for (const site of inner)
    for (const position of all) results.push((await whole.run(hooked(site, [position]), [output]))[output]);
  return results;
}
async function byLayers(): Promise<readonly (Tensor | undefined)[]> {
  const results: (Tensor | undefined)[] = [];
  for (const site of inner) {
    const together = (await whole.run(hooked(site, all), [output]))[output];
    for (const position of all) results.push(together && sliced(together, 0, position, position + 1));
  }
  return results;
}

const ways = { 'a full run a cell': byCells, "a layer's cells a batch": byLayers, 'by stages': byStages };
const found = new Map<string, readonly (Tensor | undefined)[]>();
const seconds = new Map<string, number[]>();
for (const [name, run] of Object.entries(ways)) found.set(name, await run());
for (let turn = 0; turn < Number(turns); turn++) {
  for (const [name, run] of Object.entries(ways)) {
    const from = process.cpuUsage();
    await run();
    const { user, system } = process.cpuUsage(from);
    seconds.set(name, [...(seconds.get(name) ?? []), (user + system) / 1e6]);
  }
}
console.log(describeMachine());
console.log(
  `${model.label}: opened in ${openSeconds.toFixed(2)} s, ${(model.weightBytes / 1e6).toFixed(1)} MB of weights in memory, ${(openBytes / 1e6).toFixed(0)} MB at the peak of opening`,
);
console.log(
  `${inner.length} layers x ${length} positions = ${count} cells, output ${output}, ${turns} turns, processor time`,
);
const reference = found.get('a full run a cell') ?? [];
for (const [name] of Object.entries(ways)) {
  const differences = (found.get(name) ?? []).map((tensor, cell) => gap(tensor, reference[cell]));
  console.log(
    `${name}: ${median(seconds.get(name) ?? []).toFixed(3)} s, largest difference ${Math.max(...differences).toExponential(1)}`,
  );
}
const moved = (found.get('by stages') ?? []).map((tensor) => gap(tensor, clean?.[output]));
const most = Math.max(...moved);
console.log(`How far the output moves, 9 the most (${most.toFixed(3)}); a row a position, a column a layer`);
for (const position of all)
  console.log(
    inner.map((_, layer) => Math.round(((moved[layer * length + position] ?? 0) / most) * 9)).join(''),
  );
await whole.close();
await model.dispose();
await runtime.close();
