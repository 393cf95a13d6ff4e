// An intervention as text: the next tokens before and after, and its metrics in every run.

import { type Metric, metricOf, type Samples } from '../metrics.ts';
import type { InterveneResult, NamedCandidate } from './result.ts';

const percent = (p: number): string => `${(p * 100).toFixed(2)} %`.padStart(9);

export function interventionSummary(result: InterveneResult): string {
  const { answer, distractor, measured, before, after, collected } = result;
  const width = Math.max(12, ...[...before, ...after].map(({ text }) => JSON.stringify(text).length)) + 2;
  const cell = (candidate: NamedCandidate | undefined) =>
    candidate ? JSON.stringify(candidate.text).padEnd(width) + percent(candidate.probability) : '';
  const rows = before.map((was, place) => `${cell(was)}    ${cell(after[place])}`);
  const metric: Metric = distractor ? 'logitDifference' : 'answerLogit';
  const name = distractor
    ? `logit of ${JSON.stringify(answer.text)} minus ${JSON.stringify(distractor.text)}`
    : `logit of ${JSON.stringify(answer.text)}`;
  const value = (samples: Samples | undefined) =>
    samples ? (metricOf(samples, metric)[0] ?? Number.NaN).toFixed(3) : '';
  const [source] = measured.sources;
  return [
    `${'before'.padEnd(width + 13)}after`,
    ...rows,
    '',
    `${name}: base ${value(measured.base)}${source ? `, source ${value(source)}` : ''}, intervened ${value(measured.intervened)}`,
    `divergence from the base: ${(measured.intervened.divergence[0] ?? 0).toFixed(4)} nats`,
    ...collected.map(({ key, shape }) => `collected ${key}: [${shape.join(', ')}]`),
  ].join('\n');
}
