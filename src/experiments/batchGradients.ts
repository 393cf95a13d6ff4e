// The gradients of a batch of examples: at once where it fits the memory, and otherwise in parts whose gradients are summed
// on the device, so that the step is that of the whole batch.

import type { DeviceTensor } from '../runtime/backends/backend.ts';
import type { GradientPlan } from '../runtime/backward/objective.ts';
import type { Model } from '../runtime/model.ts';
import { GradientSums } from '../runtime/training/gradientSums.ts';

/** Bytes that the states which enter the layers of one part take at most. */
export const defaultPartBytes = 512 * 2 ** 20;

/**
 * How many examples run at once.
 * @param exampleBytes what the states that enter its layers take, of the longest example
 * @param given by the file; it comes before what the memory suggests
 */
export const examplesAtOnce = (
  batchSize: number,
  exampleBytes: number,
  given: number | undefined,
  bound = defaultPartBytes,
): number => Math.min(batchSize, given ?? Math.max(1, Math.floor(bound / Math.max(1, exampleBytes))));

/** Gradients of the parameters of several edits, one record for each. */
type Gradients = readonly Readonly<Record<string, DeviceTensor>>[];

/** One record of all, by `INDEX NAME`. */
const joined = <T>(records: readonly Readonly<Record<string, T>>[]): Readonly<Record<string, T>> =>
  Object.fromEntries(
    records.flatMap((record, index) =>
      Object.entries(record).map(([name, value]) => [`${index} ${name}`, value] as const),
    ),
  );

/** @param of what `joined` made of records like these */
const parted = (
  like: readonly Readonly<Record<string, unknown>>[],
  of: Readonly<Record<string, DeviceTensor>>,
): Gradients =>
  like.map((record, index) =>
    Object.fromEntries(
      Object.keys(record).flatMap((name) => {
        const tensor = of[`${index} ${name}`];
        return tensor ? [[name, tensor] as const] : [];
      }),
    ),
  );

/**
 * @param plans of the parts, whose terms are weighted for the whole batch; all want the gradients of the same parameters
 * @param take gets the gradients and the objective of the whole batch; the gradients are freed when it settles
 * @returns the objective of the whole batch
 * @throws the signal's reason
 */
export async function batchGradients(
  model: Model,
  plans: readonly GradientPlan[],
  take: (gradients: Gradients, objective: number) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<number> {
  const [first, ...others] = plans;
  if (!first) throw new Error('A batch has no examples.');
  const options = signal ? { signal } : {};
  if (others.length === 0)
    return (await model.gradients(first, { ...options, onParameters: take })).objective;
  const of = first.of ?? [];
  const shapes = joined(of);
  const sums = await GradientSums.create(
    model.backend,
    Object.fromEntries(Object.entries(shapes).map(([name, { shape }]) => [name, shape])),
  );
  try {
    let objective = 0;
    for (const plan of plans) {
      const part = await model.gradients(plan, {
        ...options,
        onParameters: (gradients) => sums.take(joined(gradients)),
      });
      objective += part.objective;
    }
    await take(parted(of, sums.all), objective);
    return objective;
  } finally {
    await sums.dispose();
  }
}
