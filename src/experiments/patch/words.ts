// The words about a patch: a title, a caption that lets a reader repeat it, and a heading.

import { inQuotes } from '../figureWords.ts';
import { nameOf } from '../givenFile.ts';
import { type Metric, metricNames } from '../metrics.ts';
import type { Pair } from '../pairs.ts';
import { precisionWords } from '../precision.ts';
import { writtenText } from '../writtenTokens.ts';
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

type GivenText = Pair['target'];

/** @param given that of the experiment, where it stated one */
const wholeText = (tokens: NonNullable<ResultPair['source']>, given: GivenText): string =>
  inQuotes(writtenText(tokens, given === '' ? [] : (given ?? [])));

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

type ResultPair = PatchResult['pairs'][number];

/** What is read beside the text of one of a pair's prompts, or in its place: `the picture “a.png”`; empty where nothing is. */
function besideWords(given: Pair | undefined, isCorrupted: boolean): string {
  const image = (isCorrupted ? given?.corruptedImage : undefined) ?? given?.image;
  const sound = (isCorrupted ? given?.corruptedSound : undefined) ?? given?.sound;
  const file = image ?? sound;
  if (!file) return '';
  const { exchanged: part } = isCorrupted ? (given ?? {}) : {};
  const within =
    part === undefined
      ? ''
      : 'patches' in part
        ? ` in the patches ${part.patches[0]} to ${part.patches[2] - 1} across and ${part.patches[1]} to ${part.patches[3] - 1} down`
        : ` from ${part.seconds[0]} to ${part.seconds[1]} seconds`;
  return `the ${image ? 'picture' : 'sound'} ${inQuotes(nameOf(file))}${within}`;
}

/** One of a pair's prompts: its tokens, its source, and what is read beside them. */
function runWords(pair: ResultPair | undefined, given: Pair | undefined, isCorrupted: boolean): string {
  const tokens = (isCorrupted ? pair?.corrupted : pair?.clean) ?? [];
  const source = isCorrupted ? pair?.corruptedSource : pair?.source;
  const beside = besideWords(given, isCorrupted);
  const prompt = (isCorrupted ? given?.corrupted : undefined) ?? given?.clean;
  const target = (isCorrupted ? given?.corruptedTarget : undefined) ?? given?.target;
  if (source) {
    const about = beside === '' ? '' : ` about ${beside}`;
    return `${wholeText(source, prompt)}${about} with the target ${wholeText(tokens, target)}`;
  }
  if (tokens.length === 0) return beside;
  return beside === '' ? wholeText(tokens, prompt) : `${wholeText(tokens, prompt)} with ${beside}`;
}

const sendingWords = (sending: string | undefined): string =>
  sending === undefined ? '' : ` Heads send by ${sending}.`;

/** Model, pairs, what was put where, and windows in a few sentences. */
export function patchCaption(result: PatchResult, metric: Metric): string {
  const { experiment, pairs, model, panels } = result;
  const [first] = pairs;
  const revision = experiment.revision ? `, revision ${experiment.revision}` : '';
  const many = pairs.length > 1 ? `Mean over ${pairs.length} pairs; the first: ` : '';
  const [given] = experiment.pairs;
  const against = first?.corrupted ? `; corrupted ${runWords(first, given, true)}` : '';
  const wide = panels.filter(({ window }) => window > 1);
  const windows = wide.map((panel) => `${panelLabel(panel)} ${panel.window}`).join(', ');
  const frozen =
    experiment.kind === 'path'
      ? `${sendingWords(experiment.sending)} Between sender and receiver other heads are frozen, MLPs are ${experiment.mlps === 'freeze' ? 'frozen' : 'recomputed'}; ${experiment.direction === 'corrupt' ? 'the sender is corrupted' : 'the sender is clean'}.`
      : '';
  const together = wide.length > 0 ? ` Layers patched together: ${windows}.` : '';
  return `${model.label}${revision}. ${many}Clean ${runWords(first, given, false)}${against}.${ablationWords(result)}${frozen}${together}${precisionWords(result.precision, metric)}`;
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
