// Runs attribution patching over pairs, and beside it, when asked, the patches that it foretells. Its result has the panels
// of a patch, so that the two can be laid side by side.

import * as v from 'valibot';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import type { Model } from '../../runtime/model.ts';
import { csvText } from '../csv.ts';
import { type Immutable, readVersioned, tokenId, wholeNumber } from '../experimentFile.ts';
import { metricOf, statisticOf } from '../metrics.ts';
import { readPatchExperiment } from '../patch/experiment.ts';
import { columnsOf } from '../patch/outline.ts';
import { patchTokenizer, resolvePatch } from '../patch/resolve.ts';
import { completePatch, type PatchResult } from '../patch/result.ts';
import { type PreparedPatch, preparePatch } from '../patch/run.ts';
import type { RunOptions } from '../planRuns.ts';
import { type Attribution, attributePatches, correlationWith } from './attribute.ts';
import { type AttributeExperiment, attributeExperimentSchema } from './experiment.ts';

export const attributionResultVersion = 1;

const named = v.strictObject({ id: tokenId, text: v.string() });
/** [layer, column] row-major, in logits: what patching the cell would add to the metric, or has added. */
const effects = v.array(v.number());

const attributionPanelSchema = v.strictObject({
  component: v.string(),
  by: v.picklist(['position', 'head']),
  /** Columns of a panel by head. */
  heads: v.optional(v.array(tokenId)),
  /** Columns of a panel by position. */
  positions: v.array(tokenId),
  /** Mean over pairs. */
  attributions: effects,
  /** Mean over pairs of what patching does. */
  patched: v.optional(effects),
  /** Pearson's, of the two, over cells; null where one is the same everywhere. */
  correlation: v.optional(v.nullable(v.number())),
});

export const attributionResultSchema = v.strictObject({
  kind: v.literal('attribution-result'),
  version: v.literal(attributionResultVersion),
  experiment: attributeExperimentSchema,
  model: v.strictObject({ label: v.string(), modelType: v.string(), parameterCount: v.number() }),
  backend: v.strictObject({ kind: v.picklist(['webgpu', 'wasm', 'node']), description: v.string() }),
  pairs: v.array(
    v.strictObject({
      clean: v.array(named),
      corrupted: v.array(named),
      answer: named,
      distractor: v.optional(named),
    }),
  ),
  layerCount: wholeNumber,
  /** The metric of the two runs, mean over pairs: logit of the answer, minus that of the distractor where there is one. */
  baselines: v.strictObject({ clean: v.number(), corrupted: v.number() }),
  panels: v.array(attributionPanelSchema),
  notices: v.array(v.strictObject({ code: v.string(), text: v.string() })),
});

export type AttributionFile = Immutable<v.InferOutput<typeof attributionResultSchema>>;

/** @throws ExperimentError that names the first thing that is wrong */
export function readAttributionResult(value: unknown): AttributionFile {
  return readVersioned(attributionResultSchema, value, 'attribution-result', attributionResultVersion);
}

type Panel = AttributionFile['panels'][number];

/** The patch that the attributions foretell. */
const patchOf = ({ model, revision, pairs, components }: AttributeExperiment) =>
  readPatchExperiment({
    kind: 'patch',
    version: 1,
    model,
    ...(revision === undefined ? {} : { revision }),
    pairs,
    sweeps: components.map((component) => ({ component })),
  });

/** Means over pairs of one component's attributions, [layer, column]. */
function panelOf(
  prepared: PreparedPatch,
  index: number,
  layerCount: number,
  found: readonly (readonly Attribution[])[],
): Panel {
  const panel = prepared.panels[index];
  if (panel?.kind !== 'sweep') throw new RangeError(`There is no sweep ${index}.`);
  const columns = columnsOf(panel);
  const attributions = new Array<number>(layerCount * columns.length).fill(0);
  for (const pair of found) {
    const { shape = [], values = new Float32Array() } = pair[index] ?? {};
    const [, positions = 0, heads = 1] = shape;
    for (let at = 0; at < values.length; at++) {
      const [layer, position, head] = [
        Math.floor(at / (positions * heads)),
        Math.floor(at / heads) % positions,
        at % heads,
      ];
      // A head is patched at all positions together; to first order their effects add up.
      const column = panel.by === 'head' ? head : position;
      const place = layer * columns.length + column;
      attributions[place] = (attributions[place] ?? 0) + (values[at] ?? Number.NaN) / found.length;
    }
  }
  return {
    component: panel.component,
    by: panel.by === 'head' ? 'head' : 'position',
    ...(panel.by === 'head' && panel.heads ? { heads: panel.heads } : {}),
    positions: columns.flatMap(({ position }) => position ?? []),
    attributions,
  };
}

/** What patching each cell adds to the metric. */
function patchedEffects(patch: PatchResult, index: number): readonly number[] {
  const metric = patch.pairs.every(({ distractor }) => distractor) ? 'logitDifference' : 'answerLogit';
  const { corrupted, panels } = patch;
  if (!corrupted) throw new Error('A patch between two prompts has two baselines.');
  const base = statisticOf(metricOf(corrupted, metric)).mean;
  return (panels[index]?.cells ?? []).map((samples) =>
    samples ? statisticOf(metricOf(samples, metric)).mean - base : 0,
  );
}

/**
 * @throws ExperimentError or PlanError when it does not fit the model, or the signal's reason
 */
export async function runAttribution(
  model: Model,
  checkpoint: Checkpoint,
  experiment: AttributeExperiment,
  { signal, onProgress }: RunOptions & { readonly signal: AbortSignal },
): Promise<AttributionFile> {
  const { architecture, backend } = model;
  const asPatch = patchOf(experiment);
  const tokenizer = await patchTokenizer(checkpoint, asPatch, signal);
  const textOf = (id: number) => tokenizer?.tokenText(id) ?? `#${id}`;
  const prepared = await preparePatch(model, resolvePatch(architecture, tokenizer, asPatch), {
    signal,
    textOf,
  });
  const { layerCount } = architecture;
  const found: (readonly Attribution[])[] = [];
  const baselines = { clean: 0, corrupted: 0 };
  for (const [index, { clean, corrupted = [], answer, distractor }] of prepared.pairs.entries()) {
    const { attributions, baselines: own } = await attributePatches(
      model,
      {
        clean,
        corrupted,
        answer: answer.id,
        components: experiment.components,
        ...(distractor ? { distractor: distractor.id } : {}),
        ...(experiment.steps === undefined ? {} : { steps: experiment.steps }),
      },
      { signal },
    );
    found.push(attributions);
    baselines.clean += own.clean / prepared.pairs.length;
    baselines.corrupted += own.corrupted / prepared.pairs.length;
    if (!experiment.compare) onProgress?.(index + 1, prepared.pairs.length);
  }
  const patch = experiment.compare
    ? await completePatch(model, prepared, { signal, ...(onProgress ? { onProgress } : {}) })
    : undefined;
  const panels = experiment.components.map((_, index): Panel => {
    const panel = panelOf(prepared, index, layerCount, found);
    if (!patch) return panel;
    const patched = patchedEffects(patch, index);
    const correlation = correlationWith(panel.attributions, patched);
    return {
      ...panel,
      patched: [...patched],
      correlation: Number.isFinite(correlation) ? correlation : null,
    };
  });
  const texts = (tokens: readonly number[]) => tokens.map((id) => ({ id, text: textOf(id) }));
  return {
    kind: 'attribution-result',
    version: attributionResultVersion,
    experiment,
    model: {
      label: model.label,
      modelType: architecture.modelType,
      parameterCount: model.parameterCount,
    },
    backend: { kind: backend.kind, description: backend.description },
    pairs: prepared.pairs.map(({ clean, corrupted = [], answer, distractor }) => ({
      clean: texts(clean),
      corrupted: texts(corrupted),
      answer: { id: answer.id, text: answer.text },
      ...(distractor ? { distractor: { id: distractor.id, text: distractor.text } } : {}),
    })),
    layerCount,
    baselines,
    panels,
    notices: prepared.notices.map(({ code, text }) => ({ code, text })),
  };
}

/** One line a cell: panel, layer, head, position, token (where there is one pair), attribution, and what patching does. */
export function attributionCsv({ panels, pairs }: AttributionFile): string {
  const tokens = pairs.length === 1 ? (pairs[0]?.clean ?? []) : [];
  const lines = panels.flatMap(({ component, heads, positions, attributions, patched }) => {
    const columns = heads ?? positions;
    return attributions.map((value, index) => {
      const column = columns[index % columns.length] ?? 0;
      const [head, position] = heads ? [String(column), ''] : ['', String(column)];
      const token = heads ? '' : (tokens[column]?.text ?? '');
      const layer = String(Math.floor(index / columns.length));
      return [component, layer, head, position, token, String(value), String(patched?.[index] ?? '')];
    });
  });
  return csvText([['panel', 'layer', 'head', 'position', 'token', 'attribution', 'patched'], ...lines]);
}
