// Results as comma-separated values.

import type { Metric } from './metrics.ts';

const quoteField = (text: string): string =>
  /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

/** Column heads of the metrics. */
export const metricColumns: Readonly<Record<Metric, string>> = {
  probability: 'probability',
  logProbability: 'log_probability',
  logitDifference: 'logit_difference',
  answerLogit: 'answer_logit',
  rank: 'rank',
  divergence: 'divergence',
};

/** Lines of fields as one text, fields quoted where they must be. */
export function csvText(lines: readonly (readonly string[])[]): string {
  return `${lines.map((fields) => fields.map(quoteField).join(',')).join('\n')}\n`;
}
