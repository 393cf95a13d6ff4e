// A finetuning as text: what the model says by itself, how each adapter ended, and what it says to examples not taught.

import { formatTable } from '../../figures/textTable.ts';
import type { FinetuneResult } from './result.ts';
import { endWords, percent, promptWords } from './words.ts';

/** Examples that are shown. */
const mostShown = 12;

const nats = (loss: number): string => loss.toFixed(4);

/** Prompts with what was said before and after; of several adapters the one that is right most often. */
function answerLines({ tested, before, adapters, names, texts }: FinetuneResult): readonly string[] {
  const text = (ids: readonly number[]) => ids.map((id) => texts[id] ?? `#${id}`).join('');
  const said = adapters.flatMap((adapter, index) =>
    adapter?.answers && adapter.final
      ? [{ name: names[index] ?? '', answers: adapter.answers, match: adapter.final.test.match }]
      : [],
  );
  const [best] = said.toSorted((a, b) => b.match - a.match);
  const lines = tested
    .slice(0, mostShown)
    .map((example, at) => [
      promptWords(example, texts),
      text(example.continuation),
      text(before.answers[at] ?? []),
      ...(best ? [text(best.answers[at] ?? [])] : []),
    ]);
  return [
    `Not taught${tested.length > mostShown ? `, the first ${mostShown} of ${tested.length}` : ''}${best && said.length > 1 ? `; after ${best.name}` : ''}:`,
    formatTable(
      [['prompt', 'should say', 'said before', ...(best ? ['says now'] : [])], ...lines],
      new Set(),
    ),
  ];
}

export function finetuneSummary(result: FinetuneResult): string {
  const { names, adapters, before, trainCount, tested } = result;
  const head = ['adapter', 'numbers', 'steps', 'train loss', 'test loss', 'train match', 'test match', 'end'];
  const lines = names.map((name, index) => {
    const adapter = adapters[index];
    if (!adapter) return [name, '.', '.', '.', '.', '.', '.', 'not begun'];
    const { parameterCount, steps, final, end } = adapter;
    return [
      name,
      String(parameterCount),
      String(steps.loss.length),
      final ? nats(final.train.loss) : '.',
      final ? nats(final.test.loss) : '.',
      final ? percent(final.train.match) : '.',
      final ? percent(final.test.match) : '.',
      endWords[end],
    ];
  });
  const none = [
    'none',
    '0',
    '0',
    nats(before.train.loss),
    nats(before.test.loss),
    percent(before.train.match),
    percent(before.test.match),
    '',
  ];
  return [
    `${trainCount} examples to train with, ${tested.length} to test. Loss in nats a token; a match is a continuation of which every token is the most probable.`,
    '',
    formatTable([head, none, ...lines], new Set([1, 2, 3, 4, 5, 6])),
    '',
    ...answerLines(result),
  ].join('\n');
}
