// The words of figures: metrics and quotations.

import type { Metric as FigureMetric } from '../figures/description.ts';
import type { Metric } from './metrics.ts';

/** A piece of a prompt as a caption quotes it, the space before it left out. */
export const inQuotes = (text: string): string => `“${text.trim() === '' ? text : text.trim()}”`;

/**
 * @param answerText     undefined where every pair of prompts has its own
 * @param distractorText undefined likewise, or where there is none
 */
export function figureMetric(
  metric: Metric,
  answerText: string | undefined,
  distractorText: string | undefined,
): FigureMetric {
  const answer = answerText === undefined ? 'the answer' : inQuotes(answerText);
  const distractor = distractorText === undefined ? 'the distractor' : inQuotes(distractorText);
  switch (metric) {
    case 'probability':
      return { name: `probability of ${answer}`, shortName: 'probability', minimum: 0 };
    case 'logProbability':
      return { name: `log probability of ${answer}`, shortName: 'log probability', digits: 2 };
    case 'logitDifference':
      return {
        name: `logit of ${answer} minus logit of ${distractor}`,
        shortName: 'logit difference',
        digits: 2,
      };
    case 'answerLogit':
      return { name: `logit of ${answer}`, shortName: 'logit', digits: 2 };
    case 'rank':
      return { name: `rank of ${answer}`, shortName: 'rank', digits: 0, isLogarithmic: true };
    case 'divergence':
      return {
        name: 'divergence from the clean prediction',
        shortName: 'divergence',
        unit: 'nats',
        minimum: 0,
      };
    default:
      return metric satisfies never;
  }
}
