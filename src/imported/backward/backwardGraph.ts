// The backward graph of a row: it computes the way from where gradients are wanted to the objective again, of the engine's own
// operators, and pulls the gradient back through it. What it computes of the objective's tensors leaves it as well, so that it
// can be held against what the file itself computed.

import { gradients, type Seed } from '../../autodiff/gradients.ts';
import type { GatherTranspose } from '../../autodiff/rule.ts';
import { quoted } from '../../messages/wording.ts';
import { type Graph, graph } from '../../onnx/graph.ts';
import { concat, gather, identity, reshape } from '../../onnx/layout.ts';
import { constant, ShapeError, type Value } from '../../onnx/value.ts';
import { nodeLabel } from '../order.ts';
import type { NormalGraph } from '../piece.ts';
import { SiteError, type TensorEdit } from '../plan.ts';
import { sizeOf, type Tensor } from '../tensor.ts';
import { Feeds, type From, floatsOf, type RowNumbers } from './feeds.ts';
import { translatorOf } from './nodeRules.ts';
import { NodeScope, otherPlaces } from './nodeScope.ts';
import type { EditFormula, NumbersEdit, ObjectiveTerm } from './objective.ts';
import type { Way } from './way.ts';

/** An edit of a tensor on the way, with its place among all edits of the row. */
export interface EditOnWay {
  readonly index: number;
  readonly edit: NumbersEdit;
  readonly formula: EditFormula | undefined;
}

export interface BackwardRequest {
  readonly graph: NormalGraph;
  readonly way: Way;
  /** Resolved names of the tensors at which gradients are wanted. */
  readonly at: readonly string[];
  readonly edits: readonly EditOnWay[];
  readonly terms: readonly ObjectiveTerm[];
  readonly weight: (name: string) => Tensor | undefined;
}

export interface BackwardGraph {
  readonly graph: Graph;
  readonly feeds: Feeds;
}

const sentence = ({ message }: ShapeError): string => `${message.replace(/\.$/, '')}.`;

const countsOf = (shape: readonly (number | string)[]): number => sizeOf(shape.map(Number));

const int32Tensor = (data: Int32Array): Tensor => ({ dtype: 'int32', shape: [data.length], data });
const floatTensor = (data: Float32Array, shape: readonly number[] = [data.length]): Tensor => ({
  dtype: 'float32',
  shape,
  data,
});

/** A vector in which each entry of another stands once, or zero. */
const pickedOrZero = (vector: Value, indices: Value): Value =>
  gather(concat([vector, constant(Float32Array.of(0), [1])], 0), indices, 0);

function formulaOf({ row }: RowNumbers, index: number): EditFormula | undefined {
  const edit = row.edits[index];
  return edit && row.formulas.get(edit);
}

class Builder {
  readonly #request: BackwardRequest;
  readonly #feeds: Feeds;
  readonly #values = new Map<string, Value>();
  readonly #transposes = new Map<Value, GatherTranspose>();
  /** Values of parameters, by the edit's place and their name. */
  readonly #parameters = new Map<string, Value>();

  constructor(request: BackwardRequest, example: RowNumbers) {
    this.#request = request;
    this.#feeds = new Feeds(request.weight, example);
  }

  #value(name: string): Value {
    return this.#values.get(name) ?? this.#feeds.value(name);
  }

  /** Entries of a vector, each once. */
  #take(vector: Value, key: string, entriesOf: (row: RowNumbers) => Int32Array): Value {
    const size = countsOf(vector.shape);
    const indices = this.#feeds.input(`${key} entries`, 'int32', (row) => int32Tensor(entriesOf(row)));
    const count = countsOf(indices.shape);
    const inverse = this.#feeds.input(`${key} places`, 'int32', (row) => {
      const places = new Int32Array(size).fill(count);
      for (const [at, entry] of entriesOf(row).entries()) places[entry] = at;
      return int32Tensor(places);
    });
    this.#transposes.set(indices, (gradient) => pickedOrZero(gradient, inverse));
    return gather(vector, indices, 0);
  }

  /** The vector with other numbers at some entries. */
  #put(vector: Value, numbers: Value, key: string, entriesOf: (row: RowNumbers) => Int32Array): Value {
    const [size, count] = [countsOf(vector.shape), countsOf(numbers.shape)];
    const map = this.#feeds.input(`${key} put`, 'int32', (row) => {
      const places = Int32Array.from({ length: size }, (_, at) => at);
      for (const [at, entry] of entriesOf(row).entries()) places[entry] = size + at;
      return int32Tensor(places);
    });
    const inverse = this.#feeds.input(`${key} back`, 'int32', (row) => {
      const places = Int32Array.from({ length: size + count }, (_, at) => Math.min(at, size));
      for (const [at, entry] of entriesOf(row).entries()) {
        places[entry] = size;
        places[size + at] = entry;
      }
      return int32Tensor(places);
    });
    this.#transposes.set(map, (gradient) => pickedOrZero(gradient, inverse));
    return gather(concat([vector, numbers], 0), map, 0);
  }

  #edited(raw: Value, { index, edit, formula }: EditOnWay): Value {
    const key = `edit ${index}`;
    const entriesOf = ({ row }: RowNumbers): Int32Array => numbersEdit(row.edits[index]).entries;
    const flat = reshape(raw, [countsOf(raw.shape)]);
    if (!formula) {
      const numbers = this.#feeds.input(`${key} numbers`, 'float32', ({ row }) =>
        floatTensor(numbersEdit(row.edits[index]).value.numbers),
      );
      return reshape(this.#put(flat, numbers, key, entriesOf), raw.shape);
    }
    const own = (row: RowNumbers): EditFormula => {
      const found = formulaOf(row, index);
      if (!found) throw new SiteError(`The formula of an edit of ${quoted(edit.tensor)} is missing.`);
      return found;
    };
    const base = reshape(this.#take(flat, key, entriesOf), formula.base.shape);
    const source =
      formula.source &&
      this.#feeds.input(`${key} source`, 'float32', (row) => {
        const { data = new Float32Array(), shape = [] } = own(row).source ?? {};
        return floatTensor(data, shape);
      });
    const made = formula.build(base, source, (name) => {
      const known = `${key} parameter ${name}`;
      const value = this.#feeds.input(
        known,
        formula.parameters[name]?.dtype === 'int32' ? 'int32' : 'float32',
        (row) => {
          const parameter = own(row).parameters[name];
          if (!parameter) throw new SiteError(`A formula asks for '${name}', which it was not given.`);
          return parameter;
        },
      );
      this.#parameters.set(known, value);
      return value;
    });
    const vector = reshape(made, [countsOf(made.shape)]);
    return reshape(this.#put(flat, vector, key, entriesOf), raw.shape);
  }

  /** What a row has in a tensor before its own edits of it, where these are wanted of: what they took is put back. */
  #before(name: string, edits: readonly EditOnWay[]): From {
    return (row) => {
      const tensor = floatsOf(Feeds.tensorOf(name)(row));
      const data = Float32Array.from(tensor.data, Number);
      for (const { index } of edits.toReversed()) {
        const formula = formulaOf(row, index);
        const { entries } = numbersEdit(row.row.edits[index]);
        if (formula) for (const [at, entry] of entries.entries()) data[entry] = formula.base.data[at] ?? 0;
      }
      return floatTensor(data, tensor.shape);
    };
  }

  #hold(name: string, raw: Value): void {
    const edits = this.#request.edits.filter(({ edit }) => edit.tensor === name);
    // A value of its own: what is read of the tensor can be told from the value that it is a copy of.
    this.#values.set(
      name,
      edits.length === 0 ? identity(raw) : edits.reduce((value, edit) => this.#edited(value, edit), raw),
    );
  }

  #run(): void {
    const { way, graph: source } = this.#request;
    const computed = new Set(way.nodes.flatMap(({ outputs }) => outputs));
    for (const name of way.carries) {
      if (computed.has(name)) continue;
      const edits = this.#request.edits.filter(({ edit }) => edit.tensor === name);
      const isEdited = edits.some(({ formula }) => formula?.isWanted);
      if (isEdited)
        this.#hold(name, this.#feeds.input(`before ${name}`, 'float32', this.#before(name, edits)));
      else this.#values.set(name, this.#feeds.value(name));
    }
    for (const node of way.nodes) {
      const translate = translatorOf(node);
      if (!translate) throw new SiteError(`The operator ${quoted(node.op)} has no rule.`);
      const version = source.opsets.get(node.domain) ?? 1;
      const scope = new NodeScope(node, version, {
        value: (name) => this.#value(name),
        truths: (name) => this.#feeds.truths(name),
        indices: (name, size) => this.#feeds.indices(name, size),
        numbers: (name) => this.#feeds.numbers(name),
      });
      let made: Value | readonly (Value | undefined)[];
      try {
        made = translate(scope);
      } catch (cause) {
        if (!(cause instanceof ShapeError)) throw cause;
        throw new SiteError(
          `There is no gradient through ${quoted(node.op)} here (node ${nodeLabel(node)}): ${sentence(cause)} ${otherPlaces}`,
          { cause },
        );
      }
      const outputs = 'origin' in made ? [made] : made;
      for (const [index, name] of node.outputs.entries()) {
        const value = outputs[index];
        if (value && way.carries.has(name)) this.#hold(name, value);
        else if (!value && way.carries.has(name))
          throw scope.problem(`gives ${quoted(name)}, through which nothing is differentiated`);
      }
    }
  }

  /** @returns the seed, and the outputs that tell of the term */
  #term(
    term: ObjectiveTerm,
    index: number,
  ): { readonly seed: Seed; readonly outputs: Record<string, Value> } {
    const key = `term ${index}`;
    const own = ({ row }: RowNumbers): ObjectiveTerm => {
      const found = row.terms[index];
      if (!found) throw new SiteError('A term of an objective is missing.');
      return found;
    };
    const value = this.#value(term.tensor);
    const flat = reshape(value, [countsOf(value.shape)]);
    const units = reshape(
      this.#take(flat, key, (row) => own(row).entries),
      term.shape,
    );
    const made = term.build(units, (name) =>
      this.#feeds.input(
        `${key} per ${name}`,
        term.perUnit[name]?.dtype === 'int32' ? 'int32' : 'float32',
        (row) => {
          const found = own(row).perUnit[name];
          if (!found) throw new SiteError(`An objective is given no '${name}' for its units.`);
          return found;
        },
      ),
    );
    const gradient = this.#feeds.input(`${key} weight`, 'float32', (row) =>
      floatTensor(new Float32Array(countsOf(made.shape)).fill(own(row).weight)),
    );
    const isComputed = this.#request.way.carries.has(term.tensor);
    return {
      seed: { value: made, gradient },
      outputs: { [key]: made, ...(isComputed ? { [`check ${index}`]: units } : {}) },
    };
  }

  build(): BackwardGraph {
    this.#run();
    const { at, terms, edits } = this.#request;
    const found = terms.map((term, index) => this.#term(term, index));
    const wanted = new Map<string, Value>();
    for (const name of at) {
      const value = this.#values.get(name);
      if (value) wanted.set(`at ${name}`, value);
    }
    const isWanted = new Set(
      edits.flatMap(({ index, formula }) => (formula?.isWanted ? [`edit ${index} `] : [])),
    );
    for (const [name, value] of this.#parameters)
      if (value.dtype === 'float32' && [...isWanted].some((prefix) => name.startsWith(prefix)))
        wanted.set(name, value);
    const back = gradients(
      found.map(({ seed }) => seed),
      [...wanted.values()],
      { gathers: this.#transposes },
    );
    const outputs: Record<string, Value> = Object.assign({}, ...found.map((term) => term.outputs));
    for (const [index, name] of [...wanted.keys()].entries()) {
      const gradient = back[index];
      if (gradient) outputs[`gradient ${name}`] = gradient;
    }
    const made = graph(outputs);
    this.#feeds.settle();
    return { graph: made, feeds: this.#feeds };
  }
}

/** @throws SiteError for an edit that is not one of numbers */
export function numbersEdit(edit: TensorEdit | undefined): NumbersEdit {
  const { entries, value } = edit ?? {};
  if (!edit || !entries || value?.kind !== 'numbers')
    throw new SiteError('Gradients pass edits of single entries by numbers alone.');
  return { ...edit, entries, value };
}

/** @param example a row that the graph is for; others of the same sizes may be fed to it */
export function backwardGraph(request: BackwardRequest, example: RowNumbers): BackwardGraph {
  try {
    return new Builder(request, example).build();
  } catch (cause) {
    if (!(cause instanceof ShapeError)) throw cause;
    throw new SiteError(
      `There is no gradient here: ${sentence(cause)} Choose sites nearer to the objective.`,
      { cause },
    );
  }
}
