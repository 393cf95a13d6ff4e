// Attribution patching: what patching a clean activation into the corrupted run would do to a metric, to first order, for
// every layer and position at once. Two forward passes and one backward take the place of a run for each cell.

import type { Model } from '../../runtime/model.ts';
import type { Place, Term } from '../../runtime/objective.ts';
import { weightedEntries } from '../../runtime/objectives.ts';
import { type Location, PlanError, type ReadTensor, type Row } from '../../runtime/plan.ts';
import { describeComponent } from '../../runtime/sites.ts';

export interface AttributionRequest {
  readonly clean: readonly number[];
  /** As many tokens as `clean`. */
  readonly corrupted: readonly number[];
  /** Whose logit is watched, at the last position. */
  readonly answer: number;
  /** Whose logit is taken off it. */
  readonly distractor?: number;
  /** Components that every layer has, of tokens or of heads. */
  readonly components: readonly string[];
}

export interface Attribution {
  readonly component: string;
  /** [layers, positions], or [layers, positions, heads] for a component of heads. */
  readonly shape: readonly number[];
  /** Row-major, in units of the metric. */
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
function check({ architecture }: Model, { clean, corrupted, components }: AttributionRequest): void {
  if (clean.length !== corrupted.length) {
    throw new PlanError(
      `The clean prompt has ${clean.length} tokens and the corrupted one ${corrupted.length}; a position must stand in both. Choose prompts of the same length.`,
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

/** Σ (clean - corrupted) · gradient over the width of each unit. */
function attributed(
  clean: ReadTensor | undefined,
  corrupted: ReadTensor | undefined,
  gradient: ReadTensor | undefined,
): Float32Array {
  const [units = 0, width = 0] = gradient?.shape ?? [];
  return Float32Array.from({ length: units }, (_, unit) => {
    let sum = 0;
    for (let at = unit * width; at < (unit + 1) * width; at++) {
      const apart = (clean?.data[at] ?? Number.NaN) - (corrupted?.data[at] ?? Number.NaN);
      sum += apart * (gradient?.data[at] ?? Number.NaN);
    }
    return sum;
  });
}

/**
 * (clean - corrupted) · d metric / d activation, the gradient taken on the corrupted run.
 *
 * @throws PlanError when the prompts differ in length or a component does not fit
 * @throws UnknownComponentError for a component that the model does not have
 * @see Nanda 2023, "Attribution Patching: Activation Patching At Industrial Scale"
 */
export async function attributePatches(
  model: Model,
  request: AttributionRequest,
  options: AttributionOptions = {},
): Promise<AttributionResult> {
  check(model, request);
  const { clean, corrupted, answer, distractor, components } = request;
  const { layerCount } = model.architecture;
  const rows = [corrupted, clean].map((tokens): Row => ({ start: { kind: 'tokens', tokens }, edits: [] }));
  const places = (row: number) =>
    components.flatMap((component) =>
      Array.from({ length: layerCount }, (_, layer): Place => {
        return { row, site: { component, layer }, location: everywhere };
      }),
    );
  const metric = weightedEntries([
    [{ entry: answer, factor: 1 }, ...(distractor === undefined ? [] : [{ entry: distractor, factor: -1 }])],
  ]);
  const termOf = (row: number): Term => ({
    row,
    site: { component: 'logits', layer: null },
    location: { positions: [clean.length - 1] },
    ...metric,
  });
  const at = places(0);
  const { terms, reads, ...found } = await model.gradients(
    // The clean run's metric is only looked at: nothing that is differentiated bears on it.
    { rows, terms: [termOf(0), termOf(1)], reads: [...at, ...places(1)], at },
    options,
  );
  const attributions = components.map((component, index): Attribution => {
    const parts = Array.from({ length: layerCount }, (_, layer) => {
      const place = index * layerCount + layer;
      return attributed(reads[at.length + place]?.value, reads[place]?.value, found.at[place]);
    });
    const { layout, heads = 1 } = describeComponent(model.architecture, component);
    const values = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
    parts.forEach((part, layer) => {
      values.set(part, layer * part.length);
    });
    return {
      component,
      shape: [layerCount, clean.length, ...(layout === 'head' ? [heads] : [])],
      values,
    };
  });
  return {
    baselines: { corrupted: terms[0]?.[0] ?? Number.NaN, clean: terms[1]?.[0] ?? Number.NaN },
    attributions,
  };
}
