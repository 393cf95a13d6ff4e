// Learning rates over the steps of a training, as factors of the rate that was asked for.

export type RateSchedule =
  | { readonly kind: 'constant' }
  | {
      /**
       * From 0 up to 1 over the steps of warming up, then straight down to `end` at the last step: transformers'
       * get_linear_schedule_with_warmup where `end` is 0, PyTorch's LinearLR where nothing is warmed up.
       */
      readonly kind: 'linear';
      readonly steps: number;
      readonly warmUpSteps?: number;
      /** Default 0. */
      readonly end?: number;
    }
  | {
      /** As `linear`, but down along half a cosine to 0. */
      readonly kind: 'cosine';
      readonly steps: number;
      readonly warmUpSteps?: number;
    };

/**
 * The factor of the rate at a step.
 * @param step from 0; beyond the last step the factor stays what it was there
 */
export function rateFactor(schedule: RateSchedule, step: number): number {
  if (schedule.kind === 'constant') return 1;
  const { steps, warmUpSteps = 0 } = schedule;
  if (step < warmUpSteps) return step / warmUpSteps;
  const passed = Math.min(1, (step - warmUpSteps) / Math.max(1, steps - warmUpSteps));
  if (schedule.kind === 'cosine') return (1 + Math.cos(Math.PI * passed)) / 2;
  const { end = 0 } = schedule;
  return 1 + (end - 1) * passed;
}
