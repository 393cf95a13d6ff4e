// A steering as figures: how well each site of the vectors tells texts apart, and the sweep as two maps, what it reaches
// and what it costs.

import type { HeatmapDescription, HeatmapPanel, Metric } from '../../figures/description.ts';
import type { ShownFigure } from '../shown.ts';
import { type CellMeasures, measureCell } from './cells.ts';
import { cosineFigures } from './cosineFigure.ts';
import { editName, sweptEdit } from './experiment.ts';
import type { SteerResult, SweepCell, VectorResult } from './result.ts';
import { strengthFigures } from './strengthFigure.ts';

type Site = VectorResult['sites'][number];

const siteMeasures = [
  { key: 'accuracy', title: 'Held-out accuracy', range: { start: 0.5, end: 1 } },
  { key: 'stability', title: 'Stability' },
] as const satisfies readonly { key: keyof Site; title: string; range?: object }[];

const layersOf = ({ sites }: VectorResult): readonly number[] => [
  ...new Set(sites.flatMap(({ layer }) => (layer === null ? [] : [layer]))),
];

const valueAt = (
  { sites }: VectorResult,
  key: (typeof siteMeasures)[number]['key'],
  layer: number,
  head: number | null,
): number | undefined => sites.find((site) => site.layer === layer && site.head === head)?.[key] ?? undefined;

function headMap(vector: VectorResult, label: string): HeatmapDescription {
  const heads = [...new Set(vector.sites.flatMap(({ head }) => (head === null ? [] : [head])))];
  const layers = layersOf(vector);
  const panel = (title: string, key: 'accuracy' | 'probeAccuracy'): HeatmapPanel => ({
    title,
    colours: 'greens',
    values: heads.map((head) =>
      layers.map(
        (layer) =>
          vector.sites.find((site) => site.layer === layer && site.head === head)?.[key] ?? undefined,
      ),
    ),
    axisTitle: 'one layer',
  });
  return {
    title: `How well heads tell the texts of “${vector.name}” apart`,
    caption: `${label}. ${vector.component}; each text is judged by what was made of the half that it is not in.`,
    panels: [panel('Vector', 'accuracy'), panel('Logistic probe', 'probeAccuracy')],
    locations: { kind: 'head', heads },
    layers,
    metric: { name: 'held-out accuracy', shortName: 'accuracy', digits: 2 },
    orientation: 'layers-down',
    range: { start: 0.5, end: 1 },
  };
}

/** Vectors of the same layers side by side. */
function layerMaps(vectors: readonly VectorResult[], label: string): readonly HeatmapDescription[] {
  const [first] = vectors;
  if (!first) return [];
  const layers = layersOf(first);
  return siteMeasures.map(({ key, title, ...own }): HeatmapDescription => {
    const values = vectors.map((vector) => layers.map((layer) => valueAt(vector, key, layer, null)));
    return {
      title:
        key === 'accuracy'
          ? 'How well vectors tell texts apart that they were not made of'
          : 'How much vectors depend on their texts: cosine of those of two halves',
      caption: `${label}. ${first.component}.`,
      panels: [{ title, colours: 'greens', values, axisTitle: 'one layer' }],
      locations: { kind: 'named', names: vectors.map(({ name }) => name) },
      layers,
      metric: { name: key === 'accuracy' ? 'held-out accuracy' : 'cosine', digits: 2 },
      range: 'range' in own ? own.range : { start: 0, end: 1 },
    };
  });
}

function siteFigures({ vectors, model }: SteerResult): readonly ShownFigure[] {
  const judged = vectors.filter(({ sites }) => sites.some(({ accuracy }) => accuracy !== null));
  const byHead = judged.filter(({ sites }) => sites.some(({ head }) => head !== null));
  const groups = new Map<string, VectorResult[]>();
  for (const vector of judged) {
    if (byHead.includes(vector) || layersOf(vector).length === 0) continue;
    const key = `${vector.component} ${layersOf(vector).join(' ')}`;
    groups.set(key, [...(groups.get(key) ?? []), vector]);
  }
  const maps = [
    ...byHead.map((vector) => headMap(vector, model.label)),
    ...[...groups.values()].flatMap((group) => layerMaps(group, model.label)),
  ];
  return maps.map((description, at) => ({
    kind: 'heatmap',
    name: at === 0 ? 'sites' : `sites-${at + 1}`,
    description,
  }));
}

interface SweepMap {
  readonly name: string;
  readonly title: string;
  readonly panels: readonly { readonly title: string; readonly of: 'vector' | 'random' }[];
  readonly measure: keyof CellMeasures;
  readonly colours: HeatmapPanel['colours'];
  readonly metric: Metric;
  readonly midpoint?: number;
}

const both = [
  { title: 'The vector', of: 'vector' },
  { title: 'Random directions of its length', of: 'random' },
] as const;

const sweepMaps: readonly SweepMap[] = [
  {
    name: 'effect',
    title: 'What steering reaches',
    panels: both,
    measure: 'effect',
    colours: 'rdBu',
    midpoint: 0,
    metric: {
      name: 'change of the log-probability of the words towards, less those away',
      shortName: 'effect',
      unit: 'nats',
      digits: 2,
    },
  },
  {
    name: 'cost',
    title: 'What it costs: how far the model is from what it would say',
    panels: both,
    measure: 'divergence',
    colours: 'reds',
    metric: {
      name: 'divergence from the unsteered model',
      shortName: 'divergence',
      unit: 'nats a token',
      digits: 2,
      minimum: 0,
    },
  },
  {
    name: 'surprise',
    title: 'What it costs: how unlikely the unsteered model finds the texts',
    panels: both,
    measure: 'surprise',
    colours: 'reds',
    metric: {
      name: 'negative log-probability of the new tokens under the unsteered model',
      shortName: 'surprise',
      unit: 'nats a token',
      digits: 2,
      minimum: 0,
    },
  },
];

function sweepFigures(result: SteerResult): readonly ShownFigure[] {
  const { sweep, experiment, model, prompts } = result;
  if (!sweep || !experiment.sweep) return [];
  const { layers, strengths, random, seeds } = experiment.sweep;
  const edit = sweptEdit(experiment);
  const cellAt = (layer: number, strength: number): SweepCell | undefined => sweep[layer]?.[strength];
  const texts = prompts.length * (seeds?.length ?? 1);
  const drawn = (map: SweepMap): ShownFigure[] => {
    const measured = (of: 'vector' | 'random', part: 'mean' | 'standardDeviation') =>
      strengths.map((_, strength) =>
        layers.map((__, layer) => {
          const cell = cellAt(layer, strength);
          return (cell && measureCell(cell, of)[map.measure]?.[part]) ?? undefined;
        }),
      );
    const panels = map.panels
      .filter(({ of }) => of === 'vector' || random > 0)
      .map(({ title, of }): HeatmapPanel => {
        return {
          title,
          colours: map.colours,
          values: measured(of, 'mean'),
          ...(texts > 1 ? { standardDeviations: measured(of, 'standardDeviation') } : {}),
          axisTitle: 'steered layer',
        };
      });
    const isThere = sweep.some((cells) => cells?.some((cell) => measureCell(cell)[map.measure] !== null));
    if (!isThere && sweep.every((cells) => cells !== null)) return [];
    return [
      {
        kind: 'heatmap',
        name: map.name,
        description: {
          title: map.title,
          caption: `${model.label}. Edit “${editName(edit)}” with strengths in the unit ${edit.unit}; ${texts === 1 ? 'one text' : `mean over ${texts} texts`} a cell.`,
          panels,
          locations: { kind: 'named', names: strengths.map(String) },
          layers,
          metric: map.metric,
          ...(map.midpoint === undefined ? {} : { midpoint: map.midpoint }),
          ...(texts > 1 ? { samples: texts } : {}),
        },
      },
    ];
  };
  return sweepMaps.flatMap(drawn);
}

/** Maps of the sites, then of the sweep, its measures over the strength, and how like the vectors are. */
export const steerFigures = (result: SteerResult): readonly ShownFigure[] => [
  ...siteFigures(result),
  ...sweepFigures(result),
  ...strengthFigures(result),
  ...cosineFigures(result),
];
