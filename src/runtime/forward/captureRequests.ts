// What rows must hand to the edits of other rows: for each (row, site) the positions that some edit takes from it.

import type { Schedule } from '../plan/scheduled.ts';
import type { Stage } from '../plan/stage.ts';

export interface CaptureRequest {
  readonly key: string;
  readonly row: number;
  readonly stage: Stage;
  readonly component: string;
  /** Ascending. */
  readonly positions: readonly number[];
  /** Place of each position among them. */
  readonly places: ReadonlyMap<number, number>;
  readonly lastUse: Stage;
}

export const captureKey = (row: number, stage: Stage, component: string): string =>
  `${row} ${stage} ${component}`;

/** Place of a position in the captured block. */
export function placeOf({ places, component }: CaptureRequest, position: number): number {
  const place = places.get(position);
  if (place === undefined) throw new Error(`Position ${position} of '${component}' was not captured.`);
  return place;
}

/** What must be captured for the edits of a schedule that come to run. */
export function captureRequests(schedule: Schedule): readonly CaptureRequest[] {
  const wanted = new Map<
    string,
    { row: number; stage: Stage; component: string; positions: Set<number>; lastUse: Stage }
  >();
  for (const row of schedule.rows) {
    for (const { origin, stage } of row.edits) {
      if (!origin || stage > row.end) continue;
      const key = captureKey(origin.row, origin.stage, origin.component);
      const entry = wanted.get(key) ?? { ...origin, positions: new Set<number>(), lastUse: stage };
      for (const position of origin.location.positions) entry.positions.add(position);
      entry.lastUse = Math.max(entry.lastUse, stage);
      wanted.set(key, entry);
    }
  }
  return [...wanted].map(([key, { row, stage, component, positions, lastUse }]) => {
    const ascending = [...positions].sort((a, b) => a - b);
    const places = new Map(ascending.map((position, place) => [position, place]));
    return { key, row, stage, component, positions: ascending, places, lastUse };
  });
}
