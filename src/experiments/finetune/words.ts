// The words about a finetuning: what was trained on what, and how it ended.

import { promptLine } from '../promptLine.ts';
import { type AdapterResult, type FinetuneResult, isAdapterDone, type TestedExample } from './result.ts';

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

export const titleOf = ({ experiment }: FinetuneResult): string =>
  experiment.title ?? 'Finetuning of representations';

export const endWords: Readonly<Record<AdapterResult['end'], string>> = {
  begun: 'stopped in the middle',
  'all-steps': 'all steps made',
  loss: 'ended: the loss became NaN or infinite',
  parameters: 'ended: the parameters became NaN, infinite, or not orthonormal',
};

/** A tested prompt: what is read, its picture or sound by name, and what was written behind it. */
export function promptWords({ prompt, source, read }: TestedExample, texts: FinetuneResult['texts']): string {
  const text = (ids: readonly number[]) => ids.map((id) => texts[id] ?? `#${id}`).join('');
  if (source === undefined && read === undefined) return text(prompt);
  // A decoder begins with a token that says nothing.
  return promptLine(read, [text(source ?? []), text(prompt.slice(1))]);
}

const counted = (count: number, thing: string): string => `${count} ${thing}${count === 1 ? '' : 's'}`;

/** What was trained and with what, in a few sentences. */
export function finetuneCaption(result: FinetuneResult): string {
  const { experiment, model, names, trainCount, tested, before, adapters } = result;
  const { batchSize, epochs, learningRate, optimizer } = experiment.training;
  const revision = experiment.revision ? `, revision ${experiment.revision}` : '';
  const stopped = adapters.filter((each) => isAdapterDone(each) && each?.end !== 'all-steps').length;
  return [
    `${model.label}${revision}. ${names.length === 1 ? names[0] : counted(names.length, 'adapter')}.`,
    `${counted(trainCount, 'example')} to train with, ${tested.length} to test; ${counted(epochs, 'epoch')} in batches of ${batchSize}, ${optimizer} at ${learningRate}, seed ${experiment.seed}.`,
    ...(stopped === 0 ? [] : [`${counted(stopped, 'adapter')} stopped where numbers were finite no more.`]),
    `Without an adapter ${percent(before.test.match)} of the test go on as taught.`,
  ].join(' ');
}
