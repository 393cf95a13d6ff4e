// Gradients of a batch that is computed in parts: summed on the device, so that one step follows from all of them.

import { add } from '../../onnx/elementwise.ts';
import { graph } from '../../onnx/graph.ts';
import { input } from '../../onnx/value.ts';
import { type Backend, type DeviceTensor, elementCount, type Program } from '../backends/backend.ts';

type Shapes = Readonly<Record<string, readonly number[]>>;

export class GradientSums {
  readonly #backend: Backend;
  readonly #program: Program;
  #sums: Readonly<Record<string, DeviceTensor>>;

  private constructor(backend: Backend, shapes: Shapes, program: Program) {
    this.#backend = backend;
    this.#program = program;
    this.#sums = Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [
        name,
        backend.upload(new Float32Array(elementCount(shape)), shape),
      ]),
    );
  }

  /** Zeros in these shapes, by the names of the parameters. */
  static async create(backend: Backend, shapes: Shapes): Promise<GradientSums> {
    const sums = Object.entries(shapes).map(([name, shape]) => [
      name,
      add(input(`${name}.sum`, 'float32', shape), input(`${name}.part`, 'float32', shape)),
    ]);
    return new GradientSums(backend, shapes, await backend.compile(graph(Object.fromEntries(sums))));
  }

  /** They belong to the sums until they are disposed. */
  get all(): Readonly<Record<string, DeviceTensor>> {
    return this.#sums;
  }

  /** @param gradients of all parameters; they stay their owner's */
  async take(gradients: Readonly<Record<string, DeviceTensor>>): Promise<void> {
    const inputs: Record<string, DeviceTensor> = {};
    for (const [name, sum] of Object.entries(this.#sums)) {
      inputs[`${name}.sum`] = sum;
      const part = gradients[name];
      if (!part) throw new Error(`There is no gradient of the parameter '${name}'.`);
      inputs[`${name}.part`] = part;
    }
    const next = await this.#program.run(inputs);
    for (const sum of Object.values(this.#sums)) this.#backend.dispose(sum);
    this.#sums = next;
  }

  async dispose(): Promise<void> {
    for (const sum of Object.values(this.#sums)) this.#backend.dispose(sum);
    this.#sums = {};
    await this.#program.dispose();
  }
}
