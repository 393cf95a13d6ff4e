// An attribution as text: its baselines, and the strongest cells of each panel.

import type { AttributionFile } from './result.ts';

/** The strongest cells of a panel, as lines. */
function strongest({
  attributions,
  patched,
  heads,
  positions,
  component,
  correlation,
}: AttributionFile['panels'][number]) {
  const columns = heads ?? positions;
  const order = attributions
    .map((_, index) => index)
    .sort((a, b) => Math.abs(attributions[b] ?? 0) - Math.abs(attributions[a] ?? 0));
  const number = (x: number | undefined) => (x === undefined ? '' : x.toFixed(3).padStart(9));
  const agreement =
    typeof correlation === 'number' ? `, correlation with patching ${correlation.toFixed(3)}` : '';
  return [
    `${component}${agreement}`,
    `layer  ${heads ? 'head    ' : 'position'}  attribution${patched ? '  patching' : ''}`,
    ...order.slice(0, 6).map((index) => {
      const layer = String(Math.floor(index / columns.length)).padStart(5);
      const column = String(columns[index % columns.length]).padStart(8);
      return `${layer}  ${column}    ${number(attributions[index])} ${number(patched?.[index])}`;
    }),
  ];
}

export function attributionSummary({ baselines, pairs, panels }: AttributionFile): string {
  if (!baselines) return 'Not all pairs and patches have arrived, so no mean was taken yet.';
  const { clean, corrupted } = baselines;
  const metric = pairs.every(({ distractor }) => distractor) ? 'logit difference' : 'logit of the answer';
  const heading = `Change of the ${metric}: clean ${clean.toFixed(3)}, corrupted ${corrupted.toFixed(3)}`;
  return `${heading}\n\n${panels.map((panel) => strongest(panel).join('\n')).join('\n\n')}`;
}
