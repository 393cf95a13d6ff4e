// Interventions to and from the folders that pyvene saves.

import type { Architecture } from '../../architectures/architecture.ts';
import { describeComponent } from '../../runtime/plan/sites.ts';
import type { Representation } from '../configuration/configuration.ts';
import {
  type Configuration,
  interventionKeys,
  type NestedNumbers,
  readConfiguration,
} from '../configuration/configuration.ts';
import { isModulePath, moduleSite } from '../configuration/modulePaths.ts';
import { pyveneKeys } from '../configuration/pyveneKeys.ts';
import type { ResolvedConfiguration, ResolvedIntervention } from '../configuration/resolve.ts';
import { InterventionError, type Parameters, subspaceWidth } from '../intervention.ts';
import { interventionType } from '../types/registry.ts';
import type { PyveneFolder, PyveneIntervention } from './pyveneFolder.ts';
import { nameFromFolder, nameInFolder } from './pyveneNames.ts';

/** What a saved folder declares, ready for an IntervenableModel. */
export interface SavedInterventions {
  readonly configuration: Configuration;
  /** By the keys of the interventions. */
  readonly parameters: Readonly<Record<string, Parameters>>;
}

/** Numbers nested as a shape says. */
function nest(data: Float32Array, shape: readonly number[]): NestedNumbers {
  const [count, ...rest] = shape;
  if (count === undefined) return data[0] ?? 0;
  const each = data.length / count;
  return Array.from({ length: count }, (_, i) => nest(data.subarray(i * each, (i + 1) * each), rest));
}

/** What `interchange_dim` of a file means here: undefined where it is all that there is. */
function interchanged(
  { type, dimension, parameters, key, representation }: PyveneIntervention,
  architecture: Architecture,
): number | number[] | undefined {
  // pyvene's low-rank type never reads it.
  if (dimension === null || type === 'LowRankRotatedSpaceIntervention') return undefined;
  if (typeof dimension !== 'number') return [...dimension];
  const { subspaceWidth: widthOf, units } = interventionType(type, key);
  // pyvene's autoencoder takes a single number for one latent, not for so many.
  if (type === 'AutoencoderIntervention') return [dimension];
  if (!widthOf) return undefined;
  const { component: name, max_number_of_units: count } = representation;
  const component = isModulePath(architecture, name) ? moduleSite(architecture, name, key).component : name;
  const joined = units === 'joined' ? count : 1;
  const width = widthOf(describeComponent(architecture, component).width * joined, parameters);
  return dimension >= width ? undefined : dimension;
}

/** @throws InterventionError for a module path, UnknownComponentError for a component, that the model does not have */
export function fromPyveneFolder(
  { mode, interventions: saved }: PyveneFolder,
  architecture: Architecture,
): SavedInterventions {
  const interventions = saved.map((intervention) => {
    const { representation, key } = intervention;
    const component = nameFromFolder(architecture, representation.component, key);
    return { ...intervention, representation: { ...representation, component } };
  });
  const representations = interventions.map((intervention) => {
    const { representation, type, sourceRepresentation } = intervention;
    const { low_rank_dimension, subspace_partition, latent_dim, moe_key: _, ...place } = representation;
    const dimension = interchanged(intervention, architecture);
    return {
      ...place,
      low_rank_dimension,
      latent_dim,
      subspace_partition,
      intervention_type: type,
      ...(sourceRepresentation
        ? { source_representation: nest(sourceRepresentation.data, sourceRepresentation.shape) }
        : {}),
      ...(dimension === undefined ? {} : { interchange_dim: dimension }),
    };
  });
  const configuration = readConfiguration({ representations, mode });
  // By the names that components have here.
  const keys = interventionKeys(configuration);
  return {
    configuration,
    parameters: Object.fromEntries(
      interventions.flatMap(({ parameters }, index) =>
        Object.keys(parameters).length > 0 ? [[keys[index] ?? '', parameters]] : [],
      ),
    ),
  };
}

const own: readonly (keyof Representation)[] = [
  'source_layer',
  'source_component',
  'source_run',
  'target_run',
];

const shapeOf = (numbers: NestedNumbers): readonly number[] =>
  typeof numbers === 'number' ? [] : [numbers.length, ...shapeOf(numbers[0] ?? 0)];

/** What of an intervention is saved: it need not be fitted to a model. */
export type SavedIntervention = Pick<
  ResolvedIntervention,
  'representation' | 'key' | 'intervention' | 'constant'
>;

/** pyvene's `interchange_dim` for an intervention. @throws InterventionError for entries that pyvene cannot name */
function dimensionOf({ intervention, key }: SavedIntervention): number | readonly number[] {
  const { type, interchanged: entries, width } = intervention;
  if (!type.subspaceWidth) return width;
  const all = subspaceWidth(intervention, key);
  if (type.name === 'AutoencoderIntervention')
    return entries ?? Array.from({ length: all }, (_, latent) => latent);
  if (!entries) return all;
  if (type.name === 'LowRankRotatedSpaceIntervention')
    throw new InterventionError(
      `${key}: pyvene's ${type.name} ignores 'interchange_dim' and would interchange all directions. Name them as subspaces of the call instead.`,
    );
  if (entries.every((entry, place) => entry === place)) return entries.length;
  throw new InterventionError(
    `${key}: pyvene interchanges the first so many entries of a ${type.name}, and cannot save ${entries.join(', ')}. Name them as subspaces of the call instead.`,
  );
}

/**
 * @param architecture where components may have other names in the folder
 * @throws InterventionError for what pyvene has no words for
 */
export function toPyveneFolder(
  {
    mode,
    interventions,
  }: Pick<ResolvedConfiguration, 'mode'> & {
    readonly interventions: readonly SavedIntervention[];
  },
  architecture?: Pick<Architecture, 'modelType'>,
): PyveneFolder {
  const names = interventions.map(({ representation: { component } }) =>
    architecture ? nameInFolder(architecture, component) : component,
  );
  const keys = pyveneKeys(
    interventions.map(({ representation }, index) => ({
      layer: representation.layer ?? 0,
      component: names[index] ?? '',
      unit: representation.unit,
      max_number_of_units: representation.max_number_of_units ?? 1,
    })),
  );
  return {
    mode,
    interventions: interventions.map((resolved, index): PyveneIntervention => {
      const { representation, key, intervention, constant } = resolved;
      const unsayable = own.find(
        (field) => representation[field] !== null && representation[field] !== undefined,
      );
      if (unsayable !== undefined)
        throw new InterventionError(
          `${key}: pyvene takes a source from the same site of the group's own run, so '${unsayable}' cannot be saved in its form.`,
        );
      const units = representation.max_number_of_units ?? 1;
      const isSized = Object.keys(intervention.parameters).length > 0 || intervention.type.make !== undefined;
      if (units > 1 && isSized && intervention.type.units === 'separate')
        throw new InterventionError(
          `${key}: pyvene gives a ${intervention.type.name} of ${units} units parameters of ${units} times the width, and could not load these. Set max_number_of_units to 1: it acts on each unit of a call all the same.`,
        );
      const given = representation.source_representation;
      const { parameters } = intervention;
      return {
        key: keys[index] ?? key,
        representation: {
          layer: representation.layer ?? 0,
          component: names[index] ?? representation.component,
          unit: representation.unit,
          max_number_of_units: representation.max_number_of_units ?? 1,
          low_rank_dimension: representation.low_rank_dimension ?? null,
          subspace_partition: representation.subspace_partition ?? null,
          group_key: representation.group_key ?? null,
          intervention_link_key: representation.intervention_link_key ?? null,
          moe_key: null,
          latent_dim: representation.latent_dim ?? null,
        },
        type: intervention.type.name,
        dimension: dimensionOf(resolved),
        parameters,
        ...(constant && given !== null && given !== undefined
          ? { sourceRepresentation: { data: constant.data, shape: shapeOf(given) } }
          : {}),
      };
    }),
  };
}
