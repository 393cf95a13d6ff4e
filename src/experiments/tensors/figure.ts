// A result as figures: layers against positions, as traces have them; of a picture, a map of its patches for each layer.

import type { HeatmapDescription, HeatmapPanel, Locations } from '../../figures/description.ts';
import { baselinesOf, type Cell, panelGrid } from './grid.ts';
import type { TensorsResult } from './result.ts';

type Panel = TensorsResult['panels'][number];
type Look = Pick<HeatmapPanel, 'title' | 'icon' | 'colours'>;

const looks: Readonly<Record<string, Look>> = {
  block_output: { title: 'Residual state', icon: 'residual', colours: 'purples' },
  mlp_output: { title: 'MLP', icon: 'mlp', colours: 'greens' },
  attention_output: { title: 'Attention', icon: 'attention', colours: 'reds' },
};

function lookOf(result: TensorsResult, site: string): Look {
  const known: Look = (Object.hasOwn(looks, site) && looks[site]) || { title: site, colours: 'viridis' };
  return result.corrupted ? known : { ...known, colours: 'rdBu' };
}

/** `text “A cat” of input_ids`, `cat.png for pixel_values`. */
function givenWords(inputs: TensorsResult['experiment']['clean']): string {
  return Object.entries(inputs)
    .map(([input, { text, name, file, numbers, shape }]) => {
      if (text !== undefined) return `“${text.trim()}”`;
      const what =
        name ?? file ?? (numbers === undefined ? `numbers [${(shape ?? []).join(', ')}]` : 'numbers');
      return `${what} for ${input}`;
    })
    .join(', ');
}

function contrastWords({ experiment, level }: TensorsResult): string {
  const { corrupted, noise, ablation } = experiment;
  if (corrupted) return `Corrupted: ${givenWords(corrupted)}.`;
  if (ablation) return `Ablated with ${ablation.value}.`;
  if (!noise) return '';
  const where = noise.positions ? ` at ${noise.positions.join(', ')}` : '';
  return `Gaussian noise of level ${level?.toPrecision(4)} on ${noise.tensor}${where}, ${noise.samples} samples, seed ${noise.seed}.`;
}

export function tensorsCaption(result: TensorsResult): string {
  const { experiment, model } = result;
  const revision = experiment.revision ? `, revision ${experiment.revision}` : '';
  const reference = experiment.reference ? ` Reference: ${givenWords(experiment.reference)}.` : '';
  return `${model.label}${revision}. Clean: ${givenWords(experiment.clean)}. ${contrastWords(result)}${reference}`;
}

export function tensorsTitle({ experiment, watched }: TensorsResult): string {
  if (experiment.ablation) return `What an ablation changes of the ${watched}`;
  return experiment.direction === 'corrupt'
    ? `Where a corrupted state changes the ${watched}`
    : `Where restoring a clean state brings back the ${watched}`;
}

/** What all figures of a result share. */
function shared(
  result: TensorsResult,
): Pick<
  HeatmapDescription,
  'title' | 'caption' | 'metric' | 'samples' | 'startsFrom' | 'baselines' | 'midpoint'
> {
  const { clean, corrupted } = baselinesOf(result);
  const isBounded =
    result.experiment.watched.kind === 'probability' ||
    result.experiment.watched.kind === 'squared' ||
    result.experiment.watched.kind === 'distance';
  return {
    title: result.experiment.title ?? tensorsTitle(result),
    caption: tensorsCaption(result),
    metric: {
      name: result.watched,
      shortName:
        result.experiment.watched.kind === 'squared' ? 'squared difference' : result.experiment.watched.kind,
      ...(isBounded ? { minimum: 0 } : {}),
    },
    samples: (result.corrupted ?? result.clean).length,
    startsFrom: corrupted && result.experiment.direction !== 'corrupt' ? 'corrupted' : 'clean',
    ...(corrupted
      ? { baselines: { clean: clean.mean, corrupted: corrupted.mean } }
      : { midpoint: clean.mean }),
  };
}

const hasSpread = ({ corrupted }: TensorsResult): boolean => (corrupted?.length ?? 1) > 1;

/** Values as a figure has them, [location][layer], with their spread. */
function valuesOf(
  result: TensorsResult,
  cells: readonly (readonly (Cell | undefined)[])[],
): Pick<HeatmapPanel, 'values' | 'standardDeviations'> {
  return {
    values: cells.map((line) => line.map((cell) => cell?.mean)),
    ...(hasSpread(result)
      ? { standardDeviations: cells.map((line) => line.map((cell) => cell?.sd ?? undefined)) }
      : {}),
  };
}

/** A chain's tensors are no layers. */
const isChain = ({ site }: Panel): boolean => /^chain( |$)/.test(site);

/** A map of patches for each layer, on the columns of the picture. */
function pictureFigure(result: TensorsResult, panel: Panel): HeatmapDescription | undefined {
  const { patches, layers, site } = panel;
  if (!patches) return undefined;
  const { rows, columns, first } = patches;
  const grid = panelGrid(panel);
  return {
    ...shared(result),
    panels: layers.map(({ layer, tensor }, at) => {
      const look = lookOf(result, site);
      const title =
        layers.length === 1 ? look.title : `${look.title}, ${isChain(panel) ? tensor : `layer ${layer}`}`;
      const cells = Array.from({ length: rows }, (_, row) =>
        Array.from({ length: columns }, (__, column) => grid[at]?.[first + row * columns + column]),
      );
      return { ...look, title, axisTitle: 'column of the picture', ...valuesOf(result, cells) };
    }),
    locations: { kind: 'named', names: Array.from({ length: rows }, (_, row) => `row ${row}`) },
    layers: Array.from({ length: columns }, (_, column) => column),
    layerWord: 'column',
  };
}

const locationsOf = ({ names, isTokens }: Panel): Locations =>
  isTokens ? { kind: 'position', tokens: names.map((text) => ({ text })) } : { kind: 'named', names };

/** Panels with the same layers and places share a figure. */
function gridFigures(result: TensorsResult): readonly HeatmapDescription[] {
  const groups = new Map<string, Panel[]>();
  for (const panel of result.panels) {
    if (panel.patches) continue;
    const key = JSON.stringify([panel.names, panel.isTokens, panel.layers.map(({ layer }) => layer)]);
    groups.set(key, [...(groups.get(key) ?? []), panel]);
  }
  return [...groups.values()].flatMap((panels): readonly HeatmapDescription[] => {
    const [first] = panels;
    if (!first) return [];
    return [
      {
        ...shared(result),
        panels: panels.map((panel) => {
          const grid = panelGrid(panel);
          const byPlace = panel.names.map((_, place) => grid.map((layer) => layer[place]));
          const axis = isChain(panel) ? { axisTitle: 'tensor of the chain' } : {};
          return { ...lookOf(result, panel.site), ...axis, ...valuesOf(result, byPlace) };
        }),
        locations: locationsOf(first),
        layers: first.layers.map(({ layer }) => layer),
        ...(panels.every(isChain) ? { layerWord: 'tensor' } : {}),
      },
    ];
  });
}

export const tensorsFigures = (result: TensorsResult): readonly HeatmapDescription[] => [
  ...result.panels.flatMap((panel) => pictureFigure(result, panel) ?? []),
  ...gridFigures(result),
];
