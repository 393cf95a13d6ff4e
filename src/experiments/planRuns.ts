// What experiments ask of a model over and over: prompts as rows, predictions as reads, and plans that run one after
// another while progress grows towards one total.

import type { Model } from '../runtime/model.ts';
import type { Plan, Read, ReadResult, Reduction, Row } from '../runtime/plan/plan.ts';
import { readSample, type Samples } from './metrics.ts';
import { NotFiniteError, tooLargeForHalf } from './predict.ts';

export const promptRow = (tokens: readonly number[]): Row => ({
  start: { kind: 'tokens', tokens },
  edits: [],
});

/** A run as a row without edits. */
export const runRow = ({ start }: Pick<Row, 'start'>): Row => ({ start, edits: [] });

/** A read of the logits at a position: of the token that follows it, or of a mask's. */
export function readLogits(row: number, position: number, reduction?: Reduction): Read {
  const site = { component: 'logits', layer: null };
  return { row, site, location: { positions: [position] }, ...(reduction ? { reduction } : {}) };
}

/** A read of the logits that follow a sequence of this length. */
export const readPrediction = (row: number, length: number, reduction?: Reduction): Read =>
  readLogits(row, length - 1, reduction);

/** The numbers of a read that was not reduced. */
export function floatsOf(result: ReadResult | undefined): Float32Array {
  const data = result?.value?.data;
  if (data instanceof Float32Array) return data;
  throw new Error('A run gave no numbers.');
}

export interface RunOptions {
  readonly signal?: AbortSignal;
  /** Row-layers; the total is constant. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** The clean prompt has been checked by itself, so what is not finite here comes from what was put into the run. */
export function finiteSamples(samples: Samples, model?: Pick<Model, 'label' | 'precision'>): Samples {
  const { answerLogit, distractorLogit = [], logSumExp, divergence } = samples;
  if ([answerLogit, distractorLogit, logSumExp, divergence].flat().every(Number.isFinite)) return samples;
  if (model?.precision === 'float16') throw new NotFiniteError(tooLargeForHalf(model));
  throw new NotFiniteError(
    'Logits of an edited run became NaN or infinite: what was put into it is too large for the model, or is not finite itself. Lower the level of the corruption, or edit another component; finished cells are kept.',
  );
}

export class PlanRuns {
  readonly #model: Model;
  readonly #options: RunOptions;
  readonly #total: number;
  #done = 0;

  /** @param total layer passes of all plans together */
  constructor(model: Model, total: number, options: RunOptions) {
    this.#model = model;
    this.#options = options;
    this.#total = total;
  }

  start(): void {
    this.#options.onProgress?.(0, this.#total);
  }

  /**
   * Run a plan whose reads are reduced to measurements, one sample each.
   * @throws NotFiniteError when some measurement is NaN or infinite
   */
  async measure(plan: Plan, hasDistractor: boolean): Promise<readonly Samples[]> {
    const { signal, onProgress } = this.#options;
    const before = this.#done;
    const results = await this.#model.run(plan, {
      ...(signal ? { signal } : {}),
      onProgress: (done, all) => {
        this.#done = before + done;
        if (done > 0 || all === 0) onProgress?.(this.#done, this.#total);
      },
    });
    return results.map((result) => finiteSamples(readSample(result, hasDistractor), this.#model));
  }

  /** Count work as done that needs no run. */
  skip(rowLayers: number): void {
    this.#done += rowLayers;
    this.#options.onProgress?.(this.#done, this.#total);
  }
}
