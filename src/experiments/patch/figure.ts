// A result as figures: what `src/figures` draws, layers down as in TransformerLens, with titles and a caption that let a
// reader repeat the patch.

import type {
  Metric as FigureMetric,
  HeatmapDescription,
  HeatmapPanel,
  Locations,
} from '../../figures/description.ts';
import { componentLook } from '../componentLooks.ts';
import { figureMetric } from '../figureWords.ts';
import { windowAround } from '../layers.ts';
import type { Metric } from '../metrics.ts';
import {
  changeGrid,
  headNames,
  normalisedGrid,
  type PatchGrid,
  panelLabel,
  patchGrid,
  usualMetric,
} from './grid.ts';
import { locationsAt } from './places.ts';
import { type PatchResult, panelLayers } from './result.ts';
import { patchCaption, patchTitle, sharedText } from './words.ts';

export interface PatchFigureOptions {
  /** Default: a logit difference where there is a distractor, else the probability of the answer. */
  readonly metric?: Metric;
  /**
   * `share` draws values between the baselines, 0 as corrupted, 1 as clean; `value` as they are; `change` from the run
   * that cells start from, in percent of it. Default shares where there are two baselines, but for ranks and divergences.
   */
  readonly scale?: FigureScale;
}

/** What of a value is drawn. */
export type FigureScale = 'share' | 'value' | 'change';

type Look = Pick<HeatmapPanel, 'title' | 'icon'>;

const looks: Readonly<Record<string, Look>> = {
  block_input: { title: 'Residual state, entering', icon: 'residual' },
  head_attention_value_output: { title: 'Head output' },
  head_query_output: { title: 'Query' },
  head_key_output: { title: 'Key' },
  head_value_output: { title: 'Value' },
  attention_weight: { title: 'Pattern' },
};

/** Effects go both ways, so that a hue of one way says nothing. */
function knownLook(component: string): Look | undefined {
  if (Object.hasOwn(looks, component)) return looks[component];
  const known = componentLook(component);
  return known && { title: known.title, ...(known.icon ? { icon: known.icon } : {}) };
}

const receiverWords: Readonly<Record<string, string>> = {
  logits: 'the prediction',
  head_query_output: 'the queries',
  head_key_output: 'the keys',
  head_value_output: 'the values',
  head_cross_query_output: 'the cross-attention queries',
  head_cross_key_output: 'the cross-attention keys',
  head_cross_value_output: 'the cross-attention values',
};

function lookOf(panel: PatchResult['panels'][number]): Look {
  const { receiver, component } = panel;
  if (receiver) {
    const known = Object.hasOwn(receiverWords, receiver.component) && receiverWords[receiver.component];
    return {
      title: `To ${known || receiver.component}${receiver.heads ? ` of ${headNames(receiver.heads)}` : ''}`,
    };
  }
  const label = panelLabel(panel);
  if (panel.layerCount !== undefined) {
    // Where a model has two stacks, the component's name says which.
    const icon = knownLook(label.replace(/^[a-z]+\./, ''))?.icon;
    return { title: label, ...(icon ? { icon } : {}) };
  }
  return (label === component && knownLook(label)) || { title: label };
}

function axisTitleOf({ receiver, window }: PatchResult['panels'][number], verb: string): string {
  if (receiver) return 'sender';
  return window === 1 ? `one ${verb} layer` : `centre of ${window} ${verb} layers`;
}

interface View {
  readonly result: PatchResult;
  readonly metric: Metric;
  readonly grids: readonly PatchGrid[];
  readonly scale: FigureScale;
}

/** Columns of a panel that are drawn side by side. */
interface Drawing {
  readonly panel: number;
  /** Places among the panel's columns. */
  readonly places: readonly number[];
  readonly look: Look;
}

/** Drawings that share their axes, and so one figure. */
interface Sheet {
  readonly key: string;
  readonly layerCount: number;
  readonly locations: Locations;
  readonly drawings: readonly Drawing[];
}

/** The drawings of one panel: by head and position, one for each head. */
function sheetOf(result: PatchResult, { panel, columns }: PatchGrid, index: number): Sheet {
  const { by, heads = [] } = panel;
  const look = lookOf(panel);
  const all = columns.map((_, place) => place);
  const layerCount = panelLayers(result, panel);
  const stack = `${panel.isOfPicture ? 'picture' : panel.isOfInput === true} ${layerCount}`;
  const positionsAt = (places: readonly number[]) =>
    places.flatMap((place) => columns[place]?.position ?? []);
  switch (by) {
    case 'head':
      return {
        key: `heads ${layerCount} ${heads.join()}`,
        layerCount,
        locations: { kind: 'head', heads },
        drawings: [{ panel: index, places: all, look }],
      };
    case 'position':
      return {
        key: `positions ${stack} ${positionsAt(all).join()}`,
        layerCount,
        locations: locationsAt(result, panel, positionsAt(all)),
        drawings: [{ panel: index, places: all, look }],
      };
    case 'head-position': {
      const placesOf = (head: number) => all.filter((place) => columns[place]?.head === head);
      return {
        key: `panel ${index}`,
        layerCount,
        locations: locationsAt(result, panel, positionsAt(placesOf(heads[0] ?? 0))),
        drawings: heads.map((head) => ({
          panel: index,
          places: placesOf(head),
          look: { ...look, title: `${look.title}, head ${head}` },
        })),
      };
    }
    default:
      return by satisfies never;
  }
}

/** Panels with the same columns share a figure. */
function sheetsOf({ result, grids }: View): readonly Sheet[] {
  const sheets = new Map<string, Sheet>();
  grids.forEach((grid, index) => {
    const sheet = sheetOf(result, grid, index);
    const earlier = sheets.get(sheet.key)?.drawings ?? [];
    sheets.set(sheet.key, { ...sheet, drawings: [...earlier, ...sheet.drawings] });
  });
  return [...sheets.values()];
}

function metricOfFigure({ result, metric, scale }: View): FigureMetric {
  const answer = sharedText(result.pairs.map((pair) => pair.answer.text));
  const distractor = sharedText(result.pairs.map((pair) => pair.distractor?.text));
  const { isLogarithmic: _, unit: __, ...plain } = figureMetric(metric, answer, distractor);
  switch (scale) {
    case 'share':
      return {
        name: `normalised ${plain.name} (0 as corrupted, 1 as clean)`,
        shortName: `normalised ${plain.shortName}`,
        digits: 2,
      };
    case 'change':
      return {
        name: `change of the ${plain.name}`,
        shortName: `change of ${plain.shortName}`,
        unit: '%',
        digits: 1,
      };
    case 'value':
      return figureMetric(metric, answer, distractor);
    default:
      return scale satisfies never;
  }
}

function drawPanel(view: View, { panel: index, places, look }: Drawing): HeatmapPanel {
  const { grids, result } = view;
  const grid = grids[index];
  if (!grid) throw new RangeError(`There is no panel ${index}.`);
  const { panel, cells } = grid;
  const { pairs, drawn } = result;
  const layerCount = panelLayers(result, panel);
  const layers = Array.from({ length: layerCount }, (_, layer) => layer);
  const byPlace = <T>(pick: (cell: NonNullable<(typeof cells)[number][number]>) => T) =>
    places.map((place) =>
      layers.map((layer) => {
        const cell = cells[layer]?.[place];
        return cell ? pick(cell) : undefined;
      }),
    );
  const isAblation = result.experiment.kind === 'patch' && result.experiment.ablation !== undefined;
  return {
    ...look,
    colours: view.scale !== 'value' || isAblation ? 'rdBu' : 'viridis',
    values: byPlace(({ mean }) => mean),
    ...(pairs.length > 1 || (drawn?.[0]?.length ?? 0) > 1
      ? { standardDeviations: byPlace(({ sd }) => sd ?? undefined) }
      : {}),
    windowSize: panel.window,
    windows: layers.map((layer) => {
      const { from, to } = windowAround(layer, panel.window, layerCount);
      return [from, to - 1];
    }),
    axisTitle: axisTitleOf(panel, isAblation ? 'ablated' : 'patched'),
  };
}

/** Where colours are neutral, and how far they reach. */
function scaleOf({ result, grids, scale }: View): Partial<HeatmapDescription> {
  const [first] = grids;
  const startsFrom = result.direction === 'restore' ? 'corrupted' : 'clean';
  // As TransformerLens draws it: one unit about the run that cells start from; what goes beyond is clipped and marked.
  if (scale === 'share') {
    const midpoint = startsFrom === 'clean' ? 1 : 0;
    return {
      baselines: { clean: 1, corrupted: 0 },
      startsFrom,
      midpoint,
      range: { start: midpoint - 1, end: midpoint + 1 },
    };
  }
  if (scale === 'change') return { startsFrom, midpoint: 0 };
  if (!first) return { startsFrom };
  const { clean, corrupted } = first;
  if (!corrupted) return { startsFrom: 'clean', midpoint: clean.mean };
  return { startsFrom, baselines: { clean: clean.mean, corrupted: corrupted.mean } };
}

/** The run that cells start from. */
const startOf = ({ direction }: PatchResult, { clean, corrupted }: PatchGrid) =>
  (direction === 'restore' ? corrupted : null) ?? clean;

/**
 * One figure for each kind of column: positions, and heads (of queries, and of keys where they are fewer); a sweep by
 * head and position has a figure of its own.
 * @throws MetricError when the result does not have the metric
 */
export function patchFigures(
  result: PatchResult,
  options: PatchFigureOptions = {},
): readonly HeatmapDescription[] {
  const metric = options.metric ?? usualMetric(result);
  const isUnordered = metric === 'rank' || metric === 'divergence';
  const wanted = options.scale ?? (isUnordered ? 'value' : 'share');
  const scale = wanted === 'share' && result.corrupted === null ? 'value' : wanted;
  const grids = result.panels.map((_, index) => {
    const grid = patchGrid(result, index, metric);
    if (scale === 'share') return normalisedGrid(grid) ?? grid;
    return scale === 'change' ? changeGrid(grid, startOf(result, grid)) : grid;
  });
  const view: View = { result, metric, grids, scale };
  const samples = result.pairs.length * (result.drawn?.[0]?.length ?? 1);
  return sheetsOf(view).map(({ locations, drawings, layerCount }) => ({
    title: patchTitle(result),
    caption: patchCaption(result, metric),
    panels: drawings.map((drawing) => drawPanel(view, drawing)),
    locations,
    layers: Array.from({ length: layerCount }, (_, layer) => layer),
    orientation: 'layers-down',
    metric: metricOfFigure(view),
    samples,
    ...scaleOf(view),
  }));
}
