import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { openModel } from '../../checkpoint/openNode.ts';
import type { AlignExampleFile } from './example.ts';
import { genderExamples, indirectObjectExamples, landmarkExamples, type PromptItem } from './templates.ts';

const folder = new URL('../../../models/tiny-atlas/', import.meta.url);
const items: Readonly<Record<'pronoun' | 'io' | 'facts', readonly PromptItem[]>> = JSON.parse(
  readFileSync(new URL('evaluation-prompts.json', folder), 'utf8'),
);

let tokenizer: Tokenizer;
beforeAll(async () => {
  const checkpoint = await openModel(folder.pathname);
  tokenizer = await checkpoint.tokenizer();
  await checkpoint.close();
});

/** The text up to a named position, as tokens have it. */
function textTo(example: AlignExampleFile, side: 'base' | 'source', name: string): string {
  const place = example.positions?.[name];
  const at = typeof place === 'number' ? place : (place?.[side === 'base' ? 0 : 1] ?? -1);
  return tokenizer.decode(tokenizer.encode(String(example[side])).slice(0, at + 1));
}

const isOneToken = (label: unknown): boolean =>
  tokenizer.encode(String(label), { addSpecialTokens: false }).length === 1;

function checkTokens(examples: readonly AlignExampleFile[]): void {
  for (const { label, baseLabel, sourceLabel } of examples)
    expect([label, baseLabel, sourceLabel].every(isOneToken)).toBe(true);
}

describe('examples of the gender of a name', () => {
  test('have the pronoun of the source, names where they say, and both genders', () => {
    const pronouns = new Map(items.pronoun.map(({ subject, answer }) => [subject, answer]));
    const examples = genderExamples(items.pronoun, tokenizer, { size: 60, seed: 4 });
    checkTokens(examples);
    const nameIn = (text: string) => [...pronouns.keys()].find((name) => text.endsWith(name)) ?? '';
    for (const example of examples) {
      const [own, other] = [
        nameIn(textTo(example, 'base', 'name')),
        nameIn(textTo(example, 'source', 'name')),
      ];
      expect(example.baseLabel).toBe(pronouns.get(own));
      expect(example.label).toBe(pronouns.get(other));
      expect(example.sourceLabel).toBe(example.label);
    }
    // Half of either: three standard errors of 60 draws are 0.19.
    const share = examples.filter(({ label }) => label === ' he').length / 60;
    expect(Math.abs(share - 0.5)).toBeLessThan(0.19);
    expect(genderExamples(items.pronoun, tokenizer, { size: 60, seed: 4 })).toEqual(examples);
  });
});

describe('examples of an indirect object', () => {
  const words = (text: unknown) => String(text).match(/[A-Z]\w+/g) ?? [];
  test('that interchange which name is asked for have the base name of that place', () => {
    const examples = indirectObjectExamples(items.io, tokenizer, { size: 40, seed: 2, variable: 'asked' });
    checkTokens(examples);
    for (const example of examples) {
      const [first, second, again] = ['first', 'second', 'again'].map((name) =>
        textTo(example, 'base', name),
      );
      const [a, b] = [first, second].map((text) => words(text).at(-1));
      const object = words(again).at(-1) === a ? b : a;
      expect(example.baseLabel).toBe(` ${object}`);
      const [sourceFirst, sourceAgain] = ['first', 'again'].map((name) =>
        words(textTo(example, 'source', name)).at(-1),
      );
      expect(example.label).toBe(` ${sourceAgain === sourceFirst ? b : a}`);
    }
    expect(new Set(examples.map(({ label, baseLabel }) => label === baseLabel)).size).toBe(2);
  });

  test('that interchange the name have the label of the source', () => {
    const examples = indirectObjectExamples(items.io, tokenizer, { size: 20, seed: 2, variable: 'object' });
    for (const { label, sourceLabel } of examples) expect(label).toBe(sourceLabel);
  });
});

describe('examples of landmarks', () => {
  test.each(['city', 'country'] as const)('have the %s of the source, and its last token', (group) => {
    const places = new Map(
      items.facts
        .filter((item) => item.group === group)
        .map(({ prompt, answer, subject }) => [prompt, { answer, subject }]),
    );
    const examples = landmarkExamples(items.facts, tokenizer, { size: 30, seed: 3, group });
    checkTokens(examples);
    for (const example of examples) {
      expect(example.label).toBe(places.get(String(example.source))?.answer);
      expect(example.baseLabel).toBe(places.get(String(example.base))?.answer);
      const subject = places.get(String(example.base))?.subject ?? '?';
      expect(textTo(example, 'base', 'landmark').endsWith(subject)).toBe(true);
    }
  });
});
