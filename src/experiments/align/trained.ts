// What an alignment has trained, for use elsewhere: the intervention of a site as the library's IntervenableModel takes it,
// and as a folder that pyvene loads.

import { CheckpointError } from '../../checkpoint/checkpoint.ts';
import { safetensorsBytes } from '../../checkpoint/safetensors/written.ts';
import {
  type Configuration,
  interventionKeys,
  readConfiguration,
} from '../../interventions/configuration/configuration.ts';
import { checkParameters, type Parameters } from '../../interventions/intervention.ts';
import { InterventionError } from '../../interventions/interventionError.ts';
import { writePyveneFolder } from '../../interventions/pyvene/pyveneFolder.ts';
import { toPyveneFolder } from '../../interventions/pyvene/savedFolder.ts';
import { ExperimentError } from '../experimentFile.ts';
import { numbersOfText } from './numbersText.ts';
import type { AlignResult, SiteResult } from './result.ts';
import { positionText } from './sitePosition.ts';
import { stepsOf, temperatureAfter } from './siteTraining.ts';
import { interventionOf, joinedUnits, ofPart } from './trainable.ts';

/** A trained intervention without its model. */
export interface TrainedIntervention {
  /**
   * pyvene's configuration: one representation, at the positions and heads that a call names, joined as they were in training. Of
   * a joint training one for each site, that of `site` first and each with a source of its own.
   */
  readonly configuration: Configuration;
  /** By the keys of the interventions; types with a temperature have that of after the last step. */
  readonly parameters: Readonly<Record<string, Parameters>>;
}

/** Of a position in the name of a folder. */
const longestName = 40;

/** The sites as names of folders, each once: `layer-3-position-name`. */
export function siteNames({
  layers,
  positions,
}: Pick<AlignResult, 'layers' | 'positions'>): readonly string[] {
  // Some disks do not tell small letters from large.
  const taken = new Set<string>();
  const named = positions.map((position) => {
    const word = [...positionText(position).replace(/[^\p{L}\p{N}_-]+/gu, '-')]
      .slice(0, longestName)
      .join('');
    let name = word;
    for (let count = 2; taken.has(name.toLowerCase()); count++) name = `${word}-${count}`;
    taken.add(name.toLowerCase());
    return name;
  });
  return layers.flatMap((layer) => named.map((word) => `layer-${layer}-position-${word}`));
}

function parametersOf(
  { experiment, trainCount }: AlignResult,
  { parameters, steps }: SiteResult,
): Parameters {
  const { training, intervention } = experiment;
  const trained = Object.entries(parameters).map(
    ([name, text]) => [name, { data: numbersOfText(text, name), shape: text.shape }] as const,
  );
  const hasTemperature = intervention.type !== 'LowRankRotated' && intervention.type !== 'Rotated';
  const value = temperatureAfter(steps.loss.length, stepsOf(trainCount, training), training);
  const temperature = { data: Float32Array.of(value), shape: [1] };
  return { ...Object.fromEntries(trained), ...(hasTemperature ? { temperature } : {}) };
}

function trainedSite(result: AlignResult, index: number) {
  const site = result.sites[index];
  if (site === undefined)
    throw new ExperimentError(
      `There is no site ${index}; this alignment has sites 0 to ${result.sites.length - 1}.`,
    );
  if (site === null)
    throw new ExperimentError(`Site ${index} was not begun, so nothing was trained there. Finish the run.`);
  const { experiment } = result;
  const { site: own, jointly = [], intervention: given } = experiment;
  const all = parametersOf(result, site);
  const parts = [
    { component: own.component, heads: own.heads, layer: site.layer, position: site.position },
    ...jointly.map((each) => ({ ...each, layer: each.layer === 'same' ? site.layer : each.layer })),
  ].map((where, at) => {
    const parameters = ofPart(all, at);
    const width = at === 0 ? result.width : (parameters.rotation?.shape[0] ?? 0);
    const intervention = interventionOf(experiment, width, parameters);
    checkParameters(intervention.type, width, parameters, `sites.${index}`);
    return { where, intervention };
  });
  const configuration = readConfiguration({
    representations: parts.map(({ where: { component, heads, layer, position }, intervention }) => ({
      layer,
      component,
      unit: heads ? 'h.pos' : 'pos',
      max_number_of_units: joinedUnits({ heads, position }),
      intervention_type: intervention.type.name,
      ...(given.type === 'LowRankRotated' ? { low_rank_dimension: given.rank } : {}),
      ...(given.type === 'Rotated' ? { interchange_dim: given.dimensions } : {}),
    })),
  });
  const keys = interventionKeys(configuration);
  return {
    configuration,
    interventions: parts.map(({ intervention }, at) => ({ key: keys[at] ?? '', intervention })),
  };
}

/**
 * What was trained at a site; of one that was stopped, as it was last.
 * @param index of the site, [layer, position] row-major
 * @throws ExperimentError or InterventionError when the site was not begun, or its numbers are damaged
 */
export function trainedIntervention(result: AlignResult, index: number): TrainedIntervention {
  const { configuration, interventions } = trainedSite(result, index);
  const parameters = interventions.map(({ key, intervention }) => [key, intervention.parameters] as const);
  return { configuration, parameters: Object.fromEntries(parameters) };
}

/**
 * The files of a folder from which pyvene's `IntervenableModel.load` has what was trained, by name.
 * @param index of the site, [layer, position] row-major
 * @throws ExperimentError as `trainedIntervention` does
 */
export function trainedFolder(result: AlignResult, index: number): ReadonlyMap<string, Uint8Array> {
  const { configuration, interventions } = trainedSite(result, index);
  const saved = configuration.representations.flatMap((representation, at) => {
    const own = interventions[at];
    return own ? [{ representation, ...own, constant: undefined }] : [];
  });
  return writePyveneFolder(toPyveneFolder({ mode: configuration.mode, interventions: saved }, result.model));
}

/**
 * The files of what was trained at a site: the folder that pyvene loads, or, where pyvene could not, `intervention.json`, which says
 * why and has the configuration of the library's IntervenableModel, beside `parameters.safetensors` with its parameters by
 * intervention and name.
 * @throws ExperimentError as `trainedIntervention` does
 */
export function trainedFiles(result: AlignResult, index: number): ReadonlyMap<string, Uint8Array> {
  const { configuration, parameters } = trainedIntervention(result, index);
  try {
    return trainedFolder(result, index);
  } catch (cause) {
    if (!(cause instanceof CheckpointError || cause instanceof InterventionError)) throw cause;
    const tensors = Object.entries(parameters).flatMap(([key, own]) =>
      Object.entries(own).map(([name, { data, shape }]) => [`${key}/${name}`, { data, shape }] as const),
    );
    const stated = { notForPyvene: cause.message, configuration };
    return new Map<string, Uint8Array>([
      ['intervention.json', new TextEncoder().encode(`${JSON.stringify(stated, null, 2)}\n`)],
      ['parameters.safetensors', safetensorsBytes(new Map(tensors))],
    ]);
  }
}
