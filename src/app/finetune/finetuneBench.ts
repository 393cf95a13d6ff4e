// What the page of finetuning keeps beside its document and its runs: the examples in view under the model's tokens, which
// adapter is looked at, and what is said to a prompt with it and without it.

import { createStore, type StoreApi } from 'zustand/vanilla';
import type { DescribedExample, FinetuneExamplesRequest } from '../../experiments/finetune/described.ts';
import type { FinetuneExample } from '../../experiments/finetune/experiment.ts';
import type { TrainedText } from '../../experiments/finetune/spoken.ts';
import type { GivenPrompt } from '../../experiments/givenPrompt.ts';
import { messageOf } from '../../messages/wording.ts';
import type { Engine, ModelInfo, ModelReads } from '../../worker/protocol.ts';
import type { PageState } from '../experiment/session.ts';
import { namedPrompt } from '../prompt/beside.ts';
import { maskText } from '../prompt/mask.ts';
import type { FinetuneTypes } from './page.ts';
import type { RowList } from './rows.ts';

export interface SaidText {
  /** New tokens, as they come. */
  readonly pieces: readonly { readonly id: number; readonly probability: number }[];
  /** What has become certain of their text. */
  readonly text: string;
}

export interface Tried {
  readonly status: 'asking' | 'known' | 'failed';
  readonly prompt: GivenPrompt;
  /** Of the model that was asked, which may have gone since: what it reads, and the mask that it fills. */
  readonly reads: ModelReads | null;
  readonly mask: string | null;
  /** Of the adapter. */
  readonly name: string;
  /** What was trained, as the result holds it: beside another result the answers are not shown. */
  readonly of: object;
  readonly before: SaidText;
  readonly after: SaidText;
  readonly message: string | null;
}

export interface BenchState {
  /** Of the document: whose positions are marked. */
  readonly marked: number;
  /** Of the result; null for the one that is trained, or the best. */
  readonly looked: number | null;
  readonly list: RowList;
  /** The first row in view. */
  readonly from: number;
  /** By `exampleKey`, under the model and the adapters that stand there: those in view, and some of those before. */
  readonly described: ReadonlyMap<string, DescribedExample>;
  /** Why the examples could not be read. */
  readonly refusal: string | null;
  readonly tried: Tried | null;
}

export type TrainedAdapter = Pick<Tried, 'name' | 'of'> & { readonly adapter: TrainedText };

export interface FinetuneBench {
  readonly store: Pick<StoreApi<BenchState>, 'getState' | 'getInitialState' | 'subscribe'>;
  readonly set: (change: Partial<Pick<BenchState, 'marked' | 'looked' | 'list' | 'from'>>) => void;
  /** Ask what the rows in view are; what is known already is not asked again. */
  describe(request: FinetuneExamplesRequest, model: ModelInfo): void;
  /** Go on after a prompt with an adapter and without it, fill its mask, or name its class. */
  attempt(prompt: GivenPrompt, trained: TrainedAdapter, maxNewTokens: number): Promise<void>;
  stopAttempt(): void;
}

/** Tells examples apart, without the bytes of their files. */
export const exampleKey = ({ prompt, continuation }: FinetuneExample): string =>
  JSON.stringify([namedPrompt(prompt), continuation]);

const pauseMs = 150;
/** What was typed on the way to an example is one as well: of those that are in view no longer the latest are kept. */
export const mostBeside = 128;

/** The latest of what is known, and of all that is in view each. */
function bounded(
  known: ReadonlyMap<string, DescribedExample>,
  inView: ReadonlySet<string>,
): ReadonlyMap<string, DescribedExample> {
  const others = [...known.keys()].filter((key) => !inView.has(key));
  const gone = new Set(others.slice(0, Math.max(0, others.length - mostBeside)));
  return gone.size === 0 ? known : new Map([...known].filter(([key]) => !gone.has(key)));
}

const nothing: SaidText = { pieces: [], text: '' };

/** What it follows of the page: which document is opened, and which model is in use. */
interface FollowedPage {
  readonly store: Pick<
    StoreApi<Pick<PageState<FinetuneTypes>, 'opened' | 'world'>>,
    'getState' | 'subscribe'
  >;
}

export function createFinetuneBench(
  engine: Pick<Engine, 'finetuneExamples' | 'finetuneFill' | 'generate'>,
  page: FollowedPage,
): FinetuneBench {
  const store = createStore<BenchState>(() => ({
    marked: 0,
    looked: null,
    list: 'data',
    from: 0,
    described: new Map(),
    refusal: null,
    tried: null,
  }));
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** Counts documents: what is still asked for one belongs to no other, also where model and adapters are the same. */
  let opening = 0;
  /** Of the document, the model and the adapters that what is described belongs to. */
  let context = '';
  /** What is described belongs to another context. */
  let isStale = false;
  /** What was asked for last, by `exampleKey`. */
  let inView: ReadonlySet<string> = new Set();
  let stop = new AbortController();

  async function ask({ adapters, examples }: FinetuneExamplesRequest, own: string): Promise<void> {
    try {
      const found = await engine.finetuneExamples({ adapters, examples });
      if (own !== context) return;
      // What belongs to another model, or to other adapters, goes when what takes its place is there.
      const described = new Map(isStale ? [] : store.getState().described);
      isStale = false;
      examples.forEach((example, at) => {
        const each = found[at];
        if (each) described.set(exampleKey(example), each);
      });
      store.setState({ described: bounded(described, inView), refusal: null });
    } catch (cause) {
      if (own === context) store.setState({ described: new Map(), refusal: messageOf(cause) });
    }
  }

  // Another document: its rows begin at the first.
  page.store.subscribe(({ opened }, before) => {
    if (opened === null || opened.experiment === before.opened?.experiment) return;
    stop.abort();
    // What comes late of it belongs to nothing that is shown.
    stop = new AbortController();
    clearTimeout(timer);
    opening += 1;
    context = '';
    const described = new Map<string, DescribedExample>();
    store.setState({
      list: 'data',
      from: 0,
      marked: 0,
      looked: null,
      tried: null,
      described,
      refusal: null,
    });
  });

  return {
    store,
    set: (change) => store.setState(change),
    describe: ({ adapters, examples }, model) => {
      const own = JSON.stringify([opening, model.fingerprint ?? model.label, adapters]);
      isStale ||= own !== context;
      context = own;
      inView = new Set(examples.map(exampleKey));
      const { described } = store.getState();
      const missing = examples.filter((example) => isStale || !described.has(exampleKey(example)));
      clearTimeout(timer);
      if (missing.length === 0) return;
      timer = setTimeout(() => void ask({ adapters, examples: missing }, own), pauseMs);
    },
    attempt: async (prompt, { name, of, adapter }, maxNewTokens) => {
      const { model } = page.store.getState().world;
      const asked = { prompt, reads: model?.reads ?? null, mask: maskText(model) };
      const isOneWord = asked.mask !== null || asked.reads?.isAlone === true;
      stop.abort();
      const own = new AbortController();
      stop = own;
      const said = [nothing, nothing];
      const show = (status: Tried['status'], message: string | null = null) => {
        if (stop !== own) return;
        const [before = nothing, after = nothing] = said;
        store.setState({ tried: { ...asked, status, name, of, before, after, message } });
      };
      const add = (at: number, text: string, piece?: SaidText['pieces'][number]) => {
        const known = said[at] ?? nothing;
        said[at] = { text: known.text + text, pieces: piece ? [...known.pieces, piece] : known.pieces };
      };
      show('asking');
      try {
        if (isOneWord) {
          const filled = await engine.finetuneFill({ prompt, adapter }, { signal: own.signal });
          for (const [at, { id, text, probability }] of [filled.before, filled.after].entries())
            add(at, text, { id, probability });
          return show('known');
        }
        const given = { kind: 'given', given: prompt } as const;
        await engine.generate(
          {
            texts: [{ prompt: given }, { prompt: given, adapter }],
            maxNewTokens,
            sampling: { temperature: 0 },
          },
          {
            signal: own.signal,
            onPart: (part) => {
              if (part.kind === 'started') return;
              for (const { text, id, logProbability, shown } of part.pieces)
                add(text, shown, { id, probability: Math.exp(logProbability) });
              for (const { text, shown } of part.ended) add(text, shown);
              show('asking');
            },
          },
        );
        show('known');
      } catch (cause) {
        show(own.signal.aborted ? 'known' : 'failed', own.signal.aborted ? 'Stopped.' : messageOf(cause));
      }
    },
    stopAttempt: () => stop.abort(),
  };
}
