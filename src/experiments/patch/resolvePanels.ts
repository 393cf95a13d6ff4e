// Checks sweeps against a model and its prompts, and fills in what they leave out.

import type { Architecture, ComponentDescription } from '../../architectures/architecture.ts';
import { otherName } from '../../architectures/otherNames.ts';
import { describeComponent, resolveLocation } from '../../runtime/plan/sites.ts';
import { ExperimentError } from '../experimentFile.ts';
import { type PlacedInInput, placedInInput } from '../inputParts.ts';
import type { Sweep } from './experiment.ts';
import type { SweepPanel } from './outline.ts';

/** @throws ExperimentError or UnknownComponentError, in a sentence that names the place in the file */
function layerComponent(architecture: Architecture, name: string, place: string): ComponentDescription {
  const here = otherName(
    name,
    architecture.components.map((component) => component.name),
    architecture.behind,
  );
  if (here !== undefined) throw new ExperimentError(`'${place}': ${here}.`);
  const description = describeComponent(architecture, name);
  if (description.scope === 'layer') return description;
  throw new ExperimentError(
    `'${place}': '${name}' exists once in the model, and a sweep needs a component that every layer has. Try 'block_output'.`,
  );
}

/** Lengths of the pairs' prompts. */
export interface PairLengths {
  /** Positions of the stack that predicts, of each pair. */
  readonly main: readonly number[];
  /** Positions of what is read beside the tokens, or in place of them, of each pair. */
  readonly input: readonly number[];
  /** Parts of the input, where all pairs' are of one length. */
  readonly columns?: number;
  /** Positions of the pictures that questions are about, of each pair, and parts of them. */
  readonly picture: readonly number[];
  readonly pictureColumns?: number;
}

/** Places that a panel has in each pair. */
function lengthsAt(lengths: PairLengths, { isOfInput, isOfPicture }: PlacedInInput): readonly number[] {
  const { main, input, columns, picture, pictureColumns } = lengths;
  if (isOfPicture) return picture.map((length) => pictureColumns ?? length);
  return isOfInput ? input.map((length) => columns ?? length) : main;
}

export const countUp = (count: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => index);

/** @throws ExperimentError for a head that the component does not have */
export function headsOf(
  { name, heads: count = 0 }: ComponentDescription,
  heads: readonly number[],
  place: string,
): readonly number[] {
  const bad = heads.find((head) => head >= count);
  if (bad === undefined) return [...new Set(heads)].sort((a, b) => a - b);
  throw new ExperimentError(
    `'${place}' names head ${bad}, but '${name}' has heads 0 to ${count - 1} in this model.`,
  );
}

/**
 * Positions as columns: for all prompts the same.
 * @throws ExperimentError when the prompts are not of one length
 */
function positionColumns(
  positions: Sweep['positions'],
  lengths: readonly number[],
  place: string,
): readonly number[] {
  const [length = 0] = lengths;
  const other = lengths.find((each) => each !== length);
  if (other !== undefined) {
    throw new ExperimentError(
      `'${place}' is by position, but the pairs have ${length} and ${other} tokens, so their positions do not correspond. Sweep by head, or give pairs of one length.`,
    );
  }
  if (positions === 'all') return countUp(length);
  return positions === 'last' ? [length - 1] : positions;
}

/** @throws ExperimentError for a position past the shortest prompt */
function checkedPositions(
  positions: Sweep['positions'],
  lengths: readonly number[],
  place: string,
): SweepPanel['positions'] {
  if (typeof positions === 'string') return positions;
  const shortest = Math.min(...lengths);
  const past = positions.find((position) => position >= shortest);
  if (past !== undefined) {
    throw new ExperimentError(
      `'${place}.positions' names position ${past}, but ${lengths.length > 1 ? 'the shortest prompt' : 'the prompt'} has positions 0 to ${shortest - 1}.`,
    );
  }
  return [...new Set(positions)].sort((a, b) => a - b);
}

/** The sentence for a sweep by head of a component that is not made of heads. */
function headless(
  architecture: Architecture,
  { name }: ComponentDescription,
  by: string,
  place: string,
): string {
  const perHead = architecture.components.find(({ headsOf: of }) => of === name);
  const instead = perHead ? `Take '${perHead.name}', or sweep by position.` : "Sweep it by 'position'.";
  return `'${place}.by' is '${by}', but '${name}' has no heads. ${instead}`;
}

/**
 * @throws ExperimentError or PlanError in one sentence: which field, what was given, what would be right
 */
export function resolveSweep(
  architecture: Architecture,
  sweep: Sweep,
  index: number,
  given: PairLengths,
): SweepPanel {
  const place = `sweeps.${index}`;
  const { component, window, heads: chosen } = sweep;
  const description = layerComponent(architecture, component, place);
  const hasHeads = description.layout !== 'token';
  const by = sweep.by ?? (hasHeads ? 'head' : 'position');
  if (!hasHeads && by !== 'position')
    throw new ExperimentError(headless(architecture, description, by, place));
  // The runtime says that a component has no heads, and what its per-head form is called.
  if (!hasHeads && chosen) resolveLocation(description, { positions: [0], heads: chosen }, 1);
  const { place: stack } = description;
  const layerCount = stack?.count ?? architecture.layerCount;
  if (description.layers && description.layers.length < layerCount) {
    throw new ExperimentError(
      `'${place}': '${component}' exists in layers ${description.layers.join(', ')} alone, and a sweep needs a component that every layer has. Try 'block_output'.`,
    );
  }
  if (window > layerCount) {
    throw new ExperimentError(
      `'${place}.window' is ${window}, but ${stack ? 'its stack' : 'the model'} has ${layerCount} layers. Give 1 to ${layerCount}.`,
    );
  }
  const placed = placedInInput(architecture, stack);
  const lengths = lengthsAt(given, placed);
  const heads = chosen
    ? headsOf(description, chosen, `${place}.heads`)
    : by === 'position'
      ? undefined
      : countUp(description.heads ?? 0);
  const positions = checkedPositions(sweep.positions, lengths, place);
  return {
    kind: 'sweep',
    component,
    by,
    window,
    positions: by === 'head' ? positions : positionColumns(positions, lengths, place),
    ...(heads ? { heads } : {}),
    ...(stack ? { place: stack } : {}),
    ...placed,
  };
}
