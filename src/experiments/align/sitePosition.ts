// Positions of a site by name: one, or several whose vectors are joined into one.

export type PositionName = number | string;

/** The mask of each prompt, in a model that fills such. */
export const maskName = 'mask';

/** Several in a list are one site. */
export type SitePosition = PositionName | readonly PositionName[];

export const positionsIn = (position: SitePosition): readonly PositionName[] =>
  typeof position === 'object' ? position : [position];

/** Tells positions apart: 3 and '3', and every list. */
export const positionKey = (position: SitePosition): string => JSON.stringify(position);

/** The place of a position in a list; -1 where it is not. */
export const indexOfPosition = (positions: readonly SitePosition[], position: SitePosition): number =>
  positions.findIndex((each) => positionKey(each) === positionKey(position));

/** `last`, `name`, `3`, `name + last`. */
export const positionText = (position: SitePosition): string => positionsIn(position).join(' + ');
