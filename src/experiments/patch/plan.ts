// Turns batches of cells into plans of rows, and says what they will cost before any of them runs.

import type { Architecture, StackName } from '../../architectures/architecture.ts';
import type {
  Location,
  Plan,
  Read,
  Reduction,
  Row,
  RowSource,
  Site,
  Source,
} from '../../runtime/plan/plan.ts';
import { sourceBefore, stacksOf } from '../../runtime/plan/stacks.ts';
import { handedNumbers, hiddenNumbers, takenNumbers } from '../heldNumbers.ts';
import { readLogits, runRow } from '../planRuns.ts';
import { readKey } from '../readKeys.ts';
import type { CellSpan } from './cellRows.ts';
import {
  batchCells,
  carriedBy,
  cellRows,
  cellSpan,
  orderCells,
  type PatchBatch,
  takenSite,
} from './cells.ts';
import {
  inputLength,
  mainLength,
  type PatchCase,
  type PatchCell,
  type PatchOutline,
  type PatchRun,
  pictureLength,
} from './outline.ts';

/**
 * What an ablation puts at a site of a run, as the runtime takes it: [units, width], or [heads, positions, keys].
 */
export type AblatedActivation = (
  site: Site & { readonly layer: number },
  location: Location,
  run: PatchRun,
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

/** Positions that a cell's measured row carries in a case. */
const measuredTokens = (span: CellSpan, patchCase: PatchCase): number =>
  carriedBy({ ...span, rows: span.rows.slice(-1) }, patchCase);

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
      cases.flatMap((patchCase) => {
        const span = cellSpan(outline, architecture, cell, patchCase);
        return span ? [{ cell, patchCase, tokens: measuredTokens(span, patchCase) }] : [];
      }),
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

/** Layers of the model before those of a stack; 0 for one that it does not have. */
const layersBefore = (architecture: Architecture, stack: StackName): number =>
  stacksOf(architecture).find(({ name }) => name === stack)?.from ?? 0;

/** The layers that encoders' runs pass: runs of a plan that read the same share one. */
class EncoderRuns {
  readonly #passed = new Map<
    string,
    { readonly to: number; readonly from: number; readonly length: number }
  >();
  readonly #architecture: Architecture;

  constructor(architecture: Architecture) {
    this.#architecture = architecture;
  }

  #pass(read: RowSource, from: number, to: number, length: number): void {
    const key = readKey(read);
    const { to: before = 0 } = this.#passed.get(key) ?? {};
    this.#passed.set(key, { from, to: Math.max(before, to), length });
  }

  /**
   * @param to layers of the model; an encoder's run goes with what reads it
   * @param picturesTo the same of what sees the picture of a question
   */
  passes(run: PatchRun, to: number, picturesTo: number): void {
    const [read, seen] = [1, 2].map((before) => sourceBefore(run.start, before));
    const before = (stack: StackName) => layersBefore(this.#architecture, stack);
    if (read) this.#pass(read, before('encoder'), to, inputLength(run));
    // What is seen is handed over in the layers of the question alone.
    if (seen) this.#pass(seen, 0, Math.min(picturesTo, before('main')), pictureLength(run));
  }

  work(): Work {
    return [...this.#passed.values()]
      .filter(({ from, to }) => to > from)
      .map(({ from, to, length }) => ({ ...rowWork(to - from, length), rows: 0 }))
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
  const before = layersBefore(architecture, 'main');
  const beforeEncoder = layersBefore(architecture, 'encoder');
  const length = mainLength(patchCase.base);
  let [work, base, source, encoderBase, encoderSource] = [noWork, 0, 0, 0, 0];
  let [pictureBase, pictureSource] = [0, 0];
  for (const cell of cells) {
    const span = cellSpan(outline, architecture, cell, patchCase);
    if (!span) continue;
    for (const { from, to, position, alone } of span.rows) {
      const layers = alone ? 0 : to - Math.max(from, before);
      work = together(work, rowWork(layers, length - position));
      if (span.isEncoders && alone !== 'first') {
        const layers = to - Math.max(from, beforeEncoder);
        work = together(work, { ...rowWork(layers, inputLength(patchCase.base)), rows: 0 });
      }
      if (span.isOfPicture) {
        const layers = Math.max(0, Math.min(to, before) - from);
        work = together(work, { ...rowWork(layers, pictureLength(patchCase.base)), rows: 0 });
      }
    }
    base = Math.max(base, span.base);
    if (span.isOfPicture) {
      pictureBase = Math.max(pictureBase, span.base);
      pictureSource = Math.max(pictureSource, span.source);
      encoderBase = Math.max(encoderBase, span.base);
    } else if (span.isEncoders) {
      encoderBase = Math.max(encoderBase, span.base);
      encoderSource = Math.max(encoderSource, span.source);
      // A row of the encoder reads what its parent saw to the end.
      pictureBase = before;
    } else {
      source = Math.max(source, span.source);
      // A row of the decoder reads its parent's encoder to the end.
      encoderBase = layerCount;
      pictureBase = before;
    }
  }
  encoders.passes(patchCase.base, encoderBase, pictureBase);
  const read = Math.max(source, encoderSource);
  if (patchCase.source) encoders.passes(patchCase.source, read, Math.max(read, pictureSource));
  const run = (to: number) => rowWork(Math.max(0, to - before), length);
  return together(work, together(run(base), patchCase.source ? run(source) : noWork));
}

function batchWork(outline: PatchOutline, architecture: Architecture, { cells, slices }: PatchBatch): Work {
  return slices
    .map(({ from, to }) => {
      const encoders = new EncoderRuns(architecture);
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
  const encoders = new EncoderRuns(architecture);
  for (const run of runs) encoders.passes(run, layerCount, layerCount);
  return runs
    .map((run) => rowWork(layerCount - layersBefore(architecture, 'main'), mainLength(run)))
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

/** Numbers that the largest batch holds from layer to layer and takes from row to row. */
export function mostNumbersTogether(architecture: Architecture, outline: PatchOutline): number {
  const heldIn = ({ cells, slices }: PatchBatch): number =>
    Math.max(
      0,
      ...slices.map(({ from, to }) => {
        const cases = outline.cases.slice(from, to);
        const spans = cases.map((patchCase) => ({
          patchCase,
          own: cells.flatMap((cell) => cellSpan(outline, architecture, cell, patchCase) ?? []),
        }));
        const tokens = spans
          .flatMap(({ patchCase, own }) => [
            2 *
              (mainLength(patchCase.base) +
                (architecture.encoder ? inputLength(patchCase.base) + pictureLength(patchCase.base) : 0)),
            ...own.map((span) => measuredTokens(span, patchCase)),
          ])
          .reduce((sum, own) => sum + own, 0);
        const taken = cells.flatMap((cell) =>
          cases.flatMap((patchCase) => takenSite(outline, architecture, cell, patchCase)),
        );
        const handed = handedNumbers(
          architecture,
          spans.map(({ own }) => own.flatMap(({ rows }) => rows.map(({ position }) => position))),
        );
        return hiddenNumbers(architecture, tokens) + takenNumbers(architecture, taken) + handed;
      }),
    );
  return Math.max(0, ...batchCells(outline, architecture).map(heldIn));
}
