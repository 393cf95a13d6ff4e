// Names and ways of a person's own in an experiment, as the page changes them: plain functions of the experiment and of what the
// model is made of.

import type { TensorsExperiment } from '../../experiments/tensors/experiment.ts';
import { layerMark, ownOf, ownTensors } from '../../experiments/tensors/ownNames.ts';
import type { FoundChain, ImportedStructure, TensorRow } from '../../imported/describe.ts';
import { didYouMean } from '../../messages/nearest.ts';

type Own = string | readonly string[];

const known = new WeakMap<ImportedStructure, ReadonlySet<string>>();

/** All that a name may stand for. */
function tensorsIn(structure: ImportedStructure): ReadonlySet<string> {
  const names =
    known.get(structure) ?? new Set([...structure.tensors.map(({ name }) => name), ...structure.aliases]);
  known.set(structure, names);
  return names;
}

const componentsIn = ({ stacks }: ImportedStructure) => stacks.flatMap(({ components }) => components);

const ownIn = ({ names = {} }: TensorsExperiment, name: string): Own | undefined =>
  Object.hasOwn(names, name) ? names[name] : undefined;

/** `block_output` of `block_output:3`. */
export const withoutLayer = (site: string): string => site.replace(/:\d+$/, '');

/**
 * The tensors that a name stands for: of a component one a layer, of all layers also where the name is of one of them; of a
 * tensor itself; none for a name that stands for nothing.
 */
export function tensorsOf(
  experiment: TensorsExperiment,
  structure: ImportedStructure,
  name: string,
): readonly string[] {
  const exists = (each: string) => tensorsIn(structure).has(each);
  const own = ownIn(experiment, name);
  if (own !== undefined) return ownTensors(own, exists);
  if (name === 'chain') return chainIn(experiment, structure)?.tensors ?? [];
  const found = componentsIn(structure).find((each) => each.name === name);
  if (found) return found.tensors;
  if (exists(name)) return [name];
  return withoutLayer(name) === name ? [] : tensorsOf(experiment, structure, withoutLayer(name));
}

/** What the structure says of the tensors of a name: of the last layer, since the first may begin at an input. */
export function rowOf(
  experiment: TensorsExperiment,
  structure: ImportedStructure,
  name: string,
): TensorRow | undefined {
  const last = tensorsOf(experiment, structure, name).at(-1);
  return structure.tensors.find((row) => row.name === last);
}

/** What is wrong with a name that somebody gives; undefined where nothing is. @param instead the name that goes for it */
export function nameProblem(
  experiment: TensorsExperiment,
  structure: ImportedStructure,
  name: string,
  instead?: string,
): string | undefined {
  if (name === '') return 'Type a name.';
  if (name === 'chain') return "'chain' stands for the tensors that the model is cut at. Take another name.";
  if (/:\d+$/.test(name)) return 'A colon and a number stand for a layer. Take a name without them.';
  if (name.includes(layerMark)) return `${layerMark} stands in tensors' names. Take a name without it.`;
  if (tensorsIn(structure).has(name)) return `'${name}' is a tensor's own name. Take another.`;
  if (name !== instead && ownIn(experiment, name) !== undefined)
    return `'${name}' stands for other tensors already. Take another name, or remove that one.`;
  return undefined;
}

/** What is wrong with calling a component otherwise; those that were found keep their names for what they are. */
export function renameProblem(
  experiment: TensorsExperiment,
  structure: ImportedStructure,
  from: string,
  to: string,
): string | undefined {
  if (to === from) return 'That is its name.';
  const isFound = componentsIn(structure).some(({ name }) => name === to);
  return isFound && ownIn(experiment, from) === undefined
    ? `The model has '${to}' in its layers. To say that these are it, name their tensors under "Names of your own".`
    : nameProblem(experiment, structure, to, from);
}

/** The experiment where a site by one name is one by another; a site that would be there twice is there once. */
function withSites(
  experiment: TensorsExperiment,
  siteOf: (site: string) => string | undefined,
): TensorsExperiment {
  const seen = new Set<string>();
  const sites = experiment.sites.flatMap((each) => {
    const site = siteOf(each.site);
    if (site === undefined || seen.has(site)) return [];
    seen.add(site);
    return [{ ...each, site }];
  });
  // One site there must be; what is wrong with it is said where it stands.
  return sites.length === 0 ? experiment : { ...experiment, sites };
}

/** The name of a site with the layer that it may be of. */
const movedSite = (site: string, from: string, to: string): string =>
  site === from ? to : withoutLayer(site) === from ? `${to}${site.slice(from.length)}` : site;

function withNames(experiment: TensorsExperiment, names: Readonly<Record<string, Own>>): TensorsExperiment {
  const { names: _, ...rest } = experiment;
  return Object.keys(names).length === 0 ? rest : { ...rest, names };
}

/** A component of all layers, or a tensor, under another name; sites go along. */
export function renamed(
  experiment: TensorsExperiment,
  structure: ImportedStructure,
  from: string,
  to: string,
): TensorsExperiment {
  const exists = (each: string) => tensorsIn(structure).has(each);
  const own = ownIn(experiment, from) ?? ownOf(tensorsOf(experiment, structure, from), exists);
  const entries = Object.entries(experiment.names ?? {}).filter(([name]) => name !== from);
  const next = withNames(experiment, Object.fromEntries([...entries, [to, own]]));
  return withSites(next, (site) => movedSite(site, from, to));
}

/** Without a name of one's own; its sites are what was found there before, where that is anything. */
export function withoutName(
  experiment: TensorsExperiment,
  structure: ImportedStructure,
  name: string,
): TensorsExperiment {
  const tensors = tensorsOf(experiment, structure, name);
  const { [name]: _, ...rest } = experiment.names ?? {};
  const next = withNames(experiment, rest);
  const components = componentsIn(structure);
  const found =
    components.find((each) => each.name === name) ??
    components.find((each) => each.tensors.join('\n') === tensors.join('\n'));
  const back = found?.name ?? (tensors.length === 1 ? tensors[0] : undefined);
  return withSites(next, (site) =>
    site !== name && withoutLayer(site) !== name
      ? site
      : back === undefined
        ? undefined
        : movedSite(site, name, back),
  );
}

/** Tensors as they are typed: a name in which `{layer}` may stand, or the names of all layers on lines or between commas. */
export function ownTyped(text: string): Own {
  const names = text
    .split(/[,\n]/)
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return names.length > 1 ? names : (names[0] ?? '');
}

export const ownText = (own: Own): string => (typeof own === 'string' ? own : own.join(', '));

export function withTensors(experiment: TensorsExperiment, name: string, text: string): TensorsExperiment {
  return withNames(experiment, { ...experiment.names, [name]: ownTyped(text) });
}

/** That the model has no tensor of a name: why, where it is one of the file's, else what was perhaps meant. */
export function missingWords(structure: ImportedStructure, name: string, among: Iterable<string>): string {
  const left = structure.left.find(({ names }) => names.includes(name));
  if (left) return `'${name}' ${left.why}`;
  return `The model has no tensor '${name}'. ${didYouMean(name, among)}`.trim();
}

/** What is wrong with the tensors of a name; undefined where all of them are there. */
export function tensorsProblem(structure: ImportedStructure, own: Own): string | undefined {
  const names = tensorsIn(structure);
  const missing = [own].flat().find((name) => !names.has(name.replaceAll(layerMark, '0')));
  if (missing === undefined) return undefined;
  if (missing === '') return `Name a tensor; ${layerMark} in it is counted up from 0.`;
  const first = missing.replaceAll(layerMark, '0');
  return missingWords(structure, first, names);
}

/** The way that the site `chain` is cut on: of those that were found, or one that a person named by its ends. */
export function chainIn({ chain }: TensorsExperiment, { chains }: ImportedStructure): FoundChain | undefined {
  if (!chain) return chains[0];
  const { from, to } = chain;
  return chains.find((each) => each.from === from && each.to === to) ?? { from, to, tensors: [], blocks: [] };
}

export function withChain(
  { chain: _, ...rest }: TensorsExperiment,
  chain: TensorsExperiment['chain'],
): TensorsExperiment {
  return chain ? { ...rest, chain } : rest;
}

/** What is wrong with an end of a chain. */
export function endProblem(structure: ImportedStructure, name: string): string | undefined {
  const names = [...structure.inputs.map((input) => input.name), ...tensorsIn(structure)];
  if (names.includes(name)) return undefined;
  if (name.trim() === '') return 'Name an input or a tensor.';
  return missingWords(structure, name, names);
}

/** `sequence` and `384` of `[batch, sequence, 384]`. */
const axisNames = ({ axes }: TensorRow): readonly string[] =>
  axes
    .replace(/^\[|\]$/g, '')
    .split(', ')
    .filter((name) => name !== '');

/** `axis 1 (sequence)`, `axes 2 and 3 (height, width)`, `no axis`. */
export function axesWords(row: TensorRow | undefined, axes: readonly number[]): string {
  if (axes.length === 0) return 'no axis';
  const names = row ? axisNames(row) : [];
  const own = axes.map((axis) => names[axis]).filter((name) => name !== undefined);
  return `${axes.length === 1 ? 'axis' : 'axes'} ${axes.join(' and ')}${own.length > 0 ? ` (${own.join(', ')})` : ''}`;
}

/** The axes that positions may be said to lie along: none, any but the batch's, or two of a tensor of four. */
export function axesChoices(row: TensorRow): readonly (readonly number[])[] {
  const single = axisNames(row).flatMap((name, axis) => (name === 'batch' ? [] : [[axis]]));
  const pairs = single.flatMap(([first = 0], at) =>
    single.slice(at + 1).map(([second = 0]) => [first, second]),
  );
  return [[], ...single, ...(single.length > 2 ? pairs : [])];
}
