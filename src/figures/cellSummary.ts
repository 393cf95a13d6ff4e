// A cell and a figure in words: for screen readers, live regions and the description inside an exported file.

import {
  type CellAddress,
  type HeatmapDescription,
  type HeatmapPanel,
  type Locations,
  locationCount,
  valueAt,
} from './description.ts';
import { formatMetric, formatValue, fractionRecovered, metricLabel } from './metric.ts';
import { spokenToken } from './tokenLabel.ts';

/**
 * A cell in a line to be read aloud: `MLP, layer 15, token le, probability 0.62, 71 percent recovered`. What it is comes
 * first, then the value, then what qualifies it (spread over samples, a window cut short).
 */
export const cellSummary = (description: HeatmapDescription, cell: CellAddress): string =>
  cellSummaries(description)(cell);

/** `cellSummary` for many cells of one figure: the names of rows and columns are made once. */
export function cellSummaries(description: HeatmapDescription): (cell: CellAddress) => string {
  const { panels, layers, metric, baselines, samples } = description;
  const layerNames = layers.map((_, layer) => layerName(description, layer));
  const locationNames = Array.from({ length: locationCount(description.locations) }, (_, location) =>
    locationName(description, location),
  );
  const windows = panels.map((panel) =>
    layers.map((_, layer) => {
      const window = cutWindow(panel, layer);
      return window ? `, window cut to layers ${window[0]} to ${window[1]}` : '';
    }),
  );
  const name = metric.shortName ?? metric.name;
  const unit = metric.unit ? ` ${metric.unit}` : '';
  const over = samples ? ` over ${samples} samples` : '';
  return ({ panel: index, location, layer }) => {
    const panel = panels[index];
    if (!panel) return '';
    const value = panel.values[location]?.[layer];
    let text = `${panel.title}, ${layerNames[layer]}, ${locationNames[location]}, `;
    if (value === undefined) {
      text += 'not computed yet';
    } else {
      text += `${name} ${formatMetric(metric, value)}${unit}`;
      const fraction = fractionRecovered(value, baselines);
      if (fraction !== undefined) text += `, ${formatValue(fraction * 100, 0)} percent recovered`;
      const spread = panel.standardDeviations?.[location]?.[layer];
      if (spread !== undefined) text += `, standard deviation ${formatMetric(metric, spread)}${over}`;
    }
    return text + (windows[index]?.[layer] ?? '');
  };
}

export const layerName = ({ layerWord = 'layer', layers }: HeatmapDescription, layer: number): string =>
  `${layerWord} ${layers[layer] ?? layer}`;

/** What a row beside the layers is. */
export const locationWords: Readonly<Record<Locations['kind'], string>> = {
  position: 'token',
  head: 'head',
  named: 'position',
};

export function locationName({ locations }: HeatmapDescription, location: number): string {
  switch (locations.kind) {
    case 'position': {
      const token = locations.tokens[location];
      return `token ${spokenToken(token?.text ?? '')}${token?.isCorrupted ? ' (corrupted)' : ''}`;
    }
    case 'head':
      return `head ${locations.heads[location] ?? location}`;
    case 'named':
      return `at ${locations.names[location] ?? location}`;
    default:
      return locations satisfies never;
  }
}

/** The layers covered at a layer whose window is cut by an edge of the model; undefined where the window is whole. */
export function cutWindow(panel: HeatmapPanel, layer: number): readonly [number, number] | undefined {
  const window = panel.windows?.[layer];
  if (!window || window[1] - window[0] + 1 >= (panel.windowSize ?? 1)) return undefined;
  return window;
}

/** The figure in words: what it shows, how large it is, its baselines, and the strongest cell of each panel. */
export function figureSummary(description: HeatmapDescription): string {
  const { panels, layers, layerWord = 'layer', locations, metric, baselines } = description;
  const count = locationCount(locations);
  const sentences = [
    `${panels.length === 1 ? 'Heatmap' : `${panels.length} heatmaps`} of ${metricLabel(metric)}, ${count} ${locationWords[locations.kind]}s by ${layers.length} ${layerWord}s.`,
  ];
  if (baselines) {
    const [clean, corrupted] = [baselines.clean, baselines.corrupted].map((v) => formatMetric(metric, v));
    sentences.push(`Clean ${clean}, corrupted ${corrupted}.`);
  }
  for (const [index, panel] of panels.entries()) {
    const best = strongestCell(description, index);
    const value = best && valueAt(description, best);
    sentences.push(
      best && value !== undefined
        ? `${panel.title}: strongest at ${layerName(description, best.layer)}, ${locationName(description, best.location)}, ${formatMetric(metric, value)}.`
        : `${panel.title}: not computed yet.`,
    );
    const waiting = waitingCells(description, index);
    if (best && waiting > 0) sentences.push(`${waiting} cells of it are not computed yet.`);
  }
  return sentences.join(' ');
}

/** How many cells of a panel are not computed yet. */
export function waitingCells({ panels, layers, locations }: HeatmapDescription, panel: number): number {
  const computed = panels[panel]?.values.flat().filter((value) => value !== undefined).length ?? 0;
  return locationCount(locations) * layers.length - computed;
}

/** The computed cell farthest from the run that cells start from (from the midpoint, if there are no baselines). */
export function strongestCell(description: HeatmapDescription, panel: number): CellAddress | undefined {
  const { baselines, startsFrom = 'corrupted', midpoint = 0 } = description;
  const origin = baselines?.[startsFrom] ?? midpoint;
  const towards = baselines ? Math.sign(baselines.clean - baselines.corrupted) : 0;
  const sign = startsFrom === 'clean' ? -towards : towards;
  let best: CellAddress | undefined;
  let reach = Number.NEGATIVE_INFINITY;
  for (const [location, row] of (description.panels[panel]?.values ?? []).entries()) {
    for (const [layer, value] of row.entries()) {
      if (value === undefined || !Number.isFinite(value)) continue;
      const effect = sign === 0 ? Math.abs(value - origin) : (value - origin) * sign;
      if (effect > reach) {
        reach = effect;
        best = { panel, location, layer };
      }
    }
  }
  return best;
}
