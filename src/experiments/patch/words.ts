// The words about a patch: a title, a caption that lets a reader repeat it, and a heading.

import { inQuotes } from '../figureWords.ts';
import { type Metric, metricNames } from '../metrics.ts';
import { panelLabel } from './grid.ts';
import type { PatchResult } from './result.ts';

/** A text that all pairs share; undefined when they do not. */
export const sharedText = (texts: readonly (string | undefined)[]): string | undefined =>
  new Set(texts).size === 1 ? texts[0] : undefined;

/** As a sentence without a full stop. */
export function patchTitle({ experiment, pairs, direction }: PatchResult): string {
  const text = sharedText(pairs.map(({ answer }) => answer.text));
  const answer = text === undefined ? 'the answer' : inQuotes(text);
  if (experiment.kind === 'path') return `What one head does directly to ${answer}`;
  if (experiment.ablation) return `Where an ablation changes ${answer}`;
  return direction === 'restore'
    ? `Where a clean activation brings back ${answer}`
    : `Where a corrupted activation takes away ${answer}`;
}

const wholeText = (tokens: readonly { readonly text: string }[] | undefined): string =>
  inQuotes((tokens ?? []).map(({ text }) => text).join(''));

function ablationWords({ experiment, meanOver, drawn }: PatchResult): string {
  if (experiment.kind !== 'patch' || !experiment.ablation) return '';
  const { ablation } = experiment;
  switch (ablation.kind) {
    case 'zero':
      return ' Ablation: zero.';
    case 'mean':
      return ` Ablation: the mean over ${ablation.prompts.length} prompts, ${meanOver === 'each position' ? 'position by position' : 'over all positions'}.`;
    case 'resample':
      return ` Ablation: activations of ${drawn?.[0]?.length ?? 0} of ${ablation.prompts.length} prompts, seed ${ablation.seed}.`;
    default:
      return ablation satisfies never;
  }
}

/** Model, pairs, what was put where, and windows in a few sentences. */
export function patchCaption(result: PatchResult): string {
  const { experiment, pairs, model, panels } = result;
  const [first] = pairs;
  const revision = experiment.revision ? `, revision ${experiment.revision}` : '';
  const many = pairs.length > 1 ? `Mean over ${pairs.length} pairs; the first: ` : '';
  const against = first?.corrupted ? `; corrupted ${wholeText(first.corrupted)}` : '';
  const wide = panels.filter(({ window }) => window > 1);
  const windows = wide.map((panel) => `${panelLabel(panel)} ${panel.window}`).join(', ');
  const frozen =
    experiment.kind === 'path'
      ? ` Between sender and receiver other heads are frozen, MLPs are ${experiment.mlps === 'freeze' ? 'frozen' : 'recomputed'}; ${experiment.direction === 'corrupt' ? 'the sender is corrupted' : 'the sender is clean'}.`
      : '';
  const together = wide.length > 0 ? ` Layers patched together: ${windows}.` : '';
  return `${model.label}${revision}. ${many}Clean ${wholeText(first?.clean)}${against}.${ablationWords(result)}${frozen}${together}`;
}

/** The metric's name and, where there is one, the answer, for the line above a terminal's heatmaps. */
export function patchHeading(result: PatchResult, metric: Metric): string {
  const quote = (texts: readonly (string | undefined)[]) => {
    const text = sharedText(texts);
    return text === undefined ? `${texts.length} tokens` : JSON.stringify(text);
  };
  const against = result.pairs.every(({ distractor }) => distractor)
    ? `, distractor ${quote(result.pairs.map(({ distractor }) => distractor?.text))}`
    : '';
  return `${metricNames[metric]}; answer ${quote(result.pairs.map(({ answer }) => answer.text))}${against}`;
}
