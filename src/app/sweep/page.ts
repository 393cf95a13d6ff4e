// Pages of experiments that sweep over pairs of prompts: activation patching, path patching, attribution. Their document
// holds the experiment itself, so that a file holds nothing that its page would drop; it is edited by fields, as text, or
// built on the rack of the Patch page, under whose tab they stand.

import type { AttributeExperiment } from '../../experiments/attribute/experiment.ts';
import { attributionFigures } from '../../experiments/attribute/figure.ts';
import { attributeKind } from '../../experiments/attribute/kind.ts';
import type { AttributionFile } from '../../experiments/attribute/result.ts';
import { ExperimentError } from '../../experiments/experimentFile.ts';
import { withoutBytes } from '../../experiments/givenFile.ts';
import type { AnyResult, TypedKind } from '../../experiments/kind.ts';
import { metricOf, statisticOf } from '../../experiments/metrics.ts';
import { type Pair, withPairFiles } from '../../experiments/pairs.ts';
import type { PatchExperiment } from '../../experiments/patch/experiment.ts';
import { type PatchFigureOptions, patchFigures } from '../../experiments/patch/figure.ts';
import { patchMetrics, usualMetric } from '../../experiments/patch/grid.ts';
import { patchKind, pathKind } from '../../experiments/patch/kind.ts';
import type { PathExperiment } from '../../experiments/patch/pathExperiment.ts';
import { pictureFigures } from '../../experiments/patch/pictureFigure.ts';
import type { PatchResult } from '../../experiments/patch/result.ts';
import type { ShownFigure } from '../../experiments/shown.ts';
import type { HeatmapDescription } from '../../figures/description.ts';
import { withoutDefaults } from '../../share/link.ts';
import type { Draft, Example, PageDefinition } from '../experiment/definition.ts';
import { type FigureView, initialView } from '../experiment/figureView.ts';
import {
  changedPair,
  documentOf,
  hasCorrupted,
  type SweepDocument,
  type SweepExperiment,
  shownAt,
  withPairs,
} from './document.ts';
import { problemsOf } from './problems.ts';

type NamedTokens = readonly { readonly id: number; readonly text: string }[];

export interface SweepResult extends AnyResult {
  readonly experiment: SweepExperiment;
  readonly layerCount: number;
  readonly pairs: readonly {
    readonly clean: NamedTokens;
    readonly corrupted?: NamedTokens | undefined;
    readonly source?: NamedTokens | undefined;
    readonly corruptedSource?: NamedTokens | undefined;
    readonly answer: { readonly id: number; readonly text: string };
    readonly distractor?: { readonly id: number; readonly text: string } | undefined;
  }[];
}

/** The document is null before there is an experiment. */
export interface SweepTypes<
  Experiment extends SweepExperiment = SweepExperiment,
  Result extends SweepResult = SweepResult,
> {
  readonly document: SweepDocument<Experiment> | null;
  readonly experiment: Experiment;
  readonly result: Result;
  readonly draft: Draft<Experiment>;
}

/** What a kind of sweep has of its own. */
type Own<T extends SweepTypes> = Pick<
  PageDefinition<T>,
  'title' | 'noun' | 'examples' | 'difference' | 'brief' | 'metrics' | 'sheets'
> & {
  readonly kind: TypedKind<T['experiment'], T['result']>;
  figures(result: T['result'], view: FigureView): readonly SweepFigure[];
};

/** A heatmap, or a picture under its squares. */
export type SweepFigure = Extract<ShownFigure, { readonly kind: 'heatmap' | 'overlay' }>;

const heatmapFigure = (description: HeatmapDescription): SweepFigure => ({
  kind: 'heatmap',
  name: 'figure',
  description,
});

/** The heatmap of a figure. */
export const heatmapOf = (figure: ShownFigure): HeatmapDescription | null => {
  if (figure.kind === 'heatmap') return figure.description;
  return figure.kind === 'overlay' ? figure.description.heatmap : null;
};

/** The tokens of what stands in a prompt's field: of a model of two stacks its source. */
export const tokensOfField = (
  pair: SweepResult['pairs'][number] | undefined,
  name: 'clean' | 'corrupted',
): NamedTokens | undefined =>
  name === 'clean' ? (pair?.source ?? pair?.clean) : (pair?.corruptedSource ?? pair?.corrupted);

const prompts = ['clean', 'corrupted'] as const;

/** Prompts of a pair that are text. */
const textsOf = (pair: Pair | undefined) =>
  prompts.flatMap((name) => {
    const text = pair?.[name];
    return typeof text === 'string' ? [{ name, text }] : [];
  });

/** Those that stand in the fields. */
const shownTexts = (document: SweepDocument | null) =>
  document === null ? [] : textsOf(document.experiment.pairs[shownAt(document)]);

/** As TransformerLens draws it. */
const look: FigureView = { ...initialView, metric: 'logitDifference', orientation: 'layers-down' };

/** ROME's hues of residual state, MLP and attention. */
const hues = { residual: 'purples', mlp: 'greens', attention: 'reds' } as const;

/** The figure in the colours that were chosen: hues where values are drawn as they are, else what the figure brings. */
function coloured(figure: HeatmapDescription, { colours, scale }: FigureView): HeatmapDescription {
  const panels = figure.panels.map((panel) => {
    const hue = scale === 'value' && panel.icon ? hues[panel.icon] : panel.colours;
    return { ...panel, colours: colours === 'streams' ? hue : colours };
  });
  return { ...figure, panels };
}

export function sweepPage<Experiment extends SweepExperiment, Result extends SweepResult>({
  figures,
  ...own
}: Own<SweepTypes<Experiment, Result>>): PageDefinition<SweepTypes<Experiment, Result>> {
  return {
    ...own,
    tab: 'Patch',
    look,
    blank: null,
    prompts: (document) => shownTexts(document).map(({ text }) => text),
    withPrompt: (document, index, text) => {
      const field = shownTexts(document)[index];
      if (!document || !field) return document;
      const at = shownAt(document);
      return { ...document, experiment: changedPair(document.experiment, at, { [field.name]: text }) };
    },
    withTable: (document, pairsIn) => {
      if (document === null)
        throw new ExperimentError('A table needs an experiment to be of. Open an example first.');
      return withPairs(document, pairsIn({ needsCorrupted: hasCorrupted(document.experiment) }), 0);
    },
    derive: (document, { model }) => {
      if (document === null) {
        const why = 'Build one on the rack, or open an example or a file.';
        return { experiment: null, problems: new Map([['experiment', why]]) };
      }
      const reads = (model !== null && 'reads' in model && model.reads) || null;
      const problems = problemsOf(document, reads);
      if (model === null || problems.size > 0) return { experiment: null, problems };
      const { revision, ...experiment } = document.experiment;
      // A revision is one of the model that the file names.
      const kept = revision !== undefined && experiment.model === model.label ? { revision } : {};
      // What was taken off and put on again leaves the kind's own type.
      const own = { ...experiment, ...kept, model: model.label } as Experiment;
      return { experiment: own, problems };
    },
    documentOf: (experiment) => documentOf(experiment),
    // A result of patches may be of either kind; the page is of one.
    experimentOf: ({ experiment }) => own.kind.read(experiment),
    shared: (experiment) => experiment,
    standIn: ({ experiment, layerCount, pairs }) => ({
      model: { label: experiment.model, layerCount, maxPositions: Number.POSITIVE_INFINITY },
      prompts: experiment.pairs.flatMap((pair, index) =>
        textsOf(pair).map(({ name, text }) => ({
          text,
          tokens: (tokensOfField(pairs[index], name) ?? []).map((token) => ({ ...token, isSpecial: false })),
        })),
      ),
    }),
    figure: (result, view) => {
      const all = figures(result, view);
      const shown = all[view.sheet] ?? all[0];
      const description = shown && heatmapOf(shown);
      if (!shown || !description) throw new Error('A result without a panel has no figure.');
      const { orientation, sharing, pins } = view;
      const inside = pins.filter(
        ({ panel, location, layer }) =>
          description.panels[panel]?.values[location]?.length !== undefined &&
          layer < description.layers.length,
      );
      const heatmap = { ...coloured(description, view), orientation, sharing, pins: inside };
      return shown.kind === 'overlay'
        ? { ...shown, description: { ...shown.description, heatmap } }
        : heatmapFigure(heatmap);
    },
    fileStem: ({ experiment }) => {
      const title = (experiment.title ?? '').toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-');
      const name = title.replace(/^-|-$/g, '').slice(0, 40);
      return [own.kind.name, name].filter((part) => part !== '').join('-');
    },
  };
}

/** The largest difference of numbers that both have. */
function largestDifference(a: readonly (number | null)[], b: readonly (number | null)[]): number {
  return a.reduce<number>((largest, value, index) => {
    const other = b[index] ?? null;
    return value === null || other === null ? largest : Math.max(largest, Math.abs(value - other));
  }, 0);
}

const probabilities = ({ panels }: PatchResult): readonly (number | null)[] =>
  panels.flatMap(({ cells }) =>
    cells.map((samples) => samples && statisticOf(metricOf(samples, 'probability')).mean),
  );

/** The heatmaps of a result, behind the pictures that some of them lie over. */
function sweepFigures(result: PatchResult, options: PatchFigureOptions = {}): readonly SweepFigure[] {
  const heatmaps = patchFigures(result, options);
  return [...pictureFigures(result, heatmaps), ...heatmaps.map(heatmapFigure)];
}

const acrossWords = { head: 'heads', position: 'positions', named: 'parts' } as const;

const ofPatches = {
  figures: (result: PatchResult, { metric, scale }: FigureView) =>
    sweepFigures(result, {
      metric: patchMetrics(result).includes(metric) ? metric : usualMetric(result),
      // Ranks and divergences have no share unless somebody asks for it, and the kind knows.
      ...(scale === 'share' ? {} : { scale }),
    }),
  metrics: patchMetrics,
  sheets: (result: PatchResult) =>
    sweepFigures(result).map((figure) => {
      const { panels = [], locations } = heatmapOf(figure) ?? {};
      const [first, ...others] = panels.map(({ title }) => title);
      const what = `${first ?? ''}${others.length > 0 ? ` and ${others.length} more` : ''}`;
      if (figure.kind === 'overlay') return `${what}, over the picture`;
      return `${what}, by ${acrossWords[locations?.kind ?? 'position']}`;
    }),
  difference: (a: PatchResult, b: PatchResult) => largestDifference(probabilities(a), probabilities(b)),
};

export type PatchTypes = SweepTypes<PatchExperiment, PatchResult>;
export type PathTypes = SweepTypes<PathExperiment, PatchResult>;
export type AttributeTypes = SweepTypes<AttributeExperiment, AttributionFile>;

export const patchSweepPage = (examples: readonly Example<PatchExperiment, PatchResult>[]) =>
  sweepPage({
    ...ofPatches,
    kind: patchKind,
    title: 'Sweep',
    noun: 'sweep',
    examples,
    brief: ({ sweeps, ...experiment }) => ({
      ...experiment,
      // A link holds no pictures.
      pairs: experiment.pairs.map((pair) => withPairFiles(pair, withoutBytes)),
      sweeps: sweeps.map((sweep) => withoutDefaults(sweep, { window: 1, positions: 'all' })),
    }),
  });

export const pathSweepPage = (examples: readonly Example<PathExperiment, PatchResult>[]) =>
  sweepPage({
    ...ofPatches,
    kind: pathKind,
    title: 'Paths',
    noun: 'path patch',
    examples,
    brief: ({ pairs, ...experiment }) =>
      withoutDefaults(
        { ...experiment, pairs: pairs.map((pair) => withPairFiles(pair, withoutBytes)) },
        { direction: 'corrupt', senders: 'all', mlps: 'recompute' },
      ),
  });

export const attributionPage = (examples: readonly Example<AttributeExperiment, AttributionFile>[]) =>
  sweepPage({
    kind: attributeKind,
    title: 'Attribution',
    noun: 'attribution',
    examples,
    brief: ({ pairs, ...experiment }) =>
      withoutDefaults(
        { ...experiment, pairs: pairs.map((pair) => withPairFiles(pair, withoutBytes)) },
        { compare: true },
      ),
    figures: (result) => attributionFigures(result).map(heatmapFigure),
    sheets: ({ panels }) => panels.map(({ component }) => component),
    difference: (a, b) =>
      Math.max(
        0,
        ...a.panels.map(({ attributions }, index) =>
          largestDifference(attributions, b.panels[index]?.attributions ?? []),
        ),
      ),
  });
