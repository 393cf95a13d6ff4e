// Linked interventions: one set of parameters at several sites. What the later ones say must be what the first says.

import type { ComponentDescription } from '../../architectures/architecture.ts';
import {
  type Intervention,
  InterventionError,
  type InterventionType,
  type Parameters,
  subspaceWidth,
} from '../intervention.ts';
import type { Representation } from './configuration.ts';

export interface FirstOfLink {
  readonly instance: Intervention;
  /** For messages: `representations.0`. */
  readonly label: string;
}

/** Settings of a linked intervention other than the first must equal those of the first. */
export function checkSame(
  { instance, label: first }: FirstOfLink,
  given: Parameters | undefined,
  { interchange_dim: dimension }: Representation,
  label: string,
): void {
  const other = Object.entries(given ?? {}).find(([name, { data }]) => {
    const own = instance.parameters[name];
    return (
      !own || !('data' in own) || own.data.length !== data.length || own.data.some((x, i) => x !== data[i])
    );
  });
  if (other)
    throw new InterventionError(
      `${label}: it is linked with ${first}, and is given another '${other[0]}'. Linked interventions have one set of parameters; give it to the first.`,
    );
  if ((dimension ?? null) === null) return;
  const entries =
    typeof dimension === 'number' ? Array.from({ length: dimension }, (_, i) => i) : (dimension ?? []);
  const all = subspaceWidth(instance, label);
  const own = instance.interchanged ?? Array.from({ length: all }, (_, i) => i);
  if (own.join() !== entries.join())
    throw new InterventionError(
      `${label}.interchange_dim: it is linked with ${first}, which interchanges other entries.`,
    );
}

export function checkLink(
  { instance, label: first }: FirstOfLink,
  type: InterventionType,
  component: ComponentDescription,
  representation: Representation,
  label: string,
): void {
  if (instance.type !== type)
    throw new InterventionError(
      `${label}: it is linked with ${first}, which is a ${instance.type.name}, and is itself a ${type.name}. Linked interventions have one type.`,
    );
  const width = component.width * (type.units === 'joined' ? (representation.max_number_of_units ?? 1) : 1);
  if (width !== instance.width)
    throw new InterventionError(
      `${label}: it is linked with ${first}, whose vectors have width ${instance.width}; its own have width ${width}.`,
    );
}
