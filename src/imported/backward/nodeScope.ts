// What a translator is given: a node of a file whose result carries a gradient, with its operands as values of the engine. All
// sizes are known by then, because a graph is specialised before it is differentiated.

import { quoted } from '../../messages/wording.ts';
import type { Value } from '../../onnx/value.ts';
import { floatOf, integerOf, integersOfAttribute, textOfAttribute } from '../attributes.ts';
import type { OnnxNode } from '../onnxFile.ts';
import { nodeLabel } from '../order.ts';
import { SiteError } from '../plan.ts';

/** What can be done where a node stands in the way. */
export const otherPlaces = 'Choose sites behind it, or an objective in front of it.';

/** Operands by name, in whatever form a node wants them. */
export interface Operands {
  /** As float32. */
  readonly value: (name: string) => Value;
  readonly truths: (name: string) => Value;
  /** As int32, those that count from the end of so many counted from the front. */
  readonly indices: (name: string, size: number) => Value;
  /** The numbers of a weight; undefined for what is computed from the inputs. */
  readonly numbers: (name: string) => readonly number[] | undefined;
}

/** @returns a value for each output; undefined for one that nobody may read as a float */
export type Translate = (scope: NodeScope) => Value | readonly (Value | undefined)[];

export class NodeScope {
  readonly node: OnnxNode;
  /** Of the operators of its domain. */
  readonly version: number;
  readonly #operands: Operands;

  constructor(node: OnnxNode, version: number, operands: Operands) {
    this.node = node;
    this.version = version;
    this.#operands = operands;
  }

  /** How many operands there are, those that were left out at the end not counted. */
  get count(): number {
    return this.node.inputs.length;
  }

  has(index: number): boolean {
    return (this.node.inputs[index] ?? '') !== '';
  }

  #name(index: number): string {
    const name = this.node.inputs[index] ?? '';
    if (name === '') throw this.problem(`lacks its operand ${index}`);
    return name;
  }

  value(index: number): Value {
    return this.#operands.value(this.#name(index));
  }

  /** All operands. */
  values(): readonly Value[] {
    return this.node.inputs.map((_, index) => this.value(index));
  }

  truths(index: number): Value {
    return this.#operands.truths(this.#name(index));
  }

  indices(index: number, size: number): Value {
    return this.#operands.indices(this.#name(index), size);
  }

  /** The numbers of an operand that says how: axes, bounds, sizes. @throws SiteError where they are computed from the inputs */
  numbers(index: number): readonly number[] {
    const found = this.#operands.numbers(this.#name(index));
    if (!found) throw this.problem(`takes its operand ${index} from what the inputs hold`);
    return found;
  }

  integer(name: string, fallback: number): number {
    return integerOf(this.node, name) ?? fallback;
  }

  float(name: string, fallback: number): number {
    return floatOf(this.node, name) ?? fallback;
  }

  text(name: string, fallback: string): string {
    return textOfAttribute(this.node, name) ?? fallback;
  }

  integers(name: string): readonly number[] | undefined {
    const attribute = this.node.attributes.get(name);
    return attribute && integersOfAttribute(attribute).map(Number);
  }

  /** Axes or sizes that are an attribute in older versions and an operand in newer ones. */
  integersOrOperand(name: string, index: number): readonly number[] | undefined {
    return this.integers(name) ?? (this.has(index) ? this.numbers(index) : undefined);
  }

  problem(what: string): SiteError {
    const { op } = this.node;
    return new SiteError(
      `There is no gradient through ${quoted(op)} here: ${nodeLabel(this.node)} ${what}. ${otherPlaces}`,
    );
  }
}

/** Sizes of a value, all of which are known here. */
export const sizesOf = ({ shape }: Value): readonly number[] => shape.map(Number);

/** An axis counted from the front. */
export const axisOf = (x: Value, axis: number): number => (axis < 0 ? axis + x.shape.length : axis);
