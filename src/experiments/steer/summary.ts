// A steering as text: its vectors' best sites, the texts side by side, and what the sweep chose.

import { measureCell } from './cells.ts';
import type { SteerResult, VectorResult } from './result.ts';
import { steerFiles } from './steerFiles.ts';

const number = (x: number | null | undefined, digits = 3): string =>
  x === null || x === undefined ? '-' : x.toFixed(digits);

const siteText = ({ layer, head }: { readonly layer: number | null; readonly head: number | null }): string =>
  `${layer === null ? 'its place' : `layer ${layer}`}${head === null ? '' : `, head ${head}`}`;

/** Sites of a vector that are listed. */
const mostSites = 6;

function vectorLines({ name, component, sites }: VectorResult): readonly string[] {
  const ranked = [...sites].sort((a, b) => (b.accuracy ?? 0) - (a.accuracy ?? 0)).slice(0, mostSites);
  const best = [...ranked].sort((a, b) => sites.indexOf(a) - sites.indexOf(b));
  return [
    `vector '${name}' at ${component}${sites.length > best.length ? `, the ${best.length} best of ${sites.length} sites` : ''}`,
    `${'site'.padEnd(20)} accuracy  stability    norm  median state`,
    ...best.map(
      (site) =>
        `${siteText(site).padEnd(20)} ${number(site.accuracy).padStart(8)} ${number(site.stability).padStart(10)} ${number(site.norm).padStart(7)} ${number(site.medianNorm).padStart(13)}`,
    ),
  ];
}

function editLines({ edits }: SteerResult): readonly string[] {
  return edits.flatMap(({ name, on, sites }) =>
    on
      ? sites
          .slice(0, mostSites)
          .map(
            (site) =>
              `edit '${name}' at ${siteText(site)}: ${number(site.raw)} raw, ${number(site.relative)} of the median state, ${number(site.sigma)} sigma`,
          )
      : [],
  );
}

function textLines({ prompts, texts, tokenTexts }: SteerResult): readonly string[] {
  return texts.flatMap((own, at) => {
    const written = prompts[at]?.tokens.map((id) => tokenTexts[id] ?? `#${id}`).join('') ?? '';
    return [
      '',
      `prompt ${at + 1}: ${JSON.stringify(written)}`,
      ...(own ?? []).map(({ column, text, tokens, effect, end }) => {
        const said = text === '' ? tokens.map((id) => tokenTexts[id] ?? `#${id}`).join('') : text;
        const broken = end === 'notFinite' ? ' (then NaN: the edit is too strong)' : '';
        return `  ${column.padEnd(10)} ${effect === null ? '' : `${number(effect, 2).padStart(7)} nats  `}${JSON.stringify(said)}${broken}`;
      }),
      ...(own ? [] : ['  not yet']),
    ];
  });
}

function choiceLines({ choice, experiment, sweep }: SteerResult): readonly string[] {
  if (!sweep || !experiment.sweep) return [];
  const { layers, strengths } = experiment.sweep;
  const rows = sweep.flatMap((cells, at) =>
    (cells ?? []).map((cell, strength) => {
      const { effect, surprise, divergence } = measureCell(cell);
      const drawn = measureCell(cell, 'random').effect;
      return `${String(layers[at]).padStart(5)} ${String(strengths[strength]).padStart(9)} ${number(effect?.mean).padStart(8)} ${number(drawn?.mean).padStart(8)} ${number(surprise?.mean).padStart(9)} ${number(divergence?.mean).padStart(9)}`;
    }),
  );
  const chosen = (() => {
    if (!choice) return [];
    if (choice.layer === null || choice.strength === null)
      return ['No cell keeps to the limits on the first half of the prompts.'];
    return [
      `Chosen on the first half of the prompts: layer ${layers[choice.layer]}, strength ${strengths[choice.strength]}, effect ${number(choice.chosenOn)} nats; on the other half ${number(choice.reported)}, a random direction ${number(choice.random)}.`,
    ];
  })();
  return ['', 'layer  strength   effect   random  surprise  divergence (nats)', ...rows, ...chosen];
}

/** What could not be written for use elsewhere, and why. */
const refusedLines = (result: SteerResult): readonly string[] => {
  const refused = [
    ...steerFiles(result).refused,
    ...result.programs.flatMap(({ name, why }) => (why === null ? [] : [{ name, why }])),
  ];
  return refused.length === 0 ? [] : ['', ...refused.map(({ name, why }) => `Without ${name}: ${why}`)];
};

export const steerSummary = (result: SteerResult): string =>
  [
    ...result.vectors.flatMap((vector) => [...vectorLines(vector), '']),
    ...editLines(result),
    ...textLines(result),
    ...choiceLines(result),
    ...refusedLines(result),
  ].join('\n');
