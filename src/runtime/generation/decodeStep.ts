// One step of generation: a token of each row through the model, from the keys and values that are kept.

import type { WeightSource } from '../../architectures/architecture.ts';
import { Arena } from '../backends/arena.ts';
import type { DeviceTensor, Program } from '../backends/backend.ts';
import { Captures } from '../forward/captures.ts';
import { type PreparedEdits, prepareEdits } from '../forward/editGroups.ts';
import type { ExecuteContext } from '../forward/execute.ts';
import type { BatchSizes, PlacedRow } from '../forward/placedRow.ts';
import type { ScheduledEdit } from '../plan/scheduled.ts';
import { describeComponent } from '../plan/sites.ts';
import { partAt } from '../plan/stacks.ts';
import { embedStage, headStage, type Stage } from '../plan/stage.ts';
import type { BoundWeights } from '../weights/weights.ts';
import { bindsBlocks, blockBytes, blockTensors } from './blockTensors.ts';
import { bindsWeights, boundTensors, partBytes } from './boundTensors.ts';
import type { GenerationCache } from './cache.ts';
import { partOf, partPrefix, type SpanPart, spanGraph, spanKey, weightInput } from './stepGraph.ts';

export interface StepRow {
  readonly token: number;
  /** Of the token in its sequence. */
  readonly position: number;
  /** Slots of all positions up to and with this one. */
  readonly slots: readonly number[];
  /** Slots of the encoder's positions; none in other models. */
  readonly memory: readonly number[];
  /** Those that act at this position. */
  readonly edits: readonly ScheduledEdit[];
}

/** Far beyond any position: a key there is seen by no query. */
const nowhere = 2 ** 30;
/** Keys are padded to a multiple of it: the runtime plans its memory anew for each new size. */
const keyBlock = 16;

/** Which parts run as one graph. */
export function stepSpans({ architecture, backend, weights }: ExecuteContext): readonly (readonly Stage[])[] {
  const all = Array.from({ length: headStage(architecture) + 2 }, (_, index) => index + embedStage);
  // The encoder has read.
  const stages = all.filter((stage) => partAt(architecture, { stack: 'main', stage }));
  // Weights that are brought in for one layer at a time are not all there at once; and weights that are constants of
  // their graph should not be copied into another one because a single layer is edited.
  const isWhole = weights.residency === 'expanded' && !backend.copiesInputs;
  return isWhole ? [stages] : stages.map((stage) => [stage]);
}

interface Indices {
  readonly sizes: BatchSizes;
  readonly inputs: Readonly<Record<string, DeviceTensor>>;
}

function indexStep(rows: readonly StepRow[], arena: Arena, capacity: number): Indices {
  const { backend } = arena;
  const count = backend.paddedSize(rows.length);
  const longest = rows.reduce((most, { position }) => Math.max(most, position + 1), 1);
  const keys = backend.paddedSize(Math.ceil(longest / keyBlock) * keyBlock);
  const tokens = new Int32Array(count);
  const positions = new Int32Array(count);
  const places = Int32Array.from({ length: count }, (_, row) => row);
  const queryPositions = new Int32Array(count).fill(-1);
  const keyIndex = new Int32Array(count * keys);
  const keyPositions = new Int32Array(count * keys).fill(nowhere);
  const read = rows.reduce((most, row) => Math.max(most, row.memory.length), 0);
  const memory = read === 0 ? 0 : backend.paddedSize(Math.ceil(read / keyBlock) * keyBlock);
  const memoryIndex = new Int32Array(count * memory);
  const memoryPositions = new Int32Array(count * memory).fill(nowhere);
  rows.forEach((row, at) => {
    memoryIndex.set(row.memory, at * memory);
    row.memory.forEach((_, position) => {
      memoryPositions[at * memory + position] = position;
    });
  });
  rows.forEach(({ token, position, slots }, row) => {
    tokens[row] = token;
    positions[row] = position;
    queryPositions[row] = position;
    for (let at = 0; at <= position; at++) {
      keyIndex[row * keys + at] = at === position ? capacity + row : (slots[at] ?? 0);
      keyPositions[row * keys + at] = at;
    }
  });
  return {
    sizes: { tokens: count, rows: count, queries: 1, keys, memory },
    inputs: {
      tokens: arena.upload(tokens, [count]),
      positions: arena.upload(positions, [count]),
      // The sequence ends with the token.
      lengths: arena.upload(
        positions.map((position) => position + 1),
        [count],
      ),
      query_index: arena.upload(places, [count, 1]),
      query_positions: arena.upload(queryPositions, [count, 1]),
      key_index: arena.upload(keyIndex, [count, keys]),
      key_positions: arena.upload(keyPositions, [count, keys]),
      token_slot: arena.upload(places, [count]),
      ...(memory > 0
        ? {
            memory_index: arena.upload(memoryIndex, [count, memory]),
            memory_positions: arena.upload(memoryPositions, [count, memory]),
          }
        : {}),
    },
  };
}

interface PreparedPart extends SpanPart {
  readonly edits: PreparedEdits;
}

/** Edits of a layer, sorted into groups. */
function preparePart(
  { architecture }: ExecuteContext,
  rows: readonly StepRow[],
  stage: Stage,
  sizes: BatchSizes,
  arena: Arena,
): PreparedPart {
  const placed = rows.map(
    ({ position, edits }, place): PlacedRow => ({
      row: place,
      place,
      first: position,
      length: position + 1,
      tokenOf: (wanted) => (wanted === position ? place : undefined),
      edits: edits.filter((edit) => edit.stage === stage),
    }),
  );
  const edits = prepareEdits(placed, {
    arena,
    captures: new Captures(arena),
    sizes,
    paddedSize: (size) => arena.backend.paddedSize(size),
    describe: (component) => describeComponent(architecture, component),
  });
  return { stage, slots: { edits: edits.slots, taps: [] }, edits };
}

/** Names of what the graphs of steps are given, by their programs. */
const inputsOf = new WeakMap<Program, ReadonlySet<string>>();

async function programOf(context: ExecuteContext, parts: readonly PreparedPart[]): Promise<Program> {
  const { architecture, backend, programs } = context;
  const isBound = bindsWeights(context);
  const isOfBlocks = bindsBlocks(context);
  const hasConstants = isBound || isOfBlocks;
  const key = spanKey(architecture, parts) + (hasConstants ? ` of ${parts.map(({ stage }) => stage)}` : '');
  const compile = async () => {
    const graph = spanGraph(architecture, parts, {
      isDynamic: backend.runsDynamic,
      ...(isBound ? { bound: await boundTensors(context, parts) } : {}),
      ...(isOfBlocks ? { blocks: blockTensors(context, parts) } : {}),
    });
    const program = await backend.compile(graph);
    inputsOf.set(program, new Set(graph.inputs.keys()));
    return program;
  };
  const bytes = isBound ? partBytes(context, parts) : isOfBlocks ? blockBytes(context, parts) : 0;
  return programs.get(key, compile, bytes);
}

/** The weights that a program is given. */
function givenWeights(
  { architecture }: ExecuteContext,
  parts: readonly SpanPart[],
  program: Program,
): readonly Readonly<Record<string, WeightSource>>[] {
  const names = inputsOf.get(program);
  return parts.map(({ stage }, index) => {
    const all = Object.entries(partOf(architecture, stage).weights);
    return Object.fromEntries(
      all.filter(([name, source]) => names?.has(weightInput(index, name, source)) ?? true),
    );
  });
}

function weightInputs(
  { architecture }: ExecuteContext,
  parts: readonly SpanPart[],
  bound: readonly BoundWeights[],
): Readonly<Record<string, DeviceTensor>> {
  const inputs: Record<string, DeviceTensor> = {};
  parts.forEach(({ stage }, index) => {
    for (const [name, source] of Object.entries(partOf(architecture, stage).weights)) {
      const tensor = bound[index]?.[`weight.${name}`];
      if (tensor) inputs[weightInput(index, name, source)] = tensor;
    }
  });
  return inputs;
}

/**
 * Run one token of each row, and keep its keys and values in the last of its slots.
 * @returns the logits of each row, [vocabulary]
 */
export async function runStep(
  context: ExecuteContext,
  rows: readonly StepRow[],
  cache: GenerationCache,
  signal: AbortSignal | undefined,
): Promise<readonly Float32Array[]> {
  const { architecture, backend, weights } = context;
  const arena = new Arena(backend);
  const longest = rows.reduce((most, { position }) => Math.max(most, position + 1), 1);
  const moves = rows.map(({ slots, position }, from) => ({ from, slot: slots[position] ?? 0 }));
  try {
    const { sizes, inputs } = indexStep(rows, arena, cache.capacity);
    let hidden: DeviceTensor | undefined;
    let logits: DeviceTensor | undefined;
    for (const stages of stepSpans(context)) {
      signal?.throwIfAborted();
      const parts = stages.map((stage) => preparePart(context, rows, stage, sizes, arena));
      const given: Record<string, DeviceTensor> = { ...inputs, ...(hidden ? { hidden } : {}) };
      parts.forEach(({ stage, edits }, index) => {
        const prefix = partPrefix(index);
        for (const [name, tensor] of Object.entries(edits.inputs)) given[prefix + name] = tensor;
        if (!architecture.blocks[stage]) return;
        const { keys, values } = cache.layer(stage);
        given[`${prefix}past.keys`] = keys;
        given[`${prefix}past.values`] = values;
      });
      const program = await programOf(context, parts);
      const outputs = await weights.withAll(
        givenWeights(context, parts, program),
        longest,
        signal,
        async (bound) => arena.own(await program.run({ ...given, ...weightInputs(context, parts, bound) })),
      );
      parts.forEach(({ stage }, index) => {
        const { [`${partPrefix(index)}keys`]: keys, [`${partPrefix(index)}values`]: values } = outputs;
        if (keys && values) cache.write(stage, keys, values, moves);
      });
      ({ out: hidden, logits } = outputs);
    }
    const data = logits && (await backend.read(logits));
    if (!(data instanceof Float32Array)) throw new Error('The head gave no logits.');
    const each = data.length / sizes.tokens;
    return rows.map((_, row) => data.slice(row * each, (row + 1) * each));
  } finally {
    arena.disposeAll();
  }
}
