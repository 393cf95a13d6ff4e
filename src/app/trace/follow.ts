// What the trace does when the prompt or the model changes under it: the subject is guessed or found again, windows fit the
// depth of the model, and an experiment that was opened runs as soon as it can.

import { followedRange, promptOfTokens, rangeOfText } from '../../experiments/promptText.ts';
import { usualWindow } from '../../experiments/trace/cells.ts';
import type { ModelInfo, TokenInfo } from '../../worker/protocol.ts';
import type { ModelStore } from '../model/modelStore.ts';
import { isCurrent, type PromptStore } from '../prompt/promptStore.ts';
import { isShownCurrent, type TraceStore } from '../stores/trace.ts';
import type { StreamInput } from './inputs.ts';
import { guessSubject, type TokenRange } from './subject.ts';

/** Windows that were the usual ones in a model of `before` layers become the usual ones of `after`. */
export function refitWindows(
  streams: readonly StreamInput[],
  before: number,
  after: number,
): readonly StreamInput[] {
  return streams.map((stream) =>
    stream.window === String(usualWindow(stream.component, before))
      ? { ...stream, window: String(usualWindow(stream.component, after)) }
      : stream,
  );
}

function subjectFor(
  trace: ReturnType<TraceStore['getState']>,
  text: string,
  tokens: readonly TokenInfo[],
  before: readonly TokenInfo[] | null,
): Pick<ReturnType<TraceStore['getState']>, 'isSubjectGuessed'> & { readonly subject: TokenRange | null } {
  const { pending, inputs, isSubjectGuessed } = trace;
  const named = pending?.experiment.subject;
  const prompt = promptOfTokens(tokens, text);
  if (typeof named === 'string') {
    const found = rangeOfText(named, prompt);
    if (found) return { subject: found, isSubjectGuessed: false };
  }
  if (pending && typeof named === 'object' && named[1] <= tokens.length)
    return { subject: named, isSubjectGuessed: false };
  if (!isSubjectGuessed && inputs.subject) {
    // Before the first tokens of a model the subject lies among those of the stored result.
    const among = before ?? trace.shown?.result.tokens.map((token) => ({ ...token, isSpecial: false }));
    const followed = among && followedRange(inputs.subject, promptOfTokens(among), prompt);
    if (followed) return { subject: followed, isSubjectGuessed };
  }
  return { subject: guessSubject(tokens), isSubjectGuessed: true };
}

export function followChanges(trace: TraceStore, prompt: PromptStore, model: ModelStore): void {
  let lastTokens: readonly TokenInfo[] | null = null;
  let lastModel: ModelInfo | null = null;

  function settle(): void {
    const { text, tokens } = prompt.getState();
    const { info } = model.getState();
    if (info !== lastModel) {
      const { inputs, cancel } = trace.getState();
      cancel();
      if (info !== null && lastModel !== null) {
        const streams = refitWindows(inputs.streams, lastModel.layerCount, info.layerCount);
        trace.setState({ inputs: { ...inputs, streams } });
      }
      lastModel = info;
    }
    if (tokens === null || !isCurrent(tokens, text, info)) return;
    if (tokens.value !== lastTokens) {
      const { subject, isSubjectGuessed } = subjectFor(trace.getState(), text, tokens.value, lastTokens);
      lastTokens = tokens.value;
      trace.setState({ inputs: { ...trace.getState().inputs, subject }, isSubjectGuessed });
    }
    runPending();
  }

  function runPending(): void {
    const { pending, draft, shown, runOpened, run } = trace.getState();
    const { info } = model.getState();
    if (pending === null || pending.runs === 'not' || info?.label !== pending.experiment.model) return;
    // The prediction comes first: a person sees it before the figure, and it is quick.
    if (prompt.getState().run.status === 'running' || draft().key === null || run.status === 'running')
      return;
    if (pending.runs === 'openly' && isShownCurrent(shown, draft()) && shown?.origin === 'run') {
      trace.setState({ pending: null });
    } else void runOpened(pending.runs === 'quietly' && isShownCurrent(shown, draft()));
  }

  prompt.subscribe((state, before) => {
    if (state.text !== before.text) {
      const { pending, run, cancel } = trace.getState();
      // What was opened is no longer what stands there.
      if (pending !== null && pending.experiment.prompt !== state.text) trace.setState({ pending: null });
      if (run.status === 'running' && !run.isAsked) cancel();
    }
    settle();
  });
  model.subscribe(settle);
  trace.subscribe((state, before) => {
    if (state.pending !== before.pending && state.pending !== null) settle();
  });
}
