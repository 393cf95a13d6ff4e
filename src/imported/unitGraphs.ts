// Formulas of the engine on units that were taken from a file's tensors: fragments of edits and reductions of reads, as graphs
// of the engine's own on its own backend.

import { graph } from '../onnx/graph.ts';
import { input, type Value } from '../onnx/value.ts';
import type { Backend, DeviceTensor, Program, TensorData } from '../runtime/backends/backend.ts';
import { Programs } from '../runtime/backends/programs.ts';
import { type Fragment, PlanError, type ReadResult, type Reduction } from '../runtime/plan/plan.ts';

/** float32, row-major. */
export interface UnitValues {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

type Parameters = Fragment['parameters'] | NonNullable<Reduction['parameters']>;

export class UnitGraphs {
  readonly #backend: Backend;
  readonly #programs = new Programs();

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  async #run(
    key: string,
    build: (inputs: (name: string) => Value) => Readonly<Record<string, Value>>,
    values: Readonly<Record<string, UnitValues>>,
    parameters: Parameters,
  ): Promise<ReadResult> {
    const made: DeviceTensor[] = [];
    const upload = (data: TensorData, shape: readonly number[]): DeviceTensor => {
      const tensor = this.#backend.upload(data, shape);
      made.push(tensor);
      return tensor;
    };
    const tensors = Object.fromEntries([
      ...Object.entries(values).map(([name, { data, shape }]) => [name, upload(data, shape)] as const),
      ...Object.entries(parameters).map(
        ([name, own]) =>
          [`parameter ${name}`, 'tensor' in own ? own.tensor : upload(own.data, own.shape)] as const,
      ),
    ]);
    const shapes = Object.entries(tensors).map(
      ([name, { dtype, shape }]) => `${name}:${dtype}${shape.join('x')}`,
    );
    const compile = (): Promise<Program> => {
      const known = new Map<string, Value>();
      return this.#backend.compile(
        graph(
          build((name) => {
            const tensor = tensors[name];
            if (!tensor) throw new PlanError(`A formula asks for '${name}', which it was not given.`);
            const value = known.get(name) ?? input(name, tensor.dtype, tensor.shape);
            known.set(name, value);
            return value;
          }),
        ),
      );
    };
    try {
      const program = await this.#programs.get(`${key}|${shapes.join(';')}`, compile);
      const results = await program.run(tensors);
      made.push(...Object.values(results));
      const read = Object.entries(results).map(
        async ([name, tensor]) =>
          [name, { shape: tensor.shape, data: (await this.#backend.read(tensor)).slice() }] as const,
      );
      return Object.fromEntries(await Promise.all(read));
    } finally {
      for (const tensor of made) this.#backend.dispose(tensor);
    }
  }

  /** What a fragment makes of some units. @throws PlanError when it asks for what it is not given */
  async edit(fragment: Fragment, base: UnitValues, source: UnitValues | undefined): Promise<Float32Array> {
    const { joined = 1 } = fragment;
    const together = ({ shape, data }: UnitValues): UnitValues => {
      const [units = 1, width = 1] = shape;
      return joined === 1 ? { shape, data } : { shape: [units / joined, width * joined], data };
    };
    const results = await this.#run(
      `edit ${fragment.key} ${joined} ${source ? 'with' : 'without'} a source`,
      (take) => ({
        result: fragment.build({
          base: take('base'),
          ...(source ? { source: take('source') } : {}),
          parameter: (name) => take(`parameter ${name}`),
        }),
      }),
      { base: together(base), ...(source ? { source: together(source) } : {}) },
      fragment.parameters,
    );
    const data = results.result?.data;
    if (!(data instanceof Float32Array)) throw new PlanError('A formula gave no numbers.');
    return data;
  }

  /** Reduce units that were read. */
  reduce(reduction: Reduction, value: UnitValues): Promise<ReadResult> {
    return this.#run(
      `reduce ${reduction.key}`,
      (take) => reduction.build(take('value'), (name) => take(`parameter ${name}`)),
      { value },
      reduction.parameters ?? {},
    );
  }

  async dispose(): Promise<void> {
    await this.#programs.dispose();
  }
}
