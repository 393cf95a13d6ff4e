// Where the sites of an alignment are in an example: positions by number or name, counted in the stack that a site's component
// is of. They are tokens of the text that the model goes on with, or of a source; or positions of a picture or a sound.

import type { Architecture } from '../../architectures/architecture.ts';
import { didYouMean } from '../../messages/nearest.ts';
import { stackOf } from '../../runtime/plan/stacks.ts';
import { ExperimentError } from '../experimentFile.ts';
import type { ResolvedPrompt } from '../resolvedPrompt.ts';
import { lengthAt } from '../stackLayers.ts';
import { fillsMasks } from '../watched.ts';
import type { AlignExample } from './example.ts';
import { maskName, type PositionName, positionsIn, type SitePosition } from './sitePosition.ts';

/** As many positions of either prompt, in the order in which their vectors are joined. */
export interface ExamplePlace {
  readonly base: readonly number[];
  readonly source: readonly number[];
}

/** A base and one of its sources, at a site. */
export interface ExamplePair {
  readonly base: ResolvedPrompt;
  readonly source: ResolvedPrompt;
  readonly component: string;
  /** Of the file: `source`, or `furtherSources.0`. */
  readonly sourceField: string;
  /** Which of the sources it is, from 0. */
  readonly sourceIndex: number;
  /** `site`, or `jointly.0`. */
  readonly siteField: string;
}

/** `its 3 tokens have positions 0 to 2`: what a prompt has at a component, by the stack that this is of. */
function positionsText(
  architecture: Architecture,
  { input }: ResolvedPrompt,
  component: string,
  count: number,
) {
  const stack = stackOf(architecture, component);
  const read = [input, input?.picture].find((each) => each?.stack === stack);
  const tokens = `${count} token${count === 1 ? '' : 's'}`;
  const range = `positions 0 to ${count - 1}`;
  if (read?.kind === 'image') return `its picture has ${range}`;
  if (read?.kind === 'sound') return `its sound has ${range}`;
  if (read) return `its source is ${tokens}, with ${range}`;
  if (input) return `what its decoder has written, and begins with, is ${tokens}, with ${range}`;
  return `its ${tokens} have ${range}`;
}

/** @throws ExperimentError for a position that a prompt does not have, or a name that the example does not give */
function positionOf(
  architecture: Architecture,
  name: PositionName,
  { positions = {} }: AlignExample,
  { base, source, component, sourceField, sourceIndex, siteField }: ExamplePair,
  where: string,
): { readonly base: number; readonly source: number } {
  const named = typeof name === 'string' && name !== 'last' ? positions[name] : undefined;
  const hasMask = fillsMasks(architecture);
  if (name === maskName && hasMask) {
    if (!named) return { base: base.watched, source: source.watched };
    throw new ExperimentError(
      `'${where}.positions' has '${maskName}', which is the mask of each prompt in this model. Name that position otherwise.`,
    );
  }
  if (typeof name === 'string' && name !== 'last' && named === undefined) {
    const known = ['last', ...(hasMask ? [maskName] : []), ...Object.keys(positions)];
    throw new ExperimentError(
      [
        `'${where}.positions' has no '${name}', which '${siteField}.position' names.`,
        didYouMean(name, known),
        `Known: ${known.join(', ')}.`,
      ]
        .filter((sentence) => sentence !== '')
        .join(' '),
    );
  }
  const counts = {
    base: lengthAt(architecture, base, component),
    source: lengthAt(architecture, source, component),
  };
  if (name === 'last') return { base: counts.base - 1, source: counts.source - 1 };
  const given = typeof name === 'number' ? name : (named ?? 0);
  const there = typeof given === 'number' ? given : given[1 + sourceIndex];
  if (there === undefined)
    throw new ExperimentError(
      `'${where}.positions.${name}' is [${[given].flat().join(', ')}] and says nothing of '${sourceField}'. Give a position of the base and one of each source.`,
    );
  const place = { base: typeof given === 'number' ? given : given[0], source: there };
  for (const [side, field, prompt] of [
    ['base', 'base', base],
    ['source', sourceField, source],
  ] as const) {
    if (place[side] < counts[side]) continue;
    throw new ExperimentError(
      `'${where}.${field}' has no position ${place[side]}${typeof name === 'string' ? ` ('${name}')` : ''}: ${positionsText(architecture, prompt, component, counts[side])}.`,
    );
  }
  return place;
}

/** @throws ExperimentError as `positionOf`, and where two positions that are joined are one */
export function placeOf(
  architecture: Architecture,
  position: SitePosition,
  example: AlignExample,
  pair: ExamplePair,
  where: string,
): ExamplePlace {
  const names = positionsIn(position);
  const places = names.map((name) => positionOf(architecture, name, example, pair, where));
  for (const side of ['base', 'source'] as const) {
    const twice = places.findIndex((place, at) => places.findIndex((p) => p[side] === place[side]) < at);
    if (twice < 0) continue;
    const first = places.findIndex((place) => place[side] === places[twice]?.[side]);
    const field = side === 'base' ? 'base' : pair.sourceField;
    throw new ExperimentError(
      `'${pair.siteField}.position' joins ${names.join(' and ')}, and in '${where}.${field}' ${names[first]} and ${names[twice]} are both position ${places[twice]?.[side]}. Join positions that are different tokens in every prompt.`,
    );
  }
  return { base: places.map(({ base }) => base), source: places.map(({ source }) => source) };
}
