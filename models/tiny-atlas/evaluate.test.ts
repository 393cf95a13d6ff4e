import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type Measured,
  measureFacts,
  measureGreater,
  measureHeads,
  measureInduction,
  measurePairs,
  measureTrace,
  openTinyAtlas,
  readEvaluation,
} from './evaluate.ts';

// evaluation.json was computed by PyTorch from the same file and the same prompts.
const isEvaluated = existsSync(join(import.meta.dirname, 'evaluation.json'));

describe.skipIf(!isEvaluated)('the embedded model gives PyTorch’s figures', () => {
  let measured: Measured;
  const expected = isEvaluated ? readEvaluation() : undefined;
  beforeAll(async () => {
    measured = await openTinyAtlas();
  });

  test('facts, by wordings seen and never seen', async () => {
    const { seen, heldOut } = await measureFacts(measured);
    expect(seen).toBeCloseTo(expected?.facts.seen.top1 ?? Number.NaN, 6);
    expect(heldOut).toBeCloseTo(expected?.facts['held-out'].top1 ?? Number.NaN, 6);
  });

  test('indirect objects, pronouns, agreement, greater-than, induction', async () => {
    const { prompts } = measured;
    const io = await measurePairs(measured, prompts.io);
    expect(io.accuracy).toBeCloseTo(expected?.io.accuracy ?? Number.NaN, 6);
    expect(io.logit_difference).toBeCloseTo(expected?.io.logit_difference ?? Number.NaN, 3);
    expect((await measurePairs(measured, prompts.pronoun)).accuracy).toBeCloseTo(
      expected?.pronoun.accuracy ?? Number.NaN,
      6,
    );
    expect((await measurePairs(measured, prompts.agreement)).accuracy).toBeCloseTo(
      expected?.agreement.accuracy ?? Number.NaN,
      6,
    );
    expect(await measureGreater(measured)).toBeCloseTo(expected?.greater.accuracy ?? Number.NaN, 6);
    expect(await measureInduction(measured)).toBeCloseTo(expected?.induction.ratio ?? Number.NaN, 4);
  });

  test('the head that matters most for indirect objects', async () => {
    const best = await measureHeads(measured);
    expect(best).toMatchObject({ layer: expected?.heads.best.layer, head: expected?.heads.best.head });
    expect(best.change).toBeCloseTo(expected?.heads.best.change ?? Number.NaN, 3);
  });

  test('the causal trace, averaged over a hundred facts', async () => {
    const found = await measureTrace(
      measured,
      measured.prompts.trace.facts,
      expected?.trace.level ?? Number.NaN,
    );
    expect(found.total_effect).toBeCloseTo(expected?.trace.total_effect ?? Number.NaN, 3);
    expect(found.block_at_last_subject).toBeCloseTo(
      expected?.trace.block_at_last_subject.effect ?? Number.NaN,
      3,
    );
    expect(found.mlp_at_last_subject).toBeCloseTo(
      expected?.trace.mlp_at_last_subject.effect ?? Number.NaN,
      3,
    );
    expect(found.mlp_at_last).toBeCloseTo(expected?.trace.mlp_at_last.effect ?? Number.NaN, 3);
    expect(found.attention_at_last).toBeCloseTo(expected?.trace.attention_at_last.effect ?? Number.NaN, 3);
  }, 600_000);
});
