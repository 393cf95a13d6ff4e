// The kinds of experiment there are. Each is loaded when it is first needed, so that a page that shows one of them does
// not bring the others. A new kind is a folder, and a line here.

import { didYouMean } from '../messages/nearest.ts';
import { quoted } from '../messages/wording.ts';
import { ExperimentError } from './experimentFile.ts';
import type { AnyExperiment, AnyResult, ExperimentKind } from './kind.ts';

export type KindLoaders = Readonly<Record<string, () => Promise<ExperimentKind>>>;

export interface Registry {
  readonly names: readonly string[];
  /** @throws ExperimentError for a name that no kind has */
  kindOf(name: string): Promise<ExperimentKind>;
  /**
   * @param value what JSON.parse gave
   * @throws ExperimentError for an unknown kind, a result in an experiment's place, a newer version, or the first thing that is wrong
   */
  readExperiment(value: unknown): Promise<AnyExperiment>;
  /** @throws ExperimentError likewise, and for a result of one kind under another's name */
  readResult(value: unknown): Promise<AnyResult>;
}

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;

/** @param loaders by the name of the kind */
export function registryOf(loaders: KindLoaders): Registry {
  const names = Object.keys(loaders);
  const known = `Known: ${names.join(', ')}.`;

  async function kindOf(name: string): Promise<ExperimentKind> {
    const load = Object.hasOwn(loaders, name) ? loaders[name] : undefined;
    if (load) return load();
    throw new ExperimentError(
      `There is no experiment of kind ${quoted(name)}. ${didYouMean(name, names)} ${known}`,
    );
  }

  return {
    names,
    kindOf,
    async readExperiment(value) {
      const kind = fieldOf(value, 'kind');
      if (typeof kind !== 'string')
        throw new ExperimentError(
          `This is not an experiment of Patchbay: its "kind" must be one of ${names.join(', ')}.`,
        );
      const within = fieldOf(fieldOf(value, 'experiment'), 'kind');
      if (typeof within === 'string' && !Object.hasOwn(loaders, kind))
        throw new ExperimentError(
          `This is a result (${quoted(kind)}), not an experiment. The experiment is what stands under its "experiment".`,
        );
      return (await kindOf(kind)).read(value);
    },
    async readResult(value) {
      const kind = fieldOf(value, 'kind');
      const within = fieldOf(fieldOf(value, 'experiment'), 'kind');
      if (typeof kind === 'string' && Object.hasOwn(loaders, kind) && within === undefined)
        throw new ExperimentError(
          `This is an experiment (${quoted(kind)}), not a result. Run it first: patchbay run FILE.json --out DIR.`,
        );
      if (typeof kind !== 'string' || typeof within !== 'string')
        throw new ExperimentError(
          'This is not a result of Patchbay: it needs a "kind", and the experiment that it belongs to under "experiment".',
        );
      const found = await kindOf(within);
      if (kind !== found.resultName)
        throw new ExperimentError(
          `This result calls itself ${quoted(kind)}, but its experiment is of kind '${within}', whose results are '${found.resultName}'. The file was put together from two; take the one that was written by the run.`,
        );
      return found.readResult(value);
    },
  };
}

/** The kinds of this program. */
export const {
  names: kindNames,
  kindOf,
  readExperiment,
  readResult,
} = registryOf({
  trace: async () => (await import('./trace/kind.ts')).traceKind,
  patch: async () => (await import('./patch/kind.ts')).patchKind,
  path: async () => (await import('./patch/kind.ts')).pathKind,
  attribute: async () => (await import('./attribute/kind.ts')).attributeKind,
  align: async () => (await import('./align/kind.ts')).alignKind,
  finetune: async () => (await import('./finetune/kind.ts')).finetuneKind,
  steer: async () => (await import('./steer/kind.ts')).steerKind,
  tensors: async () => (await import('./tensors/kind.ts')).tensorsKind,
  intervene: async () => (await import('./intervene/kind.ts')).interveneKind,
});
