// What a page runs first, in small: a prediction and a trace. It is run on the first layers of a model while the others arrive, for
// what a GPU compiles on the way (runtime/rehearsal.ts).

import type { Model } from '../runtime/model.ts';
import { nextLogits } from './predict.ts';
import { kindOf } from './registry.ts';

/** Tokens of the prompts. What is compiled depends on sizes that grow by steps: a trace of one sample would miss some. */
const predicted = 10;
const traced = 4;
const samples = 8;

/** @param signal stops it between runs */
export async function rehearse(model: Model, signal: AbortSignal): Promise<void> {
  const { vocabularySize, maxPositions, isCausal } = model.architecture;
  const tokens = (count: number): readonly number[] =>
    Array.from({ length: Math.min(count, maxPositions) }, (_, at) => at % vocabularySize);
  await nextLogits(model, tokens(predicted), { signal });
  // What others predict stands at a mask, and which token that is only their files say.
  if (!isCausal) return;
  const kind = await kindOf('trace');
  const trace = kind.read({
    kind: 'trace',
    version: 1,
    model: model.label,
    prompt: tokens(traced),
    subject: [1, 2],
    corruption: { kind: 'noise', level: 1, samples },
  });
  const ready = await kind.resolve(model.architecture, undefined, trace);
  for await (const _ of ready.run(model, { signal }));
}
