// npx tsx bench/forward/forks.ts MODEL [LENGTH] [ROWS]
// What a fork costs: 64 rows of 10 tokens that fork at layer 0 and at some position, against the same rows run whole. The
// work should fall to the share of positions that a fork carries.

import { openModel } from '../../src/checkpoint/openNode.ts';
import { createNodeBackend } from '../../src/runtime/backends/nodeBackend.ts';
import { Model } from '../../src/runtime/model.ts';
import type { Plan, Row } from '../../src/runtime/plan/plan.ts';
import { describeMachine, median } from '../machine.ts';

const [spec, lengthText = '10', rowsText = '64'] = process.argv.slice(2);
if (!spec) throw new Error('Usage: npx tsx bench/forward/forks.ts MODEL [LENGTH] [ROWS]');
const [length, count] = [Number(lengthText), Number(rowsText)];
const checkpoint = await openModel(spec);
const model = await Model.load(checkpoint, createNodeBackend(2));
const tokens = Array.from({ length }, (_, position) => (13 * position) % 1000);

function forksAt(position: number): Plan {
  const parent: Row = { start: { kind: 'tokens', tokens }, edits: [] };
  const fork: Row = { start: { kind: 'fork', parent: 0, layer: 0, position }, edits: [] };
  const rows = [parent, ...Array.from({ length: count }, () => fork)];
  const site = { component: 'final_norm_output', layer: null };
  return {
    rows,
    reads: rows.slice(1).map((_, i) => ({ row: i + 1, site, location: { positions: [length - 1] } })),
  };
}

/** Of processor time: other work on the machine then hardly counts. */
async function seconds(plan: Plan): Promise<number> {
  await model.run(plan);
  const times: number[] = [];
  for (let pass = 0; pass < 3; pass++) {
    const from = process.cpuUsage();
    await model.run(plan);
    const { user, system } = process.cpuUsage(from);
    times.push((user + system) / 1e6);
  }
  return median(times);
}

console.log(describeMachine());
const whole = await seconds(forksAt(0));
for (const position of [0, 0.2, 0.5, 0.8, 1].map((part) => Math.min(Math.round(part * length), length - 1))) {
  const plan = forksAt(position);
  const share = (await seconds(plan)) / whole;
  const { tokenLayers } = model.schedule(plan);
  const work = tokenLayers / model.schedule(forksAt(0)).tokenLayers;
  console.log(
    `position ${position}: ${share.toFixed(2)} of the processor time, ${work.toFixed(2)} of the token-layers, ${((length - position) / length).toFixed(2)} of the positions`,
  );
}
process.exit(0);
