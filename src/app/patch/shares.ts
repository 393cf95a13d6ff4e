// What is known of a socket as a share of the way from the base to the source: 0 where the cable changes nothing, 1 where
// the base becomes as the source. Measured before estimated.

import type { SocketValue } from '../../figures/rack/rackDescription.ts';
import type { SocketEstimates } from '../../worker/protocol.ts';
import type { Baselines, Measurement, SocketState } from './socketStore.ts';
import { type Shelf, socketKey } from './sockets.ts';

/** Runs whose metrics lie closer together differ in nothing that a share could be of. */
const leastRange = 1e-3;

export const shareOf = (change: number, { base, source }: Baselines): number =>
  Math.abs(source - base) < leastRange ? Number.NaN : change / (source - base);

const measuredShare = ({ value, baselines }: Measurement): number =>
  shareOf(value - baselines.base, baselines);

/** The change of the metric that an estimate predicts for a socket; a head at all positions is the sum over them. */
export function estimatedChange(
  { shape, values }: SocketEstimates,
  { view, parts }: Pick<Shelf, 'view' | 'parts'>,
  layer: number,
  column: number,
): number {
  const [, positions = 0, heads = 1] = shape;
  const at = (position: number, head: number) =>
    values[(layer * positions + position) * heads + head] ?? Number.NaN;
  const sum = (count: number, term: (index: number) => number) => {
    let total = 0;
    for (let index = 0; index < count; index++) {
      const value = term(index);
      // A position without a match takes no part.
      if (!Number.isNaN(value)) total += value;
    }
    return total;
  };
  if (view.columns === 'head') return sum(positions, (position) => at(position, column));
  const together = parts ? (parts[column]?.positions ?? []) : [column];
  if (together.every((position) => Number.isNaN(at(position, 0)))) return Number.NaN;
  return sum(together.length, (index) => {
    const position = together[index] ?? 0;
    return view.head === null || shape.length < 3
      ? sum(heads, (head) => at(position, head))
      : at(position, view.head);
  });
}

/** What is known of a socket; undefined where nothing is. */
export function socketValue(
  { estimates, measured }: Pick<SocketState, 'estimates' | 'measured'>,
  shelf: Shelf,
  layer: number | null,
  column: number,
): SocketValue | undefined {
  const found = measured.get(socketKey(shelf, layer, column));
  if (found !== undefined) {
    const { over, baselines } = found;
    // A share of the spread alone, which knows no direction.
    const sd = over && Math.abs(shareOf(over.sd, baselines));
    return {
      value: measuredShare(found),
      isMeasured: true,
      ...(over && sd !== undefined ? { over: { pairs: over.pairs, sd } } : {}),
    };
  }
  const own = estimates.get(shelf.component.name);
  if (!own || layer === null) return undefined;
  const change = estimatedChange(own, shelf, layer, column);
  return Number.isNaN(change) ? undefined : { value: shareOf(change, own.baselines), isMeasured: false };
}

/** Sockets of which both are known, as the scatter plot shows them: shares. */
export function knownTwice(
  state: Pick<SocketState, 'estimates' | 'measured'>,
  shelf: Shelf,
  columnCount: number,
): readonly {
  readonly layer: number;
  readonly column: number;
  readonly estimate: number;
  readonly measured: number;
}[] {
  const own = state.estimates.get(shelf.component.name);
  if (!own) return [];
  return Array.from({ length: shelf.layerCount * columnCount }, (_, index) => {
    const [layer, column] = [Math.floor(index / columnCount), index % columnCount];
    const found = state.measured.get(socketKey(shelf, layer, column));
    const estimate = shareOf(estimatedChange(own, shelf, layer, column), own.baselines);
    const measured = found === undefined ? Number.NaN : measuredShare(found);
    return { layer, column, estimate, measured };
  }).filter(({ estimate, measured }) => Number.isFinite(estimate) && Number.isFinite(measured));
}
