// Turns batches of cells into plans of rows, and says what they will cost before any of them runs.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Location, Plan, Read, Reduction, Row, Site, Source } from '../../runtime/plan/plan.ts';
import { readLogits } from '../planRuns.ts';
import { batchCells, carriedBy, cellRows, cellSpan, orderCells, type PatchBatch } from './cells.ts';
import {
  inputLength,
  mainLength,
  type PatchCase,
  type PatchCell,
  type PatchOutline,
  type PatchRun,
} from './outline.ts';

/**
 * What an ablation puts at a site of a run, as the runtime takes it: [units, width], or [heads, positions, keys].
 */
export type AblatedActivation = (
  site: Site & { readonly layer: number },
  location: Location,
  run: PatchRun,
) => Float32Array;

/** A run as a row without edits. */
export const runRow = ({ start }: PatchRun): Row => ({ start, edits: [] });

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

/** Positions that a cell's measured row carries in a case; 0 when it changes nothing there. */
function carried(
  outline: PatchOutline,
  architecture: Architecture,
  cell: PatchCell,
  patchCase: PatchCase,
): number {
  const span = cellSpan(outline, architecture, cell, patchCase);
  return span ? carriedBy({ ...span, rows: span.rows.slice(-1) }, patchCase) : 0;
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
    rows.push(runRow(patchCase.base));
    if (patchCase.source) rows.push(runRow(patchCase.source));
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
      return { kind: 'tensor', data: ablated(site, location, patchCase.base) };
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

/** Layers of the model before those that an architecture's main stack has. */
const layersBefore = ({ encoder }: Architecture): number => encoder?.layerCount ?? 0;

/** The layers that encoders' runs pass: runs of a plan that read the same share one. */
class EncoderRuns {
  readonly #passed = new Map<unknown, { readonly to: number; readonly length: number }>();

  /** @param to layers of the model; an encoder's run goes with what reads it */
  passes(run: PatchRun, to: number): void {
    const { start } = run;
    const source = start.kind === 'tokens' ? start.source : undefined;
    if (!source) return;
    const key = source.kind === 'tokens' ? source.tokens.join() : source.data;
    const { to: before = 0 } = this.#passed.get(key) ?? {};
    this.#passed.set(key, { to: Math.max(before, to), length: inputLength(run) });
  }

  work(): Work {
    return [...this.#passed.values()]
      .filter(({ to }) => to > 0)
      .map(({ to, length }) => ({ ...rowWork(to, length), rows: 0 }))
      .reduce(together, noWork);
  }
}

/** The rows of some cells in one case, and the two runs that they need. */
function caseWork(
  outline: PatchOutline,
  architecture: Architecture,
  cells: readonly PatchCell[],
  patchCase: PatchCase,
  encoders: EncoderRuns,
): Work {
  const { layerCount } = architecture;
  const before = layersBefore(architecture);
  const length = mainLength(patchCase.base);
  let [work, base, source, encoderBase, encoderSource] = [noWork, 0, 0, 0, 0];
  for (const cell of cells) {
    const span = cellSpan(outline, architecture, cell, patchCase);
    if (!span) continue;
    for (const { from, to, position, isEncodersAlone } of span.rows) {
      const layers = isEncodersAlone ? 0 : to - Math.max(from, before);
      work = together(work, rowWork(layers, length - position));
      if (span.isEncoders) {
        work = together(work, { ...rowWork(to - from, inputLength(patchCase.base)), rows: 0 });
      }
    }
    base = Math.max(base, span.base);
    if (span.isEncoders) {
      encoderBase = Math.max(encoderBase, span.base);
      encoderSource = Math.max(encoderSource, span.source);
    } else {
      source = Math.max(source, span.source);
      // A row of the decoder reads its parent's encoder to the end.
      encoderBase = layerCount;
    }
  }
  encoders.passes(patchCase.base, encoderBase);
  if (patchCase.source) encoders.passes(patchCase.source, Math.max(source, encoderSource));
  const run = (to: number) => rowWork(Math.max(0, to - before), length);
  return together(work, together(run(base), patchCase.source ? run(source) : noWork));
}

function batchWork(outline: PatchOutline, architecture: Architecture, { cells, slices }: PatchBatch): Work {
  return slices
    .map(({ from, to }) => {
      const encoders = new EncoderRuns();
      return outline.cases
        .slice(from, to)
        .map((patchCase) => caseWork(outline, architecture, cells, patchCase, encoders))
        .concat(encoders.work())
        .reduce(together, noWork);
    })
    .reduce(together, noWork);
}

/** Progress that a batch is worth. */
export function batchRowLayers(outline: PatchOutline, architecture: Architecture, batch: PatchBatch): number {
  return batchWork(outline, architecture, batch).rowLayers;
}

/** Prompts that are run together when nothing but their end is read. */
export const promptsTogether = 32;

/** The runs that are measured as they are, some at a time: the clean ones, then the corrupted ones. */
export function baselineRuns({ pairs }: PatchOutline): readonly (readonly PatchRun[])[] {
  const corrupted = pairs.flatMap((pair) => (pair.corrupted ? [pair.corrupted] : []));
  const all = [...pairs.map(({ clean }) => clean), ...corrupted];
  return Array.from({ length: Math.ceil(all.length / promptsTogether) }, (_, some) =>
    all.slice(some * promptsTogether, (some + 1) * promptsTogether),
  );
}

/** Whole runs that stand in one plan. */
function wholeWork(architecture: Architecture, runs: readonly PatchRun[]): Work {
  const { layerCount } = architecture;
  const encoders = new EncoderRuns();
  for (const run of runs) encoders.passes(run, layerCount);
  return runs
    .map((run) => rowWork(layerCount - layersBefore(architecture), mainLength(run)))
    .concat(encoders.work())
    .reduce(together, noWork);
}

/**
 * What a patch will cost, from its outline alone and without planning it. `runPatch` reports progress towards the same
 * `rowLayers`. The runs that prepare it (each clean prompt, and the prompts of a mean) are not counted.
 */
export function estimatePatch(architecture: Architecture, outline: PatchOutline): PatchWork {
  const batches = batchCells(outline, architecture);
  const whole = baselineRuns(outline).map((runs) => wholeWork(architecture, runs));
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
            2 * (mainLength(patchCase.base) + (architecture.encoder ? inputLength(patchCase.base) : 0)),
            ...cells.map((cell) => carried(outline, architecture, cell, patchCase)),
          ])
          .reduce((sum, tokens) => sum + tokens, 0),
      ),
    );
  return Math.max(0, ...batchCells(outline, architecture).map(carriedIn));
}
