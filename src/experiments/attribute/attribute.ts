// Attribution patching: what patching a clean activation into the corrupted run would do to a metric, to first order, for
// every layer and position at once. Two forward passes and one backward take the place of a run for each cell; integrated
// gradients take a few more of both.

import { type ComponentDescription, readsMore } from '../../architectures/architecture.ts';
import type { Place, Term } from '../../runtime/backward/objective.ts';
import { weightedEntries } from '../../runtime/backward/objectives.ts';
import type { Model } from '../../runtime/model.ts';
import { type Location, PlanError, type ReadTensor, type Row, replace } from '../../runtime/plan/plan.ts';
import { describeComponent } from '../../runtime/plan/sites.ts';
import { placedInInput } from '../inputParts.ts';
import { inputLength, lengthAt, type PatchRun } from '../patch/outline.ts';
import { NotFiniteError } from '../predict.ts';

/** Tokens, or how a row begins that reads more than one text. */
type AttributedPrompt = readonly number[] | PatchRun;

const runOf = (prompt: AttributedPrompt): PatchRun =>
  'start' in prompt ? prompt : { start: { kind: 'tokens', tokens: prompt }, tokens: prompt };

export interface AttributionRequest {
  readonly clean: AttributedPrompt;
  /** As many tokens as `clean`, unless `places` says what corresponds. */
  readonly corrupted: AttributedPrompt;
  /**
   * For each position that the components have in the corrupted run the one of the clean run to take from; null for none,
   * which gives NaN. The components are then of one stack.
   */
  readonly places?: readonly (number | null)[];
  /** Whose logit is watched. */
  readonly answer: number;
  /** The positions at which it is watched; default the last of each prompt. */
  readonly watched?: { readonly clean: number; readonly corrupted: number };
  /** Whose logit is subtracted from it. */
  readonly distractor?: number;
  /** Components that every layer has, of tokens or of heads. */
  readonly components: readonly string[];
  /**
   * Integrate the gradient along the way from the corrupted embeddings to the clean ones, at so many points. Absent: the
   * gradient on the corrupted run.
   */
  readonly steps?: number;
}

const mostSteps = 256;

export interface Attribution {
  readonly component: string;
  /**
   * [layers, positions], or [layers, positions, heads] for a component of heads: those of its stack, where the model has
   * two.
   */
  readonly shape: readonly number[];
  /** Row-major, in units of the metric; positions are the corrupted prompt's. */
  readonly values: Float32Array;
}

export interface AttributionResult {
  /** The metric of the two runs. */
  readonly baselines: { readonly clean: number; readonly corrupted: number };
  readonly attributions: readonly Attribution[];
}

export interface AttributionOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

const everywhere: Location = { positions: 'all' };

/** @throws PlanError for prompts of different lengths, and for components that have no vector at each position */
function check({ architecture }: Model, { components, steps, places, ...request }: AttributionRequest): void {
  const [cleanRun, corruptedRun] = [runOf(request.clean), runOf(request.corrupted)];
  const [clean, corrupted] = [cleanRun.tokens, corruptedRun.tokens];
  if (steps !== undefined && readsMore(architecture))
    throw new PlanError(
      `The gradient is integrated between the embeddings of two texts, and this ${architecture.modelType} model reads more than a text. Leave out the steps.`,
    );
  if (places) {
    if (steps !== undefined)
      throw new PlanError(
        'The gradient is integrated between prompts whose positions are the same; leave out the places or the steps.',
      );
    for (const name of components) {
      const described = describeComponent(architecture, name);
      const [from, to] = [cleanRun, corruptedRun].map((run) =>
        lengthAt(run, placedInInput(architecture, described.place)),
      );
      const stray = places.find((place) => place !== null && !(place >= 0 && place < (from ?? 0)));
      if (places.length !== to || stray !== undefined)
        throw new PlanError(
          `Each of the ${to} corrupted positions must have a clean one from 0 to ${(from ?? 0) - 1}, or none.`,
        );
    }
  } else if (inputLength(cleanRun) !== inputLength(corruptedRun)) {
    throw new PlanError(
      `The clean prompt's source has ${inputLength(cleanRun)} tokens and the corrupted one's ${inputLength(corruptedRun)}; a position must stand in both. Choose sources of the same length.`,
    );
  } else if (clean.length !== corrupted.length) {
    throw new PlanError(
      `The clean prompt has ${clean.length} tokens and the corrupted one ${corrupted.length}; a position must stand in both. Choose prompts of the same length.`,
    );
  }
  if (steps !== undefined && !(Number.isInteger(steps) && steps >= 1 && steps <= mostSteps)) {
    throw new PlanError(
      `The gradient cannot be integrated at ${steps} points; give a whole number from 1 to ${mostSteps}.`,
    );
  }
  for (const name of components) {
    const { layout, scope } = describeComponent(architecture, name);
    if (layout === 'pair' || scope === 'model') {
      throw new PlanError(
        `'${name}' has no vector for each layer and position, so nothing can be attributed to it.`,
      );
    }
  }
}

/**
 * Σ (clean - corrupted) · mean gradient, over the width of each unit.
 * @param heads units of one position
 */
function attributed(
  clean: ReadTensor | undefined,
  corrupted: ReadTensor | undefined,
  gradients: readonly (ReadTensor | undefined)[],
  places: readonly (number | null)[] | undefined,
  heads: number,
): Float32Array {
  const [units = 0, width = 0] = corrupted?.shape ?? [];
  return Float32Array.from({ length: units }, (_, unit) => {
    const position = Math.floor(unit / heads);
    const place = places ? (places[position] ?? null) : position;
    if (place === null) return Number.NaN;
    const shift = (place - position) * heads * width;
    let sum = 0;
    for (let at = unit * width; at < (unit + 1) * width; at++) {
      const apart = (clean?.data[at + shift] ?? Number.NaN) - (corrupted?.data[at] ?? Number.NaN);
      for (const gradient of gradients) sum += apart * (gradient?.data[at] ?? Number.NaN);
    }
    return sum / gradients.length;
  });
}

/**
 * Rows whose embeddings lie between those of the two runs, at the middles of so many equal parts of the way (the midpoint
 * rule).
 */
async function interpolatedRows(
  model: Model,
  request: AttributionRequest,
  steps: number,
  options: AttributionOptions,
): Promise<readonly Row[]> {
  const site = { component: 'embedding_output', layer: null };
  const [clean, corrupted] = [runOf(request.clean).tokens, runOf(request.corrupted).tokens];
  const rows = [corrupted, clean].map((tokens): Row => ({ start: { kind: 'tokens', tokens }, edits: [] }));
  const reads = rows.map((_, row) => ({ row, site, location: everywhere }));
  const [from, to] = (await model.run({ rows, reads }, options)).map(({ value }) => value?.data);
  return Array.from({ length: steps }, (_, step): Row => {
    const share = (step + 0.5) / steps;
    const data = Float32Array.from(from ?? [], (x, i) => x + share * ((to?.[i] ?? Number.NaN) - x));
    const source = { kind: 'tensor', data } as const;
    return {
      start: { kind: 'tokens', tokens: corrupted },
      edits: [{ site, location: everywhere, fragment: replace, source }],
    };
  });
}

/**
 * (clean - corrupted) · d metric / d activation, the gradient taken on the corrupted run, or averaged over `steps` runs
 * whose embeddings lie between the two.
 *
 * @throws PlanError when the prompts differ in length or a component does not fit
 * @throws NotFiniteError when a logit or a gradient is NaN or infinite
 * @throws UnknownComponentError for a component that the model does not have
 * @see Nanda 2023, "Attribution Patching: Activation Patching At Industrial Scale"; Hanna et al. 2024, "Have Faith in
 * Faithfulness", section 3, of integrated gradients
 */
export async function attributePatches(
  model: Model,
  request: AttributionRequest,
  options: AttributionOptions = {},
): Promise<AttributionResult> {
  check(model, request);
  const { answer, watched, distractor, components, steps, places: matched } = request;
  const [clean, corrupted] = [runOf(request.clean), runOf(request.corrupted)];
  const plain = [corrupted, clean].map(({ start }): Row => ({ start, edits: [] }));
  const between = steps === undefined ? [] : await interpolatedRows(model, request, steps, options);
  const rows = [...plain, ...between];
  /** Rows on which the gradient is taken. */
  const differentiated = steps === undefined ? [0] : between.map((_, step) => plain.length + step);
  const described = components.map((component) => describeComponent(model.architecture, component));
  const layersOf = ({ place }: ComponentDescription) => place?.count ?? model.architecture.layerCount;
  const places = (row: number) =>
    described.flatMap((component) =>
      Array.from({ length: layersOf(component) }, (_, layer): Place => {
        return { row, site: { component: component.name, layer }, location: everywhere };
      }),
    );
  const metric = weightedEntries([
    [{ entry: answer, factor: 1 }, ...(distractor === undefined ? [] : [{ entry: distractor, factor: -1 }])],
  ]);
  const last = { clean: clean.tokens.length - 1, corrupted: corrupted.tokens.length - 1 };
  const termOf = (row: number): Term => ({
    row,
    site: { component: 'logits', layer: null },
    location: { positions: [(watched ?? last)[row === 1 ? 'clean' : 'corrupted']] },
    ...metric,
  });
  const each = places(0).length;
  // The metric of a run at which no gradient is asked for is only looked at.
  const terms = [termOf(0), termOf(1), ...(steps === undefined ? [] : differentiated.map(termOf))];
  const found = await model.gradients(
    { rows, terms, reads: [...places(0), ...places(1)], at: differentiated.flatMap(places) },
    options,
  );
  const attributions = described.map((component, index): Attribution => {
    const { layout, heads = 1 } = component;
    const unitHeads = layout === 'head' ? heads : 1;
    const layerCount = layersOf(component);
    const before = described.slice(0, index).reduce((sum, other) => sum + layersOf(other), 0);
    const parts = Array.from({ length: layerCount }, (_, layer) => {
      const place = before + layer;
      const gradients = differentiated.map((_, step) => found.at[step * each + place]);
      const [base, source] = [found.reads[place]?.value, found.reads[each + place]?.value];
      return attributed(source, base, gradients, matched, unitHeads);
    });
    const values = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
    parts.forEach((part, layer) => {
      values.set(part, layer * part.length);
    });
    return {
      component: component.name,
      shape: [
        layerCount,
        lengthAt(corrupted, placedInInput(model.architecture, component.place)),
        ...(layout === 'head' ? [heads] : []),
      ],
      values,
    };
  });
  const baselines = {
    corrupted: found.terms[0]?.[0] ?? Number.NaN,
    clean: found.terms[1]?.[0] ?? Number.NaN,
  };
  // Positions without a partner in the other prompt are NaN by design, so it is the gradients that are looked at.
  const computed = [Object.values(baselines), ...found.at.map(({ data }) => data)];
  if (!computed.every((numbers) => numbers.every(Number.isFinite)))
    throw new NotFiniteError(
      `${model.label} gives logits or gradients that are not finite numbers for these prompts. Its weights may be damaged; fetch them again.`,
    );
  return { baselines, attributions };
}
