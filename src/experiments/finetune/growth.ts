// How the result of a finetuning grows, update by update, into plain data: the same on the side that trains and on the side
// that watches.

import type { TrainerSnapshot } from '../../runtime/training/trainer.ts';
import { numbersText } from '../align/numbersText.ts';
import type { Growth } from '../kind.ts';
import type { Notice } from '../notice.ts';
import type { Numbers } from './adapterTraining.ts';
import type { AdapterResult, FinetuneResult } from './result.ts';
import type { AdapterEnd, FinetuneUpdate } from './run.ts';

/** What changes a result: first it is begun. */
export type FinetuneChange =
  | { readonly kind: 'started'; readonly result: FinetuneResult }
  | Exclude<FinetuneUpdate, { kind: 'before' | 'end' }>
  /** With the text of every id that is said. */
  | (Extract<FinetuneUpdate, { kind: 'end' }> & { readonly texts: Readonly<Record<string, string>> });

const divergence: Readonly<Record<Exclude<AdapterEnd, 'all-steps'>, string>> = {
  loss: 'the loss became NaN or infinite',
  parameters: 'the parameters became NaN or infinite, or a rotation was no longer orthonormal',
};

export function endNotices(
  { end, steps }: AdapterResult,
  name: string,
  learningRate: number,
): readonly Notice[] {
  if (end !== 'loss' && end !== 'parameters') return [];
  return [
    {
      code: 'training-stopped',
      text: `${name}: after ${steps.loss.length} steps ${divergence[end]}, so training stopped there and the last good parameters were kept. Give a learning rate below ${learningRate}.`,
    },
  ];
}

/** An adapter in training, to which steps are added where it stands: a long training has many. */
interface Open {
  readonly index: number;
  readonly loss: number[];
  readonly rate: number[];
  readonly epochs: AdapterResult['epochs'][number][];
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  adapter: AdapterResult;
}

const shapesOf = ({ parameters }: AdapterResult) =>
  Object.fromEntries(Object.entries(parameters).map(([name, { shape }]) => [name, shape]));

const texts = (numbers: Numbers, shapes: Open['shapes']) =>
  Object.fromEntries(
    Object.entries(numbers).map(([name, data]) => {
      // Moments have the shape of their parameter.
      const shape = shapes[name] ?? shapes[name.slice(0, name.lastIndexOf('.'))] ?? [data.length];
      return [name, numbersText(data, shape)];
    }),
  );

const opened = (index: number, adapter: AdapterResult, shapes = shapesOf(adapter)): Open => ({
  index,
  loss: [...adapter.steps.loss],
  rate: [...adapter.steps.rate],
  epochs: [...adapter.epochs],
  shapes,
  adapter,
});

class FinetuneGrowth {
  #result: FinetuneResult;
  #open: Open | undefined;

  constructor(start: FinetuneResult) {
    this.#result = start;
  }

  /** As it is now, to keep: what comes later does not change it. */
  get result(): FinetuneResult {
    this.#close();
    return this.#result;
  }

  /** Put what the open adapter has into the result. */
  #close(): void {
    const open = this.#open;
    if (open) {
      const adapter = {
        ...open.adapter,
        steps: { loss: [...open.loss], rate: [...open.rate] },
        epochs: [...open.epochs],
      };
      const adapters = this.#result.adapters.map((other, at) => (at === open.index ? adapter : other));
      this.#result = { ...this.#result, adapters };
    }
  }

  #at(index: number): Open {
    if (this.#open?.index === index) return this.#open;
    const adapter = this.result.adapters[index];
    if (!adapter) throw new Error(`Adapter ${index} was not begun.`);
    this.#open = opened(index, adapter);
    return this.#open;
  }

  #keep(open: Open, { steps: step, numbers }: TrainerSnapshot): void {
    const own = Object.fromEntries(Object.entries(numbers).filter(([name]) => open.shapes[name]));
    open.adapter = {
      ...open.adapter,
      parameters: texts(own, open.shapes),
      state: { step, numbers: texts(numbers, open.shapes) },
    };
  }

  take(update: Exclude<FinetuneChange, { kind: 'started' }>): void {
    switch (update.kind) {
      case 'begin': {
        const { adapter: index, shapes } = update;
        this.#close();
        const counted = Object.values(shapes).map((shape) => shape.reduce((all, size) => all * size, 1));
        this.#open = opened(
          index,
          {
            parameterCount: counted.reduce((sum, count) => sum + count, 0),
            end: 'begun',
            steps: { loss: [], rate: [] },
            epochs: [],
            parameters: {},
          },
          shapes,
        );
        return;
      }
      case 'step': {
        const open = this.#at(update.adapter);
        open.loss.push(update.loss);
        open.rate.push(update.rate);
        return;
      }
      case 'epoch': {
        const open = this.#at(update.adapter);
        const { step, loss, test, state } = update;
        open.epochs.push({ step, loss, test });
        this.#keep(open, state);
        return;
      }
      case 'cancelled':
        this.#keep(this.#at(update.adapter), update.state);
        return;
      case 'end': {
        const open = this.#at(update.adapter);
        const { end, train, test, answers, numbers } = update;
        const { state: _, ...rest } = open.adapter;
        const parameters = texts(numbers, open.shapes);
        open.adapter = { ...rest, end, final: { train, test }, answers, parameters };
        const { adapters, names, notices, experiment } = this.result;
        const ended = adapters[update.adapter];
        const told = ended
          ? endNotices(ended, names[update.adapter] ?? '', experiment.training.learningRate)
          : [];
        this.#result = {
          ...this.#result,
          texts: { ...this.#result.texts, ...update.texts },
          notices: [...notices, ...told],
        };
        return;
      }
      default:
        update satisfies never;
    }
  }
}

export function finetuneGrowth(): Growth<FinetuneResult, FinetuneChange> {
  let growth: FinetuneGrowth | undefined;
  return {
    get result() {
      return growth?.result;
    },
    take: (change) => {
      if (change.kind === 'started') growth = new FinetuneGrowth(change.result);
      else growth?.take(change);
    },
  };
}
