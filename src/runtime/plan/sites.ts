// Checks sites and locations against a model, and turns them into lists of units.

import { type Architecture, type ComponentDescription, headForm } from '../../architectures/architecture.ts';
import { otherName } from '../../architectures/otherNames.ts';
import { didYouMean } from '../../messages/nearest.ts';
import { type Location, PlanError, type Site, UnknownComponentError } from './plan.ts';
import { embedStage, headStage, type Stage } from './stage.ts';

/** @throws UnknownComponentError that suggests the nearest name and lists the known ones */
export function describeComponent(architecture: Architecture, name: string): ComponentDescription {
  const found = architecture.components.find((component) => component.name === name);
  if (found) return found;
  const known = architecture.components.map((component) => component.name);
  const other = otherName(name, known, architecture.behind);
  throw new UnknownComponentError(
    `Component '${name}' does not exist in ${architecture.family}. ${didYouMean(name, known)} Known: ${known.join(', ')}.${other === undefined ? '' : ` ${other[0]?.toUpperCase()}${other.slice(1)}.`}`,
  );
}

/** @throws PlanError when the layer is out of range, missing, or given for a component that has none */
export function stageOf(architecture: Architecture, site: Site): Stage {
  const component = describeComponent(architecture, site.component);
  if (component.scope === 'model') {
    if (site.layer !== null) {
      throw new PlanError(
        `Component '${site.component}' exists once in the model, not in every layer; leave out layer ${site.layer}.`,
      );
    }
    return /(^|\.)embedding_output$/.test(component.name) ? embedStage : headStage(architecture);
  }
  const { layer } = site;
  const { from, count } = component.place ?? { from: 0, count: architecture.layerCount };
  if (layer === null || !Number.isInteger(layer) || layer < 0 || layer >= count) {
    throw new PlanError(
      `Layer ${layer} of '${site.component}' does not exist: this model has layers 0 to ${count - 1}${component.place ? ' of it' : ''}.`,
    );
  }
  if (component.layers && !component.layers.includes(layer)) {
    throw new PlanError(
      `Layer ${layer} has no '${site.component}' in this model. Layers that have one: ${component.layers.join(', ')}.`,
    );
  }
  return from + layer;
}

export interface ResolvedLocation {
  readonly positions: readonly number[];
  /** Absent for a component without heads. */
  readonly heads?: readonly number[];
}

/** @throws PlanError for a position or head that does not exist or stands twice, or heads where there are none */
export function resolveLocation(
  component: ComponentDescription,
  location: Location,
  length: number,
): ResolvedLocation {
  const all = component.positions ?? Array.from({ length }, (_, position) => position);
  const positions = location.positions === 'all' ? all : location.positions;
  if (positions.length === 0) throw new PlanError(`A location of '${component.name}' names no position.`);
  const badPosition = positions.find(
    (position) => !Number.isInteger(position) || position < 0 || position >= length,
  );
  if (badPosition !== undefined) {
    throw new PlanError(
      `Position ${badPosition} does not exist: the sequence has positions 0 to ${length - 1}.`,
    );
  }
  const without = component.positions && positions.find((position) => !all.includes(position));
  if (without !== undefined) {
    throw new PlanError(
      `Position ${without} has no '${component.name}' in this model. Positions that have one: ${all.join(', ')}.`,
    );
  }
  if (component.layout === 'token') {
    if (location.heads) {
      throw new PlanError(
        `Component '${component.name}' has no heads to choose from. Its per-head form, where it has one, is '${headForm(component.name)}'.`,
      );
    }
    return { positions };
  }
  const count = component.heads ?? 0;
  const heads = location.heads ?? Array.from({ length: count }, (_, head) => head);
  if (heads.length === 0) throw new PlanError(`A location of '${component.name}' names no head.`);
  const badHead = heads.find((head) => !Number.isInteger(head) || head < 0 || head >= count);
  if (badHead !== undefined) {
    throw new PlanError(
      `Head ${badHead} of '${component.name}' does not exist: it has heads 0 to ${count - 1}.`,
    );
  }
  return { positions, heads };
}

/** Units of a resolved location. */
export const unitCount = ({ positions, heads }: ResolvedLocation): number =>
  positions.length * (heads?.length ?? 1);
