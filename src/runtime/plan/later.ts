// A plan whose rows begin where they first change, instead of at their tokens: as forks of prompts whose states an earlier
// run has kept. The numbers are those of the plan as it was given.

import type { Architecture } from '../../architectures/architecture.ts';
import type { KeptRow } from './keptRow.ts';
import type { Location, Plan, Row, Site } from './plan.ts';
import { describeComponent, stageOf } from './sites.ts';
import { embedStage } from './stage.ts';

/** States of a prompt; see `KeptStates`. */
export interface StatesOfPrompt {
  rowAt(layer: number, position: number): KeptRow;
}

interface Touch {
  readonly site: Site;
  readonly location: Location;
}

/** What of a row edits, reads and other rows look at or change. */
function touchesOf({ rows, reads }: Plan, row: number): readonly Touch[] {
  const taken = rows.flatMap(({ edits }) =>
    edits.flatMap(({ source }) => (source?.kind === 'row' && source.row === row ? [source] : [])),
  );
  return [...(rows[row]?.edits ?? []), ...reads.filter((read) => read.row === row), ...taken];
}

/**
 * @param statesOf the kept states of a prompt by its tokens; undefined where there are none
 * @returns a plan with the same rows and reads, those that are kept behind them
 */
export function begunLater(
  architecture: Architecture,
  plan: Plan,
  statesOf: (tokens: readonly number[]) => StatesOfPrompt | undefined,
): Plan {
  const { layerCount, isCausal } = architecture;
  const isParent = new Set(plan.rows.flatMap(({ start }) => (start.kind === 'fork' ? [start.parent] : [])));
  const kept: Row[] = [];
  const rows = plan.rows.map((row, index): Row => {
    const { start, edits } = row;
    const states = start.kind === 'tokens' && !isParent.has(index) ? statesOf(start.tokens) : undefined;
    const touches = touchesOf(plan, index);
    if (!states || touches.length === 0) return row;
    const stage = Math.min(...touches.map(({ site }) => stageOf(architecture, site)));
    if (stage <= embedStage) return row;
    const layer = Math.min(stage, layerCount - 1);
    const firsts = touches.map(({ site, location: { positions } }) => {
      const isPair = describeComponent(architecture, site.component).layout === 'pair';
      return positions === 'all' || isPair ? 0 : Math.min(...positions);
    });
    const position = isCausal ? Math.min(...firsts) : 0;
    if (layer === 0 && position === 0) return row;
    const parent = plan.rows.length + kept.length;
    kept.push({ start: { kind: 'kept', kept: states.rowAt(layer, position) }, edits: [] });
    return { start: { kind: 'fork', parent, layer, position }, edits };
  });
  return kept.length === 0 ? plan : { ...plan, rows: [...rows, ...kept] };
}
