// Turns batches of cells into plans of rows, and says what they will cost before any of them runs.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Location, Plan, Read, Reduction, Row, Site, Source } from '../../runtime/plan/plan.ts';
import { promptRow, readLogits } from '../planRuns.ts';
import { batchCells, cellRows, cellSpan, orderCells, type PatchBatch } from './cells.ts';
import type { PatchCase, PatchCell, PatchOutline } from './outline.ts';

/** What an ablation puts at a site, as the runtime takes it: [units, width], or [heads, positions, keys]. */
export type AblatedActivation = (
  site: Site & { readonly layer: number },
  location: Location,
  length: number,
) => Float32Array;

export interface PlanSources {
  /** Of each pair; the measurement of its predictions. */
  readonly reductionOf?: (pair: number) => Reduction;
  /** For cases without a source run. */
  readonly ablated?: AblatedActivation;
}

export interface CellsPlan {
  readonly plan: Plan;
  /** The cell and the case of each read. */
  readonly members: readonly { readonly cell: PatchCell; readonly patchCase: PatchCase }[];
}

/** Positions that a cell's rows carry in a case; 0 when it changes nothing there. */
function carried(
  outline: PatchOutline,
  architecture: Architecture,
  cell: PatchCell,
  patchCase: PatchCase,
): number {
  const measured = cellSpan(outline, architecture, cell, patchCase)?.rows.at(-1);
  return measured ? patchCase.base.length - measured.position : 0;
}

/** One plan for some cells in some cases: the two runs of each case, and the rows of each cell that changes something. */
export function planCells(
  outline: PatchOutline,
  architecture: Architecture,
  cells: readonly PatchCell[],
  cases: readonly PatchCase[],
  { reductionOf, ablated }: PlanSources = {},
): CellsPlan {
  const rows: Row[] = [];
  const runs = new Map<PatchCase, { readonly base: number; readonly source: number | undefined }>();
  for (const patchCase of cases) {
    rows.push(promptRow(patchCase.base));
    if (patchCase.source) rows.push(promptRow(patchCase.source));
    runs.set(patchCase, {
      base: rows.length - (patchCase.source ? 2 : 1),
      source: patchCase.source ? rows.length - 1 : undefined,
    });
  }
  // Rows of one length side by side waste no padding in attention.
  const members = cells
    .flatMap((cell) =>
      cases.map((patchCase) => ({
        cell,
        patchCase,
        tokens: carried(outline, architecture, cell, patchCase),
      })),
    )
    .filter(({ tokens }) => tokens > 0)
    .sort((a, b) => b.tokens - a.tokens);
  const reads: Read[] = [];
  for (const { cell, patchCase } of members) {
    const { base = 0, source } = runs.get(patchCase) ?? {};
    const sourceOf = (site: Site & { readonly layer: number }, location: Location): Source => {
      if (source !== undefined) return { kind: 'row', row: source, site, location };
      if (!ablated) throw new Error(`There is nothing to put in the place of '${site.component}'.`);
      return { kind: 'tensor', data: ablated(site, location, patchCase.base.length) };
    };
    rows.push(...cellRows(outline, architecture, cell, patchCase, { base, sourceOf, first: rows.length }));
    const pair = outline.pairs[patchCase.pair];
    if (!pair) throw new RangeError(`There is no pair ${patchCase.pair}.`);
    reads.push(readLogits(rows.length - 1, pair.watched, reductionOf?.(patchCase.pair)));
  }
  return { plan: { rows, reads }, members };
}

/** Work before it is done. */
export interface PatchWork {
  /** Cells of all panels, those that change nothing included. */
  readonly cells: number;
  /** Batches in which they arrive. */
  readonly batches: number;
  readonly rows: number;
  /** Rows times the layers each passes: the unit of progress. */
  readonly rowLayers: number;
  /** Tokens times the layers each passes: what time goes by. */
  readonly tokenLayers: number;
}

type Work = Pick<PatchWork, 'rows' | 'rowLayers' | 'tokenLayers'>;

const noWork: Work = { rows: 0, rowLayers: 0, tokenLayers: 0 };

const together = (a: Work, b: Work): Work => ({
  rows: a.rows + b.rows,
  rowLayers: a.rowLayers + b.rowLayers,
  tokenLayers: a.tokenLayers + b.tokenLayers,
});

/** `layers` layers of a row that carries so many tokens. */
const rowWork = (layers: number, tokens: number): Work => ({
  rows: 1,
  rowLayers: layers,
  tokenLayers: layers * tokens,
});

/** The rows of some cells in one case, and the two runs that they need. */
function caseWork(
  outline: PatchOutline,
  architecture: Architecture,
  cells: readonly PatchCell[],
  patchCase: PatchCase,
): Work {
  const { length } = patchCase.base;
  let [work, base, source] = [noWork, 0, 0];
  for (const cell of cells) {
    const span = cellSpan(outline, architecture, cell, patchCase);
    if (!span) continue;
    for (const { from, to, position } of span.rows)
      work = together(work, rowWork(to - from, length - position));
    base = Math.max(base, span.base);
    source = Math.max(source, span.source);
  }
  const runs = together(rowWork(base, length), patchCase.source ? rowWork(source, length) : noWork);
  return together(work, runs);
}

function batchWork(outline: PatchOutline, architecture: Architecture, { cells, slices }: PatchBatch): Work {
  return slices
    .flatMap(({ from, to }) => outline.cases.slice(from, to))
    .map((patchCase) => caseWork(outline, architecture, cells, patchCase))
    .reduce(together, noWork);
}

/** Progress that a batch is worth. */
export function batchRowLayers(outline: PatchOutline, architecture: Architecture, batch: PatchBatch): number {
  return batchWork(outline, architecture, batch).rowLayers;
}

/** The prompts that are measured as they are: the clean ones, then the corrupted ones. */
export function baselinePrompts({ pairs }: PatchOutline): readonly (readonly number[])[] {
  const corrupted = pairs.flatMap((pair) => (pair.corrupted ? [pair.corrupted] : []));
  return [...pairs.map(({ clean }) => clean), ...corrupted];
}

/**
 * What a patch will cost, from its outline alone and without planning it. `runPatch` reports progress towards the same
 * `rowLayers`. The runs that prepare it (each clean prompt, and the prompts of a mean) are not counted.
 */
export function estimatePatch(architecture: Architecture, outline: PatchOutline): PatchWork {
  const batches = batchCells(outline, architecture);
  const whole = baselinePrompts(outline).map(({ length }) => rowWork(architecture.layerCount, length));
  const work = batches.map((batch) => batchWork(outline, architecture, batch));
  return {
    cells: orderCells(outline, architecture.layerCount).length,
    batches: batches.length,
    ...[...whole, ...work].reduce(together, noWork),
  };
}

/** Tokens that the largest batch carries from layer to layer. */
export function mostTokensTogether(architecture: Architecture, outline: PatchOutline): number {
  const carriedIn = ({ cells, slices }: PatchBatch): number =>
    Math.max(
      0,
      ...slices.map(({ from, to }) =>
        outline.cases
          .slice(from, to)
          .flatMap((patchCase) => [
            2 * patchCase.base.length,
            ...cells.map((cell) => carried(outline, architecture, cell, patchCase)),
          ])
          .reduce((sum, tokens) => sum + tokens, 0),
      ),
    );
  return Math.max(0, ...batchCells(outline, architecture).map(carriedIn));
}
