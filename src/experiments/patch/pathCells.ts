// Cells of path patching. With all other heads frozen nothing moves from one position to another between the sender and
// the receiver. So of the frozen run only the positions that the pair does not share have to be carried, and where the
// prediction receives, only the last. What a head of a stack sends that another reads is received in its own stack, or as keys
// and values that a layer of its reader makes of it; every way further leads through heads of cross-attention.
//
//     frozen    the base run, forked at the sender's layer: the sender from the source run, every later head the base
//               run's; it ends where the receivers read
//     measured  the base run, forked at the first receiver after the sender: the receivers' inputs from the frozen run

import type { Architecture, StackName } from '../../architectures/architecture.ts';
import { type Edit, type Location, type Row, replace } from '../../runtime/plan/plan.ts';
import type { CellRows, CellSpan } from './cellRows.ts';
import {
  columnAt,
  inputLength,
  mainLength,
  type PatchCase,
  type PatchCell,
  type PathPanel,
  pictureLength,
} from './outline.ts';
import { isBefore, orderOf, placeOf, type SublayerOrder, sublayersOf } from './sublayers.ts';

/** Layers of the receiving component whose heads receive from the sender, ascending, with the heads of each. */
function receiversAfter(
  architecture: Architecture,
  { receiver }: PathPanel,
  sender: SublayerOrder,
): ReadonlyMap<number, readonly number[]> {
  const heads = new Map<number, readonly number[]>();
  const sorted = [...(receiver.heads ?? [])].sort(([a], [b]) => a - b);
  for (const [at, head] of sorted)
    if (isBefore(sender, orderOf(architecture, { component: receiver.component, layer: at })))
      heads.set(at, [...(heads.get(at) ?? []), head]);
  return heads;
}

const lengthsOf = { first: pictureLength, encoder: inputLength, main: mainLength } as const;

/** The way from a sender to its receivers, the same in every case. */
interface Route {
  /** The sender's layer among those of the model. */
  readonly from: number;
  /** The first layer of the model that is not passed by the frozen run. */
  readonly to: number;
  /** Sublayers between the sender and the last receiver that have what the base run has. */
  readonly frozen: readonly { readonly component: string; readonly layer: number }[];
  /** The first layer of the model that is not needed of the base run for them; 0 where there are none. */
  readonly frozenTo: number;
  /** Layers that receive; empty where the prediction does. */
  readonly receivers: ReadonlyMap<number, readonly number[]>;
  /** The first of them among the layers of the model. */
  readonly receivesFrom?: number;
}

interface Reach extends Route {
  /** Whose positions pass from the sender to the receivers. */
  readonly stack: StackName;
  /** The first position that the frozen run carries. */
  readonly position: number;
}

function findRoute(panel: PathPanel, layer: number, architecture: Architecture): Route | undefined {
  const { layerCount } = architecture;
  const sender = orderOf(architecture, { component: panel.component, layer });
  const { component, heads } = panel.receiver;
  const receivers = receiversAfter(architecture, panel, sender);
  const layers = [...receivers.keys()];
  const [first, last] = [layers[0], layers.at(-1)];
  if (heads && last === undefined) return undefined;
  const end =
    last === undefined
      ? { stage: layerCount, sublayer: 0 }
      : orderOf(architecture, { component, layer: last });
  const own = placeOf(architecture, panel.component);
  const between = sublayersOf(architecture, panel.component)
    .filter(({ isMlp }) => !isMlp || panel.freezesMlps)
    .flatMap((sublayer) =>
      Array.from({ length: own.count }, (_, at) => ({ component: sublayer.component, layer: at })),
    )
    .map((site) => ({ ...site, order: orderOf(architecture, site) }))
    .filter(({ order }) => isBefore(sender, order) && isBefore(order, end))
    .sort((a, b) => a.order.stage - b.order.stage || a.order.sublayer - b.order.sublayer);
  return {
    from: sender.stage,
    to: last === undefined ? layerCount : end.stage + 1,
    frozen: between.map(({ component: name, layer: at }) => ({ component: name, layer: at })),
    frozenTo: between.reduce((most, { order }) => Math.max(most, order.stage + 1), 0),
    receivers,
    ...(first === undefined
      ? {}
      : { receivesFrom: orderOf(architecture, { component, layer: first }).stage }),
  };
}

type Routes = Map<number, Route | undefined>;
/** Asked for by every cell of a layer, in every case, for its cost, its batch and its rows. */
const routes = new WeakMap<Architecture, WeakMap<PathPanel, Routes>>();

/** @returns undefined where no receiver follows */
function routeOf(panel: PathPanel, layer: number, architecture: Architecture): Route | undefined {
  const ofPanels = routes.get(architecture) ?? new WeakMap<PathPanel, Routes>();
  routes.set(architecture, ofPanels);
  const known = ofPanels.get(panel) ?? new Map<number, Route | undefined>();
  ofPanels.set(panel, known);
  if (!known.has(layer)) known.set(layer, findRoute(panel, layer, architecture));
  return known.get(layer);
}

function reachOf(
  panel: PathPanel,
  { layer }: PatchCell,
  { base, firstDifference, sharesInput, sharesPicture }: PatchCase,
  architecture: Architecture,
): Reach | undefined {
  const { stack = 'main' } = panel.place ?? {};
  // What a stack makes of the same is the same.
  if ((stack === 'encoder' && sharesInput) || (stack === 'first' && sharesPicture)) return undefined;
  const route = routeOf(panel, layer, architecture);
  if (!route) return undefined;
  const atStart = stack !== 'main' || !architecture.isCausal;
  const ownPosition = panel.receiver.heads ? firstDifference : mainLength(base) - 1;
  return { ...route, stack, position: atStart ? 0 : ownPosition };
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
  const { from, position, to, frozenTo, stack, receivesFrom } = reach;
  const frozen = { from, to, position, ...(stack === 'main' ? {} : { alone: stack }) };
  return {
    rows: receivesFrom === undefined ? [frozen] : [frozen, { from: receivesFrom, to: layerCount, position }],
    base: position > 0 ? layerCount : Math.max(from, receivesFrom ?? 0, frozenTo),
    source: from + 1,
    ...(stack === 'main' ? {} : { isEncoders: true }),
    ...(stack === 'first' ? { isOfPicture: true } : {}),
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
  const { from, position, frozen, receivers, receivesFrom, stack } = reach;
  const head = columnAt(panel, cell.column).head ?? 0;
  const length = lengthsOf[stack](patchCase.base);
  const positions = Array.from({ length: length - position }, (_, index) => position + index);
  const taken = (row: number, component: string, at: number, location: Location): Edit => {
    const site = { component, layer: at };
    return { site, location, fragment: replace, source: { kind: 'row', row, site, location } };
  };
  const site = { component: panel.component, layer: cell.layer };
  const location = { positions, heads: [head] };
  const sent: Edit = { site, location, fragment: replace, source: sourceOf(site, location) };
  const kept = frozen.map(({ component, layer }) => taken(base, component, layer, { positions }));
  const fork = (at: number) => ({ kind: 'fork' as const, parent: base, layer: at, position });
  const sending: Row = { start: fork(from), edits: [sent, ...kept] };
  if (receivesFrom === undefined) return [sending];
  const received = [...receivers].map(([at, heads]) =>
    taken(first, panel.receiver.component, at, { positions, heads }),
  );
  return [sending, { start: fork(receivesFrom), edits: received }];
}
