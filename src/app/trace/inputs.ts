// What a person sets for a trace, as the controls hold it, and the experiment that it makes. Numbers stay text until they
// are read, so that a half-typed one is neither lost nor run; what is wrong with one is said beside its control.

import { usualWindow } from '../../experiments/trace/cells.ts';
import type { TraceExperiment } from '../../experiments/trace/experiment.ts';
import type { ModelInfo } from '../../worker/protocol.ts';
import type { TokenRange } from './subject.ts';

export type CorruptionKind = TraceExperiment['corruption']['kind'];

export interface StreamInput {
  readonly component: string;
  readonly isOn: boolean;
  readonly window: string;
  /** From a file or a link; the page has no control for them. */
  readonly heads?: readonly number[];
}

export interface TraceInputs {
  readonly subject: TokenRange | null;
  /** Text of the token to watch, or its id where it has no text of its own; null for the model's own prediction. */
  readonly answer: string | number | null;
  readonly distractor: string | number | null;
  readonly corruption: CorruptionKind;
  /** Whether the level is a multiple of the subject's standard deviation (σ) or a number. */
  readonly levelUnit: 'sigma' | 'number';
  readonly level: string;
  readonly samples: string;
  readonly seed: string;
  readonly replacement: string;
  readonly direction: TraceExperiment['direction'];
  readonly streams: readonly StreamInput[];
  /** From a file or a link; the page has no control for them. */
  readonly positions: TraceExperiment['positions'];
}

export type InputName = 'prompt' | 'subject' | 'level' | 'samples' | 'seed' | 'replacement' | 'streams';

export type ReadInputs =
  | { readonly ok: true; readonly experiment: TraceExperiment }
  /** What to put right, by control; the first is shown beside the run button. */
  | { readonly ok: false; readonly problems: ReadonlyMap<InputName, string> };

/** The three streams of a published trace, in the order of its panels. */
export const mainStreams = ['block_output', 'mlp_output', 'attention_output'] as const;

/** More cells than this are a long wait and a figure that no screen holds. */
export const mostPositions = 1024;

export function initialInputs(layerCount: number): TraceInputs {
  return {
    subject: null,
    answer: null,
    distractor: null,
    corruption: 'noise',
    levelUnit: 'sigma',
    level: '3',
    samples: '10',
    seed: '1',
    replacement: '',
    direction: 'restore',
    streams: mainStreams.map((component) => ({
      component,
      isOn: true,
      window: String(usualWindow(component, layerCount)),
    })),
    positions: 'all',
  };
}

/** @returns NaN for what is no plain decimal number */
const numberIn = (text: string): number =>
  /^\s*\d*[.,]?\d+\s*$/.test(text) ? Number(text.replace(',', '.')) : Number.NaN;
const wholeIn = (text: string): number => (/^\s*\d+\s*$/.test(text) ? Number(text) : Number.NaN);

function levelProblem(text: string): string | null {
  const level = numberIn(text);
  if (Number.isNaN(level)) return 'The level must be a number, such as 3.';
  return level > 0 ? null : 'A level of 0 corrupts nothing. The usual level is 3 σ.';
}

function samplesProblem(text: string): string | null {
  const samples = wholeIn(text);
  if (Number.isNaN(samples)) return 'Samples must be a whole number, such as 10.';
  if (samples < 1) return 'At least 1 sample is needed. The usual number is 10.';
  return samples > 1000 ? 'At most 1,000 samples can be drawn. The usual number is 10.' : null;
}

function seedProblem(text: string): string | null {
  const seed = wholeIn(text);
  return seed >= 0 && seed < 2 ** 32 ? null : 'The seed must be a whole number from 0 to 4,294,967,295.';
}

function windowProblem({ component, window }: StreamInput): string | null {
  const layers = wholeIn(window);
  return layers >= 1 ? null : `The window of ${component} must be a whole number of layers, at least 1.`;
}

function corruptionOf(inputs: TraceInputs): TraceExperiment['corruption'] {
  switch (inputs.corruption) {
    case 'noise': {
      const level = numberIn(inputs.level);
      return {
        kind: 'noise',
        level: inputs.levelUnit === 'sigma' ? { standardDeviations: level } : level,
        samples: wholeIn(inputs.samples),
        seed: wholeIn(inputs.seed),
      };
    }
    case 'replace':
      return { kind: 'replace', tokens: inputs.replacement };
    default:
      return { kind: inputs.corruption };
  }
}

/** The experiment that the controls describe, or what is wrong with them. */
export function readTraceInputs(
  inputs: TraceInputs,
  prompt: string,
  tokenCount: number,
  model: Pick<ModelInfo, 'label' | 'maxPositions'>,
): ReadInputs {
  const problems = new Map<InputName, string>();
  const note = (name: InputName, problem: string | null) => {
    if (problem !== null && !problems.has(name)) problems.set(name, problem);
  };
  const { subject, corruption, streams } = inputs;
  const on = streams.filter(({ isOn }) => isOn);
  if (prompt.trim() === '') note('prompt', 'Type a prompt to trace.');
  else if (tokenCount > Math.min(model.maxPositions, mostPositions))
    note(
      'prompt',
      `The prompt has ${tokenCount} tokens; a trace here takes at most ${Math.min(model.maxPositions, mostPositions)}.`,
    );
  else if (subject === null) note('subject', 'Mark the subject: drag over its tokens.');
  if (corruption === 'noise') {
    note('level', levelProblem(inputs.level));
    note('samples', samplesProblem(inputs.samples));
    note('seed', seedProblem(inputs.seed));
  }
  if (corruption === 'replace' && inputs.replacement === '')
    note('replacement', 'Type the text that stands in the subject’s place.');
  if (on.length === 0) note('streams', 'Choose at least one stream.');
  for (const stream of on) note('streams', windowProblem(stream));
  if (problems.size > 0 || subject === null) return { ok: false, problems };
  return {
    ok: true,
    experiment: {
      kind: 'trace',
      version: 1,
      model: model.label,
      prompt,
      subject,
      ...(inputs.answer === null ? {} : { answer: inputs.answer }),
      ...(inputs.distractor === null ? {} : { distractor: inputs.distractor }),
      corruption: corruptionOf(inputs),
      direction: inputs.direction,
      streams: on.map(({ component, window, heads }) => ({
        component,
        window: wholeIn(window),
        ...(heads ? { heads } : {}),
      })),
      positions: inputs.positions,
    },
  };
}

/** The controls as an experiment sets them. @param subject its range, where the experiment gives its text */
export function inputsOf(
  experiment: TraceExperiment,
  subject: TokenRange | null,
  layerCount: number,
): TraceInputs {
  const { corruption, streams, answer, distractor, direction, positions } = experiment;
  const initial = initialInputs(layerCount);
  const input = (component: string): StreamInput => {
    const found = streams.find((stream) => stream.component === component);
    if (!found) return { component, isOn: false, window: String(usualWindow(component, layerCount)) };
    const window = String(found.window ?? usualWindow(component, layerCount));
    return { component, isOn: true, window, ...(found.heads ? { heads: found.heads } : {}) };
  };
  const others = streams.map(({ component }) => component);
  const noise = corruption.kind === 'noise' ? corruption : null;
  const level = noise?.level;
  return {
    ...initial,
    subject,
    answer: answer ?? null,
    distractor: distractor ?? null,
    corruption: corruption.kind,
    ...(level === undefined
      ? {}
      : typeof level === 'number'
        ? { levelUnit: 'number', level: String(level) }
        : { levelUnit: 'sigma', level: String(level.standardDeviations) }),
    ...(noise ? { samples: String(noise.samples), seed: String(noise.seed) } : {}),
    ...(corruption.kind === 'replace' && typeof corruption.tokens === 'string'
      ? { replacement: corruption.tokens }
      : {}),
    direction,
    streams: [...new Set([...mainStreams, ...others])].map(input),
    positions,
  };
}

/**
 * Two experiments are one when nothing differs that numbers depend on; a title is no number.
 * @param experiment with every window given
 */
export function experimentKey(experiment: TraceExperiment, subject: TokenRange): string {
  const { model, prompt, answer, distractor, corruption, direction, streams, positions } = experiment;
  const numbers = { model, prompt, subject, answer, distractor, corruption, direction, streams, positions };
  return JSON.stringify(numbers, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
