// What a model that reads more than a text makes of a document's prompts: the tokens of a source and of what has been written,
// and what comes next. Each prompt is asked for by itself, as an intervention that changes nothing; another text, picture or
// model takes the place of a question that is not answered yet.

import { createStore, type StoreApi } from 'zustand/vanilla';
import { keyOfGiven } from '../../experiments/givenFile.ts';
import { withGivenPromptFiles } from '../../experiments/givenPrompt.ts';
import { readInterveneExperiment } from '../../experiments/intervene/experiment.ts';
import type { InterveneResult } from '../../experiments/intervene/result.ts';
import { messageOf } from '../../messages/wording.ts';
import type { Engine, ModelInfo, Prediction, TokenInfo } from '../../worker/protocol.ts';
import { hasTarget } from '../prompt/hasTarget.ts';
import { givenAt, missingAt } from './beside.ts';
import type { PatchDocument } from './document.ts';

export interface WholeReading {
  /** Of the prompt and the model. */
  readonly key: string;
  /** Of the text: those of a source, or of what has been written; empty where a picture is read alone. */
  readonly tokens: readonly TokenInfo[] | null;
  /** Of what has been written, where the text is a source. */
  readonly written: readonly TokenInfo[] | null;
  readonly prediction: Prediction | null;
  /** Why it could not be read. */
  readonly message: string | null;
}

/** Of a model what names it and says what it reads beside a text. */
export type ReadingModel = Pick<ModelInfo, 'label' | 'fingerprint' | 'reads'>;

/** Of the engine what runs a prompt as it is, and names its tokens. */
export interface Reader extends Pick<Engine, 'describeTokens'> {
  intervene(
    ...call: Parameters<Engine['intervene']>
  ): Promise<Pick<InterveneResult, 'base' | 'read' | 'before'>>;
}

export interface WholeReadings
  extends Pick<StoreApi<readonly (WholeReading | null)[]>, 'getState' | 'subscribe'> {
  /** Read the prompts of a document from now on; nothing where the model reads one text. */
  follow(document: PatchDocument, model: ReadingModel | null): void;
}

/** How long a prompt must rest before the model runs. */
const restMs = 240;
/** Readings for the way back. */
const keptReadings = 24;

/** Names what makes numbers of a prompt: the weights, and how a picture or a sound comes to be read. */
export const readerKey = ({ label, fingerprint, reads }: ReadingModel): string =>
  JSON.stringify([label, fingerprint ?? null, reads ?? null]);

/** Names what is read, with short names in place of bytes. */
export const promptKey = (document: PatchDocument, place: number, model: ReadingModel): string =>
  JSON.stringify([
    readerKey(model),
    withGivenPromptFiles(givenAt(document, place, model.reads ?? null), keyOfGiven),
  ]);

const infosOf = (
  tokens: InterveneResult['base'],
  known: ReadonlyMap<number, TokenInfo>,
): readonly TokenInfo[] => tokens.map(({ id, text }) => known.get(id) ?? { id, text, isSpecial: false });

async function readWhole(
  engine: Reader,
  document: PatchDocument,
  place: number,
  { label, reads = null }: Pick<ModelInfo, 'label'> & { readonly reads?: ModelInfo['reads'] | null },
  signal: AbortSignal,
): Promise<Omit<WholeReading, 'key'>> {
  const started = performance.now();
  const experiment = readInterveneExperiment({
    kind: 'intervene',
    version: 1,
    model: label,
    base: givenAt(document, place, reads),
    distractor: null,
  });
  const { base, read, before } = await engine.intervene(experiment, { signal, isWhole: false });
  const ids = [...new Set([...base, ...(read?.base ?? [])].map(({ id }) => id))];
  const known = new Map((await engine.describeTokens(ids)).map((token) => [token.id, token]));
  const tokens = infosOf(hasTarget(reads) ? (read?.base ?? []) : base, known);
  return {
    tokens,
    written: hasTarget(reads) ? infosOf(base, known) : null,
    prediction: {
      tokens,
      candidates: before.map((candidate) => ({ ...candidate, isSpecial: false })),
      elapsedMs: performance.now() - started,
    },
    message: null,
  };
}

export function createWholeReadings(engine: Reader): WholeReadings {
  const store = createStore<readonly (WholeReading | null)[]>(() => []);
  /** By place: a source may be asked for before there is a base. */
  const asked = new Map<number, { readonly key: string; readonly controller: AbortController }>();
  const kept = new Map<string, WholeReading>();
  const set = (place: number, reading: WholeReading) =>
    store.setState(
      store.getState().map((own, each) => (each === place ? reading : own)),
      true,
    );

  function drop(place: number): void {
    asked.get(place)?.controller.abort();
    asked.delete(place);
  }

  async function ask(
    document: PatchDocument,
    place: number,
    model: ReadingModel,
    key: string,
  ): Promise<void> {
    drop(place);
    const controller = new AbortController();
    asked.set(place, { key, controller });
    const { signal } = controller;
    try {
      await new Promise((resolve) => setTimeout(resolve, restMs));
      if (signal.aborted) return;
      const reading = { key, ...(await readWhole(engine, document, place, model, signal)) };
      kept.set(key, reading);
      for (const old of [...kept.keys()].slice(0, Math.max(0, kept.size - keptReadings))) kept.delete(old);
      if (!signal.aborted) set(place, reading);
    } catch (cause) {
      if (!signal.aborted)
        set(place, { key, tokens: null, written: null, prediction: null, message: messageOf(cause) });
    }
  }

  return {
    ...store,
    follow: (document, model) => {
      const reads = model?.reads;
      const count = model && reads ? 1 + document.sources.length : 0;
      for (const place of [...asked.keys()]) if (place >= count) drop(place);
      const before = store.getState();
      const wanted: { readonly place: number; readonly key: string }[] = [];
      const next = Array.from({ length: count }, (_, place): WholeReading | null => {
        if (!model || missingAt(document, place, reads) !== null) {
          drop(place);
          return null;
        }
        const key = promptKey(document, place, model);
        const own = before[place];
        if (own?.key === key) return own;
        const found = kept.get(key);
        if (found) {
          // What is on its way is of another prompt, and would take this one's place.
          drop(place);
          return found;
        }
        if (asked.get(place)?.key !== key) wanted.push({ place, key });
        return null;
      });
      if (next.length !== before.length || next.some((own, place) => own !== before[place]))
        store.setState(next, true);
      for (const { place, key } of wanted) if (model) void ask(document, place, model, key);
    },
  };
}
