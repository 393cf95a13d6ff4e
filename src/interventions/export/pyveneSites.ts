// What pyvene 0.1.8 can do at a site, found by running it: which components it has a name for and cuts vectors of the
// right width from, which it reaches by a module's path, and which types do there what they do elsewhere. What it would
// compute otherwise, or fail at, is refused with the reason.

import type { Architecture } from '../../architectures/architecture.ts';
import { modelModulePath, modulePlace } from '../configuration/modulePlaces.ts';
import type { ResolvedIntervention } from '../configuration/resolve.ts';
import { nameInFolder } from '../pyvene/pyveneNames.ts';
import type { ExampleUnits, ExportedPiece } from './exported.ts';
import { hasParameters } from './exported.ts';
import { type Declared, declared, hasPyveneTables } from './pyveneModels.ts';

export interface PyveneSite {
  /** A component's name, or a module's path. */
  readonly component: string;
  /** What the program has to tell pyvene of it; undefined where pyvene knows, and for a path. */
  readonly declared?: Declared;
  /** Of the entries of the component, those of what pyvene finds there; undefined where they are the same. */
  readonly entriesWithin?: readonly number[];
}

type Found = PyveneSite | { readonly why: string };

/** pyvene's own names, but for those that it has in no family or that do nothing. */
const named = new Set([
  'block_input',
  'block_output',
  'mlp_input',
  'mlp_activation',
  'mlp_output',
  'attention_input',
  'attention_output',
  'attention_value_output',
  'query_output',
  'key_output',
  'value_output',
  'head_attention_value_output',
  'head_query_output',
  'head_key_output',
  'head_value_output',
]);
/** Names that pyvene does not have for GPT-NeoX. */
const isProjection = (component: string): boolean => /^(head_)?(query|key|value)_output$/.test(component);

/** The width of a component in pyvene's tables: it interchanges so many entries. */
function pyveneWidth({ width, headCount }: Architecture, component: string, own: number): number {
  if (component.startsWith('head_')) return Math.floor(width / headCount);
  return component === 'mlp_activation' ? own : width;
}

/** Where an intervention is in pyvene. */
export function pyveneSite(architecture: Architecture, resolved: ResolvedIntervention): Found {
  const { site, component, label, intervention } = resolved;
  const { name, layout, width } = component;
  const refuse = (why: string): Found => ({ why: `${label}: ${why}` });
  if (layout === 'pair')
    return refuse(`no module of the model returns '${name}', so pyvene cannot reach it.`);
  if (!hasPyveneTables(architecture.modelType)) return declaredSite(architecture, resolved, refuse);
  // The stream between attention and the MLP is a sum inside the block.
  if (name === 'block_middle')
    return refuse(`no module of the model returns '${name}', so pyvene cannot reach it.`);
  const isNeox = architecture.family === 'gpt_neox';
  const theirs = pyveneWidth(architecture, name, width);
  const isNamed = named.has(name) && !(isNeox && isProjection(name));
  if (layout === 'head') {
    if (!isNamed) return refuse(`pyvene has no '${name}' for ${architecture.modelType}.`);
    if (architecture.modelType === 'qwen2')
      return refuse(
        `pyvene reads the width of '${name}' from 'head_dim', which configurations of Qwen2 lack.`,
      );
    return theirs === width
      ? { component: name }
      : refuse(`pyvene takes a head to be ${theirs} wide, and '${name}' is ${width} wide in this model.`);
  }
  const needsWidth = hasParameters(intervention) || intervention.type.make !== undefined;
  if (isNamed && (theirs === width || (theirs > width && !needsWidth))) return { component: name };
  if (needsWidth)
    return refuse(
      isNamed
        ? `pyvene builds a ${intervention.type.name} for ${theirs} entries, and '${name}' has ${width} in this model.`
        : `pyvene has no '${name}' for ${architecture.modelType}, only the module's path, for which it knows no width to build a ${intervention.type.name}.`,
    );
  return byPath(architecture, site.layer, component, refuse);
}

/** Where an intervention is in a model of which pyvene is told the modules. */
function declaredSite(
  architecture: Architecture,
  { site: { layer }, component, intervention }: ResolvedIntervention,
  refuse: (why: string) => Found,
): Found {
  const { name, alias, layout } = component;
  const { modelType } = architecture;
  if (alias !== undefined)
    return refuse(
      `in the modules of ${modelType} '${name}' is the same tensor as ${alias}, and pyvene would edit both.`,
    );
  const place = layer === null ? undefined : modulePlace(modelType, name);
  const path = layer === null ? modelModulePath(modelType, name) : place?.path;
  if (path === undefined)
    return refuse(
      `no module of ${modelType} takes or returns '${name}' by itself, so pyvene cannot reach it.`,
    );
  if (!place?.fused) {
    const named = nameInFolder(architecture, name);
    return { component: named, declared: declared(path, modelType, component, named) };
  }
  if (layout === 'head' || hasParameters(intervention) || intervention.type.make !== undefined)
    return refuse(
      `'${name}' lies within a module's output in ${modelType}, where pyvene takes no ${layout === 'head' ? 'heads' : intervention.type.name} of it.`,
    );
  return byPath(architecture, layer, component, refuse);
}

function byPath(
  { modelType, components }: Architecture,
  layer: number | null,
  { name, width }: ResolvedIntervention['component'],
  refuse: (why: string) => Found,
): Found {
  if (layer === null) {
    const path = modelModulePath(modelType, name);
    // Its versions call the module embed_out and lm_head.
    if (path === undefined || path.startsWith('embed_out'))
      return refuse(`'${name}' is under another name in each version of transformers.`);
    return { component: path };
  }
  const place = modulePlace(modelType, name);
  if (!place) return refuse(`no module of the model returns '${name}', so pyvene cannot reach it.`);
  const component = place.path.replace('{layer}', String(layer));
  const { fused } = place;
  if (!fused) return { component };
  const headCount = components.find(({ headsOf }) => headsOf === name)?.heads ?? 1;
  const headWidth = width / headCount;
  return {
    component,
    entriesWithin: Array.from({ length: width }, (_, entry) => {
      const head = Math.floor(entry / headWidth);
      const first = fused.isByHead ? 3 * head + fused.part : fused.part * headCount + head;
      return first * headWidth + (entry % headWidth);
    }),
  };
}

const unitsOf = ({ target }: ExampleUnits): number =>
  target.positions.length * (target.heads ? target.heads.length : 1);

const isSameInAll = (examples: readonly ExampleUnits[]): boolean =>
  new Set(examples.map(({ entries }) => entries?.join(' ') ?? '')).size === 1;

/** Why pyvene computes something else for what a call asks of an intervention; undefined when it computes the same. */
export function pyveneRefusal(
  architecture: Architecture,
  { piece, examples }: ExportedPiece,
  place: PyveneSite,
): string | undefined {
  const { resolved, constant } = piece;
  const { label, unit, component, intervention, partition } = resolved;
  const { type } = intervention;
  const isInHeads = component.layout !== 'token';
  const hasEntries = examples.some(({ entries }) => entries);
  const refuse = (why: string) => `${label}: ${why}`;
  if (place.entriesWithin && (constant || partition))
    return refuse(
      `'${component.name}' lies within a module's output in ${architecture.modelType}, where pyvene takes no ${constant ? 'constant' : 'partition'} of it.`,
    );
  switch (type.name) {
    case 'SkipIntervention':
      if (component.name === 'block_output' || component.name === 'mlp_output') break;
      return refuse(`pyvene skips a layer or its MLP, not '${component.name}'.`);
    case 'CollectIntervention':
      if (examples.every((each) => unitsOf(each) === 1)) break;
      return refuse('pyvene 0.1.8 returns the wrong numbers when several units are collected.');
    case 'NoiseIntervention':
      if (!isInHeads && !hasEntries && examples.every(({ target }) => target.positions.length === 4)) break;
      return refuse("pyvene's noise is for all entries of four positions, of a component without heads.");
    case 'PCARotatedSpaceIntervention':
      return refuse('pyvene builds no PCARotatedSpaceIntervention from a configuration, and saves none.');
    case 'BoundlessRotatedSpaceIntervention':
    case 'SigmoidMaskRotatedSpaceIntervention':
      if (isInHeads) return refuse(`pyvene 0.1.8 fails at a ${type.name} of heads.`);
      break;
    case 'AutoencoderIntervention':
      if (hasEntries && resolved.representation.interchange_dim == null)
        return refuse("pyvene's autoencoder takes no subspaces of a call; name latents by interchange_dim.");
      break;
    default:
  }
  if (!isSameInAll(examples)) {
    const lengths = new Set(examples.map(({ entries }) => entries?.length));
    if (type.units === 'separate' && lengths.size === 1)
      return refuse('pyvene 0.1.8 gives every example the entries of all.');
    if (type.units === 'joined' && isInHeads)
      return refuse(`pyvene's ${type.name} of heads takes the same subspaces in every example.`);
    if (type.name === 'LowRankRotatedSpaceIntervention' && !partition)
      return refuse('pyvene takes directions that differ by example only as cells of a partition.');
  }
  if (unit === 'h' && constant && constant.length !== component.width)
    return refuse('pyvene takes a constant of heads for positions that are named.');
  return undefined;
}
