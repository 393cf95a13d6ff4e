// A result as figures: layers against positions, as traces have them; of a picture, its patches over it for each layer as well.

import type { HeatmapDescription, HeatmapPanel, Locations } from '../../figures/description.ts';
import type { FigurePicture } from '../../figures/marks.ts';
import { digitsFor } from '../../figures/metric.ts';
import type { OverlayDescription } from '../../figures/overlay.ts';
import { type ComponentLook, componentLook } from '../componentLooks.ts';
import { figurePicture } from '../seenPicture.ts';
import { baselinesOf, type Cell, cellOf, panelGrid } from './grid.ts';
import type { TensorsResult } from './result.ts';

type Panel = TensorsResult['panels'][number];

function lookOf(result: TensorsResult, site: string): ComponentLook {
  const known: ComponentLook = componentLook(site) ?? { title: site, colours: 'viridis' };
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
  return `Gaussian noise of level ${level?.toPrecision(4)} on ${noise.tensor}${where}, ${noise.samples} ${noise.samples === 1 ? 'sample' : 'samples'}, seed ${noise.seed}.`;
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
  const { kind } = result.experiment.watched;
  // What is worked out to first order may lie beyond what can be measured.
  const isBounded =
    result.experiment.method === undefined &&
    (kind === 'probability' || kind === 'squared' || kind === 'distance');
  const digits = digitsFor(
    [result.clean, result.corrupted ?? [], ...result.panels.flatMap(({ cells }) => cells)].flatMap(
      (samples) => (samples ? [cellOf(samples).mean] : []),
    ),
  );
  return {
    title: result.experiment.title ?? tensorsTitle(result),
    caption: tensorsCaption(result),
    metric: {
      name: result.watched,
      shortName: kind === 'squared' ? 'squared difference' : kind,
      digits,
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

const locationsOf = ({ names, isTokens }: Panel): Locations =>
  isTokens ? { kind: 'position', tokens: names.map((text) => ({ text })) } : { kind: 'named', names };

/** Panels with the same layers and places share a figure. */
function panelGroups({ panels }: TensorsResult): readonly (readonly Panel[])[] {
  const groups = new Map<string, Panel[]>();
  for (const panel of panels) {
    const layers = panel.layers.map(({ layer }) => layer);
    const key = JSON.stringify([panel.names, panel.isTokens, panel.patches ?? null, layers]);
    groups.set(key, [...(groups.get(key) ?? []), panel]);
  }
  return [...groups.values()];
}

function groupFigure(result: TensorsResult, panels: readonly Panel[]): HeatmapDescription {
  const [first] = panels;
  return {
    ...shared(result),
    panels: panels.map((panel) => {
      const grid = panelGrid(panel);
      const byPlace = panel.names.map((_, place) => grid.map((layer) => layer[place]));
      const axis = isChain(panel) ? { axisTitle: 'tensor of the chain' } : {};
      return { ...lookOf(result, panel.site), ...axis, ...valuesOf(result, byPlace) };
    }),
    locations: first ? locationsOf(first) : { kind: 'named', names: [] },
    layers: first?.layers.map(({ layer }) => layer) ?? [],
    ...(panels.every(isChain) ? { layerWord: 'tensor' } : {}),
  };
}

export const tensorsFigures = (result: TensorsResult): readonly HeatmapDescription[] =>
  panelGroups(result).map((panels) => groupFigure(result, panels));

/** The picture that the clean run reads; undefined where it was given otherwise. */
function pictureOf({ experiment, seen }: TensorsResult): FigurePicture | undefined {
  const given = Object.values(experiment.clean).find(({ picture }) => picture !== undefined);
  return given?.picture === undefined ? undefined : figurePicture(given.picture, seen);
}

/** Patches of the picture that have noise on them, where it is on the picture and its patches are the figure's. */
function noisyPatches(
  { noise, patches: [rows, columns], clean }: TensorsResult['experiment'],
  patches: { readonly rows: number; readonly columns: number },
): readonly boolean[] {
  const isOfPicture = noise && clean[noise.tensor]?.picture !== undefined && noise.axes === undefined;
  if (!isOfPicture || rows !== patches.rows || columns !== patches.columns) return [];
  const noisy = new Set(noise.positions);
  return Array.from({ length: rows * columns }, (_, patch) => noisy.has(patch));
}

/** Panels whose places are patches, laid over the picture. */
export const tensorsOverlays = (result: TensorsResult): readonly OverlayDescription[] =>
  panelGroups(result).flatMap((panels): readonly OverlayDescription[] => {
    const patches = panels[0]?.patches;
    if (!patches) return [];
    const picture = pictureOf(result);
    return [
      {
        heatmap: groupFigure(result, panels),
        ...(picture ? { picture } : {}),
        ...(result.aspect === undefined ? {} : { aspect: result.aspect }),
        across: patches.columns,
        down: patches.rows,
        firstLocation: patches.first,
        marked: noisyPatches(result.experiment, patches),
      },
    ];
  });
