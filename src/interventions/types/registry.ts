// All types, by the names of pyvene's and pyreft's classes.

import { didYouMean } from '../../messages/nearest.ts';
import { InterventionError, type InterventionType } from '../intervention.ts';
import { addition } from './addition.ts';
import { autoencoder } from './autoencoder.ts';
import { boundlessRotated } from './boundlessRotated.ts';
import { collect } from './collect.ts';
import { direft } from './direft.ts';
import { jumpReluAutoencoder } from './jumpReluAutoencoder.ts';
import { lora } from './lora.ts';
import { loreft } from './loreft.ts';
import { lowRankRotated } from './lowRankRotated.ts';
import { noiseAddition } from './noiseAddition.ts';
import { noreft } from './noreft.ts';
import { pcaRotated } from './pcaRotated.ts';
import { rotated } from './rotated.ts';
import { sigmoidMask } from './sigmoidMask.ts';
import { sigmoidMaskRotated } from './sigmoidMaskRotated.ts';
import { skip } from './skip.ts';
import { subtraction } from './subtraction.ts';
import { vanilla } from './vanilla.ts';
import { zero } from './zero.ts';

export const interventionTypes: readonly InterventionType[] = [
  vanilla,
  addition,
  subtraction,
  zero,
  collect,
  skip,
  noiseAddition,
  rotated,
  lowRankRotated,
  boundlessRotated,
  sigmoidMask,
  sigmoidMaskRotated,
  pcaRotated,
  autoencoder,
  jumpReluAutoencoder,
  lora,
  loreft,
  noreft,
  direft,
];

const byName = new Map(interventionTypes.map((type) => [type.name, type]));

/** A class as Python writes it, `<class 'pyvene.VanillaIntervention'>` or without the frame; a bare name has no module. */
export function pythonClass(written: string): { readonly module?: string; readonly name: string } {
  const path = written.replace(/^<class '(.*)'>$/, '$1');
  const dot = path.lastIndexOf('.');
  return { ...(dot < 0 ? {} : { module: path.slice(0, dot) }), name: path.slice(dot + 1) };
}

/**
 * @param name `VanillaIntervention`, or as pyvene writes it: `pyvene.VanillaIntervention`,
 *   `<class 'pyvene.models.interventions.VanillaIntervention'>`
 * @throws InterventionError that suggests the nearest name and lists the known ones
 */
export function interventionType(name: string, label: string): InterventionType {
  const { name: bare } = pythonClass(name);
  const found = byName.get(bare);
  if (found) return found;
  const known = [...byName.keys()];
  throw new InterventionError(
    `${label}: the intervention type '${bare}' is not known. ${didYouMean(bare, known)} Known: ${known.join(', ')}.`,
  );
}
