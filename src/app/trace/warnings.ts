// What a person should know before reading a figure into a trace. Each is a sentence with a way on; none of them stops a run.

import { inQuotes } from '../../experiments/figureWords.ts';
import type { Estimate } from '../../experiments/kind.ts';
import { streamTitle } from '../../experiments/trace/figure.ts';
import type { TraceResult } from '../../experiments/trace/result.ts';
import type { Prediction } from '../../worker/protocol.ts';
import { formatPercent } from '../quantities.ts';
import type { TraceDocument } from './document.ts';
import type { TraceDraft } from './draft.ts';

/** What the engine says of how an answer's text became a token. */
const answerCodes = [
  'answer-of-several-tokens',
  'answer-taken-as',
  'answer-without-space',
  'tokens-differ-by-version',
] as const;
type AnswerCode = (typeof answerCodes)[number];

export interface Warning {
  readonly code:
    | 'answer-not-predicted'
    | AnswerCode
    | 'subject-is-last'
    | 'subject-is-all'
    | 'weak-corruption'
    | 'wide-window'
    | 'answer-is-distractor'
    | 'subject-not-found'
    | 'picked-for-another-prompt';
  readonly text: string;
}

export interface Known {
  readonly document: TraceDocument;
  readonly draft: TraceDraft;
  /** It stands as it was opened: what is missing from it is news, and not what a person has just typed away. */
  readonly isAsOpened: boolean;
  readonly layerCount: number;
  /** Of this draft; null while the engine has not answered. */
  readonly estimate: Pick<Estimate, 'targets' | 'notices'> | null;
  /** Of this prompt. */
  readonly prediction: Prediction | null;
  /** Of this draft. */
  readonly result: TraceResult | null;
}

function answerWarnings({ estimate, prediction, result }: Known): readonly Warning[] {
  const warnings: Warning[] = [];
  const best = prediction?.candidates[0];
  const target = estimate?.targets[0];
  const answer = target?.answer ?? null;
  if (best && answer && answer.id !== best.id) {
    const own = prediction?.candidates.find(({ id }) => id === answer.id);
    const share = own ? `, at ${formatPercent(own.probability)}` : '';
    warnings.push({
      code: 'answer-not-predicted',
      text: `The model’s own prediction is ${inQuotes(best.text)}, not ${inQuotes(answer.text)}${share}. A trace of an answer that the model does not give says little.`,
    });
  }
  const distractor = target?.distractor ?? result?.distractor ?? null;
  const watched = answer?.id ?? result?.answer.id ?? best?.id;
  if (distractor && watched === distractor.id) {
    warnings.push({
      code: 'answer-is-distractor',
      text: 'Answer and distractor are the same token, so their logit difference is 0 everywhere.',
    });
  }
  for (const code of answerCodes) {
    const said = estimate?.notices.find((notice) => notice.code === code);
    if (said) warnings.push({ code, text: said.text });
  }
  return warnings;
}

function lapsedSubject(subject: Exclude<TraceDocument['subject'], { readonly kind: 'guessed' }>): string {
  switch (subject.kind) {
    case 'passage':
      return `${inQuotes(subject.text)} is not in the prompt, so the subject is guessed. Mark another one.`;
    case 'tokens':
      return `The subject was given by token places of ${subject.model}, which are other words here, so it is guessed. Mark it.`;
    case 'patches':
    case 'seconds':
      return 'The subject was a part of a picture or a sound, which is none in this model, so it is guessed. Mark it.';
    default:
      return subject satisfies never;
  }
}

/** What was picked or marked and is not in use, because it belongs to another prompt or other tokens. */
function lapsedWarnings({ document, draft, isAsOpened }: Known): readonly Warning[] {
  const { prompt, subject, answer, distractor } = document;
  const lapsed = (
    [
      ['answer', answer],
      ['distractor', distractor],
    ] as const
  ).filter(([, picked]) => picked !== null && picked.prompt !== prompt);
  const names = lapsed.map(
    ([name, picked]) =>
      `${name} ${typeof picked?.token === 'string' ? inQuotes(picked.token) : `#${picked?.token}`}`,
  );
  return [
    ...(isAsOpened && subject.kind !== 'guessed' && draft.isSubjectGuessed
      ? [
          {
            code: 'subject-not-found' as const,
            text: lapsedSubject(subject),
          },
        ]
      : []),
    ...(names.length === 0
      ? []
      : [
          {
            code: 'picked-for-another-prompt' as const,
            text: `The ${names.join(' and the ')} ${names.length > 1 ? 'were' : 'was'} picked for another prompt and ${names.length > 1 ? 'are' : 'is'} not used. Pick again to use ${names.length > 1 ? 'them' : 'it'} here.`,
          },
        ]),
  ];
}

function subjectWarnings({ draft: { subject, tokens } }: Known): readonly Warning[] {
  if (subject === null || tokens === null) return [];
  const words = tokens.filter(({ isSpecial }) => !isSpecial).length;
  if (subject[1] - subject[0] >= words && words > 0) {
    return [
      {
        code: 'subject-is-all',
        text: 'The subject is the whole prompt, so nothing clean is left beside it. Mark the part that you ask about.',
      },
    ];
  }
  const mask = tokens.findIndex(({ isMask }) => isMask === true);
  const watched = mask < 0 ? tokens.length - 1 : mask;
  if (watched < subject[0] || watched >= subject[1]) return [];
  return [
    {
      code: 'subject-is-last',
      text: `The subject includes ${mask < 0 ? 'the last token' : 'the mask'}, where the prediction is made: the two cannot be told apart in the figure.`,
    },
  ];
}

export function traceWarnings(known: Known): readonly Warning[] {
  const { draft, layerCount, result } = known;
  const wide = draft.streams.filter(({ isOn, window }) => isOn && Number(window) > layerCount);
  const weak = result?.notices.find(({ code }) => code === 'weak-corruption');
  return [
    ...lapsedWarnings(known),
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
