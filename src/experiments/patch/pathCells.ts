// Cells of path patching. With all other heads frozen nothing moves from one position to another between the sender and
// the receiver. So of the frozen run only the positions that the pair does not share have to be carried, and where the
// prediction receives, only the last.
//
//     frozen    the base run, forked at the sender's layer: the sender from the source run, every later head the base
//               run's; it ends where the receivers read
//     measured  the base run, forked at the first receiver after the sender: the receivers' inputs from the frozen run

import type { Architecture } from '../../architectures/architecture.ts';
import { type Edit, type Location, type Row, replace } from '../../runtime/plan/plan.ts';
import type { CellRows, CellSpan } from './cellRows.ts';
import { columnAt, mainLength, type PatchCase, type PatchCell, type PathPanel } from './outline.ts';

/** Layers whose heads receive from the sender, ascending, with the heads of each. */
function receiversAfter({ receiver }: PathPanel, layer: number): ReadonlyMap<number, readonly number[]> {
  const heads = new Map<number, readonly number[]>();
  const sorted = [...(receiver.heads ?? [])].sort(([a], [b]) => a - b);
  for (const [at, head] of sorted) if (at > layer) heads.set(at, [...(heads.get(at) ?? []), head]);
  return heads;
}

interface Reach {
  /** The first position that the frozen run carries. */
  readonly position: number;
  /** The first layer that is not passed by the frozen run. */
  readonly to: number;
  /** Layers `layer + 1` to `frozenTo` (exclusive) have frozen heads. */
  readonly frozenTo: number;
  /** Layers that receive; empty where the prediction does. */
  readonly receivers: ReadonlyMap<number, readonly number[]>;
}

function reachOf(
  panel: PathPanel,
  { layer }: PatchCell,
  { base, firstDifference }: PatchCase,
  { layerCount, isCausal }: Architecture,
): Reach | undefined {
  if (!panel.receiver.heads) {
    const position = isCausal ? mainLength(base) - 1 : 0;
    return { position, to: layerCount, frozenTo: layerCount, receivers: new Map() };
  }
  const receivers = receiversAfter(panel, layer);
  const last = [...receivers.keys()].at(-1);
  if (last === undefined) return undefined;
  return { position: isCausal ? firstDifference : 0, to: last + 1, frozenTo: last, receivers };
}

/** What a cell passes in one case; undefined where no path leads from the sender to a receiver. */
export function pathSpan(
  panel: PathPanel,
  cell: PatchCell,
  patchCase: PatchCase,
  architecture: Architecture,
): CellSpan | undefined {
  const reach = reachOf(panel, cell, patchCase, architecture);
  if (!reach) return undefined;
  const { layerCount } = architecture;
  const { position, to, frozenTo, receivers } = reach;
  const [first] = receivers.keys();
  const frozen = { from: cell.layer, to, position };
  const isFrozen = frozenTo > cell.layer + 1 || panel.freezesMlps;
  const forks = Math.max(cell.layer, first ?? 0);
  return {
    rows: first === undefined ? [frozen] : [frozen, { from: first, to: layerCount, position }],
    base: position > 0 ? layerCount : Math.max(forks, isFrozen ? frozenTo : 0),
    source: cell.layer + 1,
  };
}

/** @returns the frozen run and the measured one, or the frozen one alone where the prediction receives */
export function pathRows(
  panel: PathPanel,
  cell: PatchCell,
  patchCase: PatchCase,
  architecture: Architecture,
  { base, sourceOf, first }: CellRows,
): readonly Row[] {
  const reach = reachOf(panel, cell, patchCase, architecture);
  if (!reach) return [];
  const { layer } = cell;
  const { position, frozenTo, receivers } = reach;
  const head = columnAt(panel, cell.column).head ?? 0;
  const positions = Array.from(
    { length: mainLength(patchCase.base) - position },
    (_, index) => position + index,
  );
  const taken = (row: number, component: string, at: number, location: Location): Edit => {
    const site = { component, layer: at };
    return { site, location, fragment: replace, source: { kind: 'row', row, site, location } };
  };
  const site = { component: panel.component, layer };
  const location = { positions, heads: [head] };
  const sent: Edit = { site, location, fragment: replace, source: sourceOf(site, location) };
  const frozen: Edit[] = [];
  for (let at = layer; at < frozenTo; at++) {
    if (at > layer) frozen.push(taken(base, 'attention_output', at, { positions }));
    if (panel.freezesMlps) frozen.push(taken(base, 'mlp_output', at, { positions }));
  }
  const fork = (at: number) => ({ kind: 'fork' as const, parent: base, layer: at, position });
  const [receiving] = receivers.keys();
  const sending: Row = { start: fork(layer), edits: [sent, ...frozen] };
  if (receiving === undefined) return [sending];
  const received = [...receivers].map(([at, heads]) =>
    taken(first, panel.receiver.component, at, { positions, heads }),
  );
  return [sending, { start: fork(receiving), edits: received }];
}
