// An attribution as text: its baselines, and the strongest cells of each panel.

import { inputOfPlaced } from '../inputParts.ts';
import { placeWords } from '../patch/places.ts';
import type { AttributionFile } from './result.ts';

/** The strongest cells of a panel, as lines. A part of a picture or a sound is called by its name, a token by its place. */
function strongest(result: AttributionFile, panel: AttributionFile['panels'][number]) {
  const { attributions, patched, heads, positions, component, correlation } = panel;
  const read = inputOfPlaced(result, panel);
  const isNamed = heads === undefined && read !== undefined && read.kind !== 'text';
  const columns =
    heads ?? positions.map((place) => (isNamed ? placeWords(result, panel, place).text : place));
  const names = columns.map(String);
  const heading = heads ? 'head' : isNamed ? 'part' : 'position';
  const width = Math.max('position'.length, ...names.map(({ length }) => length));
  const order = attributions
    .map((_, index) => index)
    .sort((a, b) => Math.abs(attributions[b] ?? 0) - Math.abs(attributions[a] ?? 0));
  const number = (x: number | undefined) => (x === undefined ? '' : x.toFixed(3).padStart(9));
  const agreement =
    typeof correlation === 'number' ? `, correlation with patching ${correlation.toFixed(3)}` : '';
  return [
    `${component}${agreement}`,
    `layer  ${heading.padEnd(width)}  attribution${patched ? '  patching' : ''}`,
    ...order.slice(0, 6).map((index) => {
      const layer = String(Math.floor(index / names.length)).padStart(5);
      const column = (names[index % names.length] ?? '').padStart(width);
      return `${layer}  ${column}    ${number(attributions[index])} ${number(patched?.[index])}`;
    }),
  ];
}

export function attributionSummary(result: AttributionFile): string {
  const { baselines, pairs, panels } = result;
  if (!baselines) return 'Not all pairs and patches have arrived, so no mean was taken yet.';
  const { clean, corrupted } = baselines;
  const metric = pairs.every(({ distractor }) => distractor) ? 'logit difference' : 'logit of the answer';
  const heading = `Change of the ${metric}: clean ${clean.toFixed(3)}, corrupted ${corrupted.toFixed(3)}`;
  return `${heading}\n\n${panels.map((panel) => strongest(result, panel).join('\n')).join('\n\n')}`;
}
