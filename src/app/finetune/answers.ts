// What is said to the held-out prompts before and after, as rows to read.

import type { FinetuneResult } from '../../experiments/finetune/result.ts';
import { promptWords } from '../../experiments/finetune/words.ts';

export interface Said {
  readonly tokens: readonly string[];
  readonly isRight: boolean;
}

export interface AnswerRow {
  readonly prompt: string;
  readonly continuation: readonly string[];
  readonly before: Said;
  /** Null while the adapter has not ended. */
  readonly after: Said | null;
}

export function answerRows(
  { tested, before, adapters, texts }: FinetuneResult,
  index: number,
): readonly AnswerRow[] {
  const texted = (ids: readonly number[]) => ids.map((id) => texts[id] ?? `#${id}`);
  const answers = adapters[index]?.answers;
  return tested.map((example, at) => {
    const { continuation } = example;
    const said = (ids: readonly number[]): Said => ({
      tokens: texted(ids),
      isRight: ids.join(' ') === continuation.join(' '),
    });
    const after = answers?.[at];
    return {
      prompt: promptWords(example, texts),
      continuation: texted(continuation),
      before: said(before.answers[at] ?? []),
      after: after === undefined ? null : said(after),
    };
  });
}

/** The most right on what was not taught; of equal ones the lower loss. */
export function bestAdapter({ adapters }: FinetuneResult): number {
  const order = adapters
    .map((adapter, index) => ({ index, test: adapter?.final?.test }))
    .toSorted(
      (a, b) =>
        (b.test?.match ?? -1) - (a.test?.match ?? -1) ||
        (a.test?.loss ?? Number.POSITIVE_INFINITY) - (b.test?.loss ?? Number.POSITIVE_INFINITY) ||
        a.index - b.index,
    );
  return order[0]?.index ?? 0;
}
