// Patchbay's side of bench/patch: all cells, from a loaded model to the last one, the compilation of graphs included.
// Prints one line of JSON.

import { openModel } from '../../src/checkpoint/openNode.ts';
import { cellSpan, orderCells } from '../../src/experiments/patch/cells.ts';
import { patchGrid } from '../../src/experiments/patch/grid.ts';
import { estimatePatch } from '../../src/experiments/patch/plan.ts';
import { resolvePatch } from '../../src/experiments/patch/resolve.ts';
import type { PatchResult } from '../../src/experiments/patch/result.ts';
import { preparePatch } from '../../src/experiments/patch/run.ts';
import { growPatch } from '../../src/experiments/patch/work.ts';
import { createNodeBackend } from '../../src/runtime/backends/nodeBackend.ts';
import { Model } from '../../src/runtime/model.ts';
import { ioi, type MeasuredCell } from './ioi.ts';

const [path = '', threads = '2'] = process.argv.slice(2);
const backend = createNodeBackend(Number(threads));
const checkpoint = await openModel(path);
const model = await Model.load(checkpoint, backend);
const tokenizer = await checkpoint.tokenizer();
const cpu = process.cpuUsage();
const started = performance.now();
const since = () => (performance.now() - started) / 1000;
const patch = resolvePatch(model.architecture, tokenizer, ioi(path));
const prepared = await preparePatch(model, patch);
let result: PatchResult | undefined;
let first = Number.NaN;
let updates = 0;
for await (const grown of growPatch(model, prepared)) {
  updates += 1;
  // The baselines, and the cells before the first difference, which need no run.
  if (updates === 3) first = since();
  result = grown;
}
const seconds = since();
const { user, system } = process.cpuUsage(cpu);
if (!result) throw new Error('The patch gave no result.');
const { panels } = result;
const values = panels.flatMap(({ component }, panel) =>
  patchGrid(result, panel, 'logitDifference').cells.flatMap((row, layer) =>
    row.map((cell, column): MeasuredCell => [component, layer, column, cell?.mean ?? Number.NaN]),
  ),
);
// Cells before the first difference of the two prompts need no run in a causal model.
const { architecture } = model;
const changing = orderCells(patch, architecture.layerCount).filter((cell) =>
  patch.cases.some((patchCase) => cellSpan(patch, architecture, cell, patchCase)),
);
const { tokenLayers } = estimatePatch(architecture, patch);
console.log(
  JSON.stringify({
    seconds,
    cpuSeconds: (user + system) / 1e6,
    firstCellsSeconds: first,
    cells: values.length,
    changing: changing.length,
    tokenLayers,
    values,
  }),
);
process.exit(0);
