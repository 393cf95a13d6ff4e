// Keys of prompts, and what goes on behind them.

import { expect, test } from 'vitest';
import { goneOn, type ResolvedPrompt, resolvedPrompt, textPrompt } from './resolvedPrompt.ts';
import { forced } from './teacherForcing.ts';

const picture = (...numbers: number[]) => ({ kind: 'input', data: Float32Array.from(numbers) }) as const;
const of = (start: ResolvedPrompt['start'], tokens: readonly number[]): ResolvedPrompt =>
  resolvedPrompt({ start, tokens, watched: tokens.length - 1 });

test('prompts have one key where the same runs, and another with another source, picture or token', () => {
  const seen = picture(1, 2);
  const tokens = [3, 4];
  const written = (source: ResolvedPrompt['start'] & { kind: 'tokens' | 'input' }, own = tokens) =>
    of({ kind: 'tokens', tokens: own, source }, own).key;
  const all = [
    textPrompt(tokens).key,
    textPrompt([34]).key,
    written({ kind: 'tokens', tokens: [5, 6] }),
    written({ kind: 'tokens', tokens: [5] }, [6, 3, 4]),
    written(seen),
    written(picture(1, 2)),
    written({ kind: 'tokens', tokens: [5, 6], source: seen }),
    of(seen, []).key,
  ];
  expect(new Set(all).size).toBe(all.length);
  expect(textPrompt([3, 4]).key).toBe(all[0]);
  expect(written(seen)).toBe(all[4]);
  expect(of(seen, []).key).toBe(all[7]);
});

test('what is forced goes on behind what the decoder has written, and leaves the source alone', () => {
  const source = { kind: 'tokens', tokens: [5, 6] } as const;
  const prompt = of({ kind: 'tokens', tokens: [0], source }, [0]);
  const row = forced(prompt, { ids: [7, 8, 9], text: '' });
  expect(row.start).toEqual({ kind: 'tokens', tokens: [0, 7, 8], source });
  expect([row.tokens, row.watched]).toEqual([[0, 7, 8], 0]);
  expect(forced(prompt, { ids: [7], text: '' })).toBe(prompt);
  expect(row.key).toBe(of({ kind: 'tokens', tokens: [0, 7, 8], source }, [0, 7, 8]).key);
  expect(() => goneOn(of(picture(1), []), [2])).toThrow('Nothing is written');
});
