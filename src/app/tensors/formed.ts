// What the fields of the Tensors page stand for in an experiment, and back: plain functions of the experiment.

import type { Given, GivenInputs, TensorsExperiment, Watched } from '../../experiments/tensors/experiment.ts';
import type { ImportedStructure } from '../../imported/describe.ts';
import type { ModelInfo } from '../../worker/protocol.ts';

/** Components that say most, where a model has them. */
const usualSites = ['block_output', 'attention_output', 'mlp_output'];

/** What stands in the form before anything was changed: nothing is given yet, and the layers' outputs are swept. */
export function begunExperiment({ label, imported }: ModelInfo): TensorsExperiment {
  const known = new Set(imported?.stacks.flatMap(({ components }) => components.map(({ name }) => name)));
  const sites = usualSites.filter((name) => known.has(name));
  const chain = (imported?.chain.length ?? 0) > 0 ? ['chain'] : [];
  const first = imported?.tensors[0]?.name ?? '';
  const chosen = sites.length > 0 ? sites : chain.length > 0 ? chain : [first];
  return {
    kind: 'tensors',
    version: 1,
    model: label,
    clean: {},
    corrupted: {},
    watched: { kind: 'squared' },
    sites: chosen.map((site) => ({ site })),
    by: 'position',
    patches: [8, 8],
  };
}

/** What is typed for an input: text, or numbers where it begins like a list of them. */
export function givenTyped(text: string): { readonly given?: Given; readonly problem?: string } {
  if (text.trim() === '') return {};
  if (!text.trim().startsWith('[')) return { given: { text } };
  try {
    return { given: { numbers: JSON.parse(text) } };
  } catch {
    return { problem: 'What begins with [ is read as a list of numbers, and this is none.' };
  }
}

/** What stands in the field of an input that was typed; undefined where a file was chosen. */
export function typedOf(given: Given | undefined): string | undefined {
  if (!given) return '';
  if (given.text !== undefined) return given.text;
  return given.numbers === undefined ? undefined : JSON.stringify(given.numbers);
}

/** What an input holds, in a few words. */
export function givenWords({ name, file, shape, dtype, picture }: Given): string {
  if (picture !== undefined) return `the picture ${name ?? ''}`.trim();
  if (file !== undefined) return `${file}, which the experiment does not hold`;
  return `${name ?? 'numbers'}, ${dtype ?? ''} [${(shape ?? []).join(', ')}]`;
}

export function withGiven(
  inputs: GivenInputs | undefined,
  input: string,
  given: Given | undefined,
): GivenInputs {
  const { [input]: _, ...others } = inputs ?? {};
  return given ? { ...others, [input]: given } : others;
}

export type Contrast = 'corrupted' | 'noise' | 'ablation';

export const contrastOf = ({ noise, ablation }: TensorsExperiment): Contrast =>
  noise ? 'noise' : ablation ? 'ablation' : 'corrupted';

/** The tensor that noise is usually added to: an input of numbers, else the first tensor that is computed of tokens. */
const usualNoise = ({ inputs, tensors }: ImportedStructure): string =>
  inputs.find(({ use, dtype }) => (use === 'picture' || use === 'numbers') && dtype === 'float32')?.name ??
  tensors.find(({ dtype }) => dtype === 'float32')?.name ??
  '';

export function withContrast(
  { corrupted, noise, ablation, direction, ...rest }: TensorsExperiment,
  contrast: Contrast,
  structure: ImportedStructure | undefined,
): TensorsExperiment {
  const ways = direction === undefined ? {} : { direction };
  if (contrast === 'corrupted') return { ...rest, ...ways, corrupted: corrupted ?? {} };
  // An ablation restores nothing.
  if (contrast === 'ablation') return { ...rest, ablation: ablation ?? { value: 0 } };
  const tensor = noise?.tensor ?? (structure ? usualNoise(structure) : '');
  const usual = { tensor, level: { standardDeviations: 3 }, samples: 4, seed: 1 };
  return { ...rest, ...ways, noise: noise ?? usual };
}

/** A measure of another kind, with what it has in common with the one before. */
export function withMeasure(watched: Watched, kind: Watched['kind']): Watched {
  const { output } = watched;
  const at = 'at' in watched ? watched.at : undefined;
  const entry = 'entry' in watched ? watched.entry : undefined;
  const common = { ...(output === undefined ? {} : { output }), ...(at === undefined ? {} : { at }) };
  const own = entry === undefined ? {} : { entry };
  switch (kind) {
    case 'entry':
    case 'probability':
      return { kind, ...common, ...own };
    case 'difference':
      return { kind, ...common, ...own, minus: 'minus' in watched ? watched.minus : 0 };
    case 'cosine':
    case 'distance':
    case 'squared':
      return { kind, ...common };
    case 'scalar':
      return { kind, ...(output === undefined ? {} : { output }) };
    default:
      return kind satisfies never;
  }
}

export const measures: readonly (readonly [Watched['kind'], string])[] = [
  ['squared', 'Mean squared difference to the clean run'],
  ['cosine', 'Cosine with the clean run'],
  ['distance', 'Distance from the clean run'],
  ['entry', 'An entry of the output'],
  ['probability', 'Probability of an entry'],
  ['difference', 'One entry minus another'],
  ['scalar', 'The output, one number'],
];

/** An entry as it is typed: a number, a label, or nothing for the largest. */
export function entryTyped(text: string): number | string | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  return /^\d+$/.test(trimmed) ? Number(trimmed) : trimmed;
}

/** A place as it is typed: `mean`, `0`, `2, -1`, or nothing. */
export function atTyped(text: string): {
  readonly at?: 'mean' | readonly number[];
  readonly problem?: string;
} {
  const trimmed = text.trim();
  if (trimmed === '') return {};
  if (trimmed === 'mean') return { at: 'mean' };
  const places = trimmed.split(/[\s,]+/).map(Number);
  return places.every(Number.isInteger)
    ? { at: places }
    : { problem: "A place is a whole number, several for several axes, or 'mean'." };
}

export const atText = (watched: Watched): string => {
  const at = 'at' in watched ? watched.at : undefined;
  return at === undefined ? '' : at === 'mean' ? 'mean' : at.join(', ');
};

/** A file's bytes in an experiment that are too many for a link. */
const linkLimit = 6000;

/** An input as a link holds it: a large one by the name of its file alone, which whoever opens the link gives again. */
function briefGiven(given: Given): Given {
  const bytes = given.base64 ?? given.picture;
  if (bytes === undefined || bytes.length <= linkLimit) return given;
  const { preprocessor } = given;
  return { file: given.name ?? 'numbers', ...(preprocessor ? { preprocessor } : {}) };
}

export function briefInputs(inputs: GivenInputs): GivenInputs {
  return Object.fromEntries(Object.entries(inputs).map(([name, given]) => [name, briefGiven(given)]));
}
