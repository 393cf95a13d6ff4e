// What a person should know before reading a figure into a trace. Each is a sentence with a way on; none of them stops a run.

import type { TraceResult } from '../../experiments/trace/result.ts';
import type { Prediction, TokenInfo, TraceEstimate } from '../../worker/protocol.ts';
import { formatPercent } from '../quantities.ts';
import { quotedToken, streamTitle } from './figure.ts';
import type { TraceInputs } from './inputs.ts';

export interface Warning {
  readonly code:
    | 'answer-not-predicted'
    | 'answer-of-several-tokens'
    | 'subject-is-last'
    | 'subject-is-all'
    | 'weak-corruption'
    | 'wide-window'
    | 'answer-is-distractor';
  readonly text: string;
}

export interface Known {
  readonly inputs: TraceInputs;
  readonly tokens: readonly TokenInfo[];
  readonly layerCount: number;
  /** Of these inputs; null while the engine has not said. */
  readonly estimate: TraceEstimate | null;
  /** Of this prompt. */
  readonly prediction: Prediction | null;
  /** Of these inputs. */
  readonly result: TraceResult | null;
}

function answerWarnings({ estimate, prediction, result }: Known): readonly Warning[] {
  const warnings: Warning[] = [];
  const best = prediction?.candidates[0];
  const answer = estimate?.answer ?? null;
  if (best && answer && answer.id !== best.id) {
    const own = prediction?.candidates.find(({ id }) => id === answer.id);
    const standing = own ? `, at ${formatPercent(own.probability)}` : '';
    warnings.push({
      code: 'answer-not-predicted',
      text: `The model’s own prediction is ${quotedToken(best.text)}, not ${quotedToken(answer.text)}${standing}. A trace of an answer that the model does not give says little.`,
    });
  }
  const distractor = estimate?.distractor ?? result?.distractor ?? null;
  const watched = answer?.id ?? result?.answer.id ?? best?.id;
  if (distractor && watched === distractor.id) {
    warnings.push({
      code: 'answer-is-distractor',
      text: 'Answer and distractor are the same token, so their logit difference is 0 everywhere.',
    });
  }
  const several = estimate?.notices.find(({ code }) => code === 'answer-of-several-tokens');
  if (several) warnings.push({ code: 'answer-of-several-tokens', text: several.text });
  return warnings;
}

function subjectWarnings({ inputs, tokens }: Known): readonly Warning[] {
  const { subject } = inputs;
  if (subject === null) return [];
  const words = tokens.filter(({ isSpecial }) => !isSpecial).length;
  if (subject[1] - subject[0] >= words && words > 0) {
    return [
      {
        code: 'subject-is-all',
        text: 'The subject is the whole prompt, so nothing clean is left beside it. Mark the part that you ask about.',
      },
    ];
  }
  if (subject[1] < tokens.length) return [];
  return [
    {
      code: 'subject-is-last',
      text: 'The subject includes the last token, where the prediction is made: the two cannot be told apart in the figure.',
    },
  ];
}

export function traceWarnings(known: Known): readonly Warning[] {
  const { inputs, layerCount, result } = known;
  const wide = inputs.streams.filter(({ isOn, window }) => isOn && Number(window) > layerCount);
  const weak = result?.notices.find(({ code }) => code === 'weak-corruption');
  return [
    ...answerWarnings(known),
    ...subjectWarnings(known),
    ...(wide.length === 0
      ? []
      : [
          {
            code: 'wide-window' as const,
            text: `The window of ${wide.map(({ component }) => streamTitle(component)).join(' and ')} is wider than the model, which has ${layerCount} layers: every cell of a row restores nearly the same layers.`,
          },
        ]),
    ...(weak ? [{ code: 'weak-corruption' as const, text: weak.text }] : []),
  ];
}
