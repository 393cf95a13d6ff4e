// How like vectors are: those of several methods at one layer, and those of one method at several layers.

import type { HeatmapDescription } from '../../figures/description.ts';
import type { ShownFigure } from '../shown.ts';
import { cosine } from './directions.ts';
import type { SteerResult, VectorResult } from './result.ts';
import { vectorData } from './vectorData.ts';

interface OwnVectors {
  readonly vector: VectorResult;
  readonly layers: readonly number[];
  readonly data: readonly Float32Array[];
}

/** Of vectors with one direction a layer. */
function byLayer({ vectors }: SteerResult): readonly OwnVectors[] {
  return vectors.flatMap((vector): OwnVectors[] => {
    const layers = vector.sites.flatMap(({ layer, head }) =>
      layer === null || head !== null ? [] : [layer],
    );
    if (vector.positions > 1 || layers.length < vector.sites.length || layers.length === 0) return [];
    return [{ vector, layers, data: vectorData(vector) }];
  });
}

const metric = { name: 'cosine', digits: 2 } as const;
const range = { start: -1, end: 1 } as const;

/** Pairs of vectors of one component and the same layers, layer by layer. */
function betweenMethods(all: readonly OwnVectors[], label: string): readonly HeatmapDescription[] {
  const groups = new Map<string, OwnVectors[]>();
  for (const own of all) {
    const key = `${own.vector.component} ${own.layers.join(' ')}`;
    groups.set(key, [...(groups.get(key) ?? []), own]);
  }
  return [...groups.values()].flatMap((group): HeatmapDescription[] => {
    const pairs = group.flatMap((a, at) => group.slice(at + 1).map((b) => ({ a, b })));
    const [first] = group;
    if (!first || pairs.length === 0) return [];
    return [
      {
        title: 'How like the vectors are at each layer',
        caption: `${label}. ${first.vector.component}.`,
        panels: [
          {
            title: 'Cosine of two vectors',
            colours: 'rdBu',
            values: pairs.map(({ a, b }) =>
              first.layers.map((_, at) => cosine(a.data[at] ?? [], b.data[at] ?? [])),
            ),
            axisTitle: 'one layer',
          },
        ],
        locations: { kind: 'named', names: pairs.map(({ a, b }) => `${a.vector.name} · ${b.vector.name}`) },
        layers: first.layers,
        metric,
        range,
        midpoint: 0,
      },
    ];
  });
}

/** The vectors of each layer with those of the others. */
function betweenLayers({ vector, layers, data }: OwnVectors, label: string): readonly HeatmapDescription[] {
  if (layers.length < 2) return [];
  return [
    {
      title: `How like “${vector.name}” is from layer to layer`,
      caption: `${label}. ${vector.component}.`,
      panels: [
        {
          title: 'Cosine of two layers',
          colours: 'rdBu',
          values: data.map((a) => data.map((b) => cosine(a, b))),
          axisTitle: 'one layer',
        },
      ],
      locations: { kind: 'named', names: layers.map((layer) => `layer ${layer}`) },
      layers,
      metric,
      range,
      midpoint: 0,
    },
  ];
}

export function cosineFigures(result: SteerResult): readonly ShownFigure[] {
  const all = byLayer(result);
  const { label } = result.model;
  const maps = [...betweenMethods(all, label), ...all.flatMap((own) => betweenLayers(own, label))];
  return maps.map((description, at) => ({
    kind: 'heatmap',
    name: at === 0 ? 'cosines' : `cosines-${at + 1}`,
    description,
  }));
}
