// What is opened from outside: links and files. Says what could not be opened, and why.

import { createStore, type StoreApi } from 'zustand/vanilla';
import { ExperimentError } from '../../experiments/experimentFile.ts';
import { messageOf } from '../../messages/wording.ts';
import type { PageStore } from '../frame/pageStore.ts';
import type { AnyPage } from './experimentPage.ts';

export interface OpeningState {
  /** Null when there is nothing to say. */
  readonly refusal: { readonly what: 'link' | 'file'; readonly message: string } | null;
  readonly refuse: (what: 'link' | 'file', message: string) => void;
  readonly dismiss: () => void;
  /**
   * Open an experiment or a result on the page of its kind.
   * @param value what JSON.parse gives
   * @throws ExperimentError in a sentence: what it is, and what would be right
   */
  readonly openValue: (value: unknown) => Promise<void>;
  /** Open what a file that is no model's holds: an experiment, a result, or a table for the page in view. */
  readonly openFile: (file: File) => Promise<void>;
}

export type OpeningStore = StoreApi<OpeningState>;

/** A result of a thousand samples in every cell is smaller. */
const largestBytes = 256e6;

/** Whether a file that was chosen or dropped alone is to be opened as an experiment or a result, not as a model. */
export const isExperimentFile = (files: readonly { readonly name: string }[]): boolean => {
  const [{ name } = { name: '' }] = files;
  return files.length === 1 && (tableName.test(name) || (/\.json$/i.test(name) && !modelJson.test(name)));
};

const tableName = /\.(csv|tsv)$/i;

/** What lies beside the weights of a model under this ending. */
const modelJson =
  /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|preprocessor_config|.*\.index)\.json$/i;

export function createOpeningStore(pages: readonly AnyPage[], place: PageStore): OpeningStore {
  /** @throws ExperimentError in a sentence: what it is, and what would be right */
  async function open(value: unknown): Promise<void> {
    const kind = typeof value === 'object' && value !== null ? Reflect.get(value, 'kind') : undefined;
    const isResult = typeof kind === 'string' && kind.endsWith('-result');
    // The registry reads every kind, and says of what it cannot read what is wrong with it. It comes with the first file.
    const { readExperiment, readResult } = await import('../../experiments/registry.ts');
    const read = isResult ? await readResult(value) : await readExperiment(value);
    const name = 'experiment' in read ? read.experiment.kind : read.kind;
    const page = pages.find((each) => each.name === name);
    if (page === undefined)
      throw new ExperimentError(
        `It is of kind '${name}', which has no page here. Run it from the command line: patchbay run FILE.json --out DIR.`,
      );
    await page.load?.();
    if (isResult) page.openResult(value);
    else page.openExperiment(value);
    place.getState().go(page.name);
  }

  /** @throws ExperimentError where the page in view takes none, or of what is wrong in it */
  async function openTable(text: string): Promise<void> {
    const inView = pages.find(({ name }) => name === place.getState().place);
    if (inView === undefined)
      throw new ExperimentError(
        'A table of pairs goes to the page in view, and this one takes none. Drop it on Patch, Sweep, Paths or Attribution.',
      );
    await inView.load?.();
    const { readPairs } = await import('../../experiments/patch/table.ts');
    inView.openTable((options) => readPairs(text, options));
  }

  return createStore<OpeningState>((set) => ({
    refusal: null,
    refuse: (what, message) => set({ refusal: { what, message } }),
    dismiss: () => set({ refusal: null }),
    openValue: open,
    openFile: async (file) => {
      set({ refusal: null });
      try {
        if (file.size > largestBytes)
          throw new ExperimentError(
            `'${file.name}' has ${Math.round(file.size / 1e6)} MB; a result has at most ${largestBytes / 1e6}.`,
          );
        const text = await file.text();
        if (tableName.test(file.name)) await openTable(text);
        else await open(parsed(text, file.name));
      } catch (cause) {
        set({ refusal: { what: 'file', message: messageOf(cause) } });
      }
    },
  }));
}

/** @throws ExperimentError for what is not complete JSON */
function parsed(text: string, name: string): unknown {
  try {
    // A byte order mark is no part of JSON, and some editors write one.
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch {
    throw new ExperimentError(
      `'${name}' is not complete JSON: a part of it is missing or changed. Save it again where it was made.`,
    );
  }
}
