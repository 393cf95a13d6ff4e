// Gradients of the parameters of edits, summed on the device over the batches and layers in which they took part.

import { add } from '../../onnx/elementwise.ts';
import { graph } from '../../onnx/graph.ts';
import { input } from '../../onnx/value.ts';
import type { Arena } from '../backends/arena.ts';
import { type DeviceTensor, elementCount, type Program } from '../backends/backend.ts';
import type { Programs } from '../backends/programs.ts';
import type { Fragment } from '../plan/plan.ts';

export class ParameterSums {
  readonly #arena: Arena;
  readonly #wanted: readonly Fragment['parameters'][];
  readonly #programs: Programs;
  readonly #sums: ReadonlyMap<Fragment['parameters'], Map<string, DeviceTensor>>;

  constructor(arena: Arena, wanted: readonly Fragment['parameters'][], programs: Programs) {
    this.#arena = arena;
    this.#wanted = wanted;
    this.#programs = programs;
    this.#sums = new Map(wanted.map((parameters) => [parameters, new Map()]));
  }

  isWanted(parameters: Fragment['parameters']): boolean {
    return this.#sums.has(parameters);
  }

  /** Add what a batch gives; it belongs to the sums from here on. */
  async take(
    parameters: Fragment['parameters'] | undefined,
    name: string,
    tensor: DeviceTensor | undefined,
  ): Promise<void> {
    const sums = parameters && this.#sums.get(parameters);
    if (!sums || !tensor) return;
    const before = sums.get(name);
    if (!before) {
      sums.set(name, tensor);
      return;
    }
    const program = await this.#program(tensor.shape.length);
    const { sum } = this.#arena.own(await program.run({ a: before, b: tensor }));
    this.#arena.dispose(before);
    this.#arena.dispose(tensor);
    if (sum) sums.set(name, sum);
  }

  /** In the order in which they were asked for; zeros where no batch gave any. */
  all(): readonly Readonly<Record<string, DeviceTensor>>[] {
    return this.#wanted.map((parameters) =>
      Object.fromEntries(
        Object.entries(parameters).map(([name, { shape }]) => {
          const sum = this.#sums.get(parameters)?.get(name);
          return [name, sum ?? this.#arena.upload(new Float32Array(elementCount(shape)), shape)];
        }),
      ),
    );
  }

  #program(rank: number): Promise<Program> {
    const key = `sum of rank ${rank}`;
    const shape = Array.from({ length: rank }, (_, axis) => `size${axis}`);
    return this.#programs.get(key, () =>
      this.#arena.backend.compile(
        graph({ sum: add(input('a', 'float32', shape), input('b', 'float32', shape)) }),
      ),
    );
  }
}
