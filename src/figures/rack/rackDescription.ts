// What a rack of sockets shows, as plain data: the runs one below the other, a socket for each layer and column, and what
// a cable from the same place of the source would do there. `rackLayout` places it, `rackPaint` draws it.

import type { ColourMap } from '../colour.ts';

/** What is known of a socket. */
export interface SocketValue {
  readonly value: number;
  /** A disc when it was measured, a ring when it is an estimate. */
  readonly isMeasured: boolean;
  /** Of a mean over several pairs: how many, and their standard deviation. */
  readonly over?: { readonly pairs: number; readonly sd: number };
}

export interface RackColumn {
  /** A token, with its spaces, or the number of a head. */
  readonly text: string;
  readonly kind: 'token' | 'head';
  /** Whether another run has something else here. */
  readonly isDifferent: boolean;
}

/** One run. */
export interface RackPart {
  /** `base`, `source_0`: what addresses name. */
  readonly run: string;
  /** `Base`, `Source`, `Source 2`. */
  readonly title: string;
  readonly columns: readonly RackColumn[];
  /** Layers that have a row, lowest first; null is the row of a component that the model has once. */
  readonly layers: readonly (number | null)[];
  readonly isFolded: boolean;
  /** By place in `layers`, then column; undefined where nothing is known. */
  readonly sockets: readonly (readonly (SocketValue | undefined)[])[];
}

export interface RackScale {
  readonly colours: ColourMap;
  readonly start: number;
  readonly end: number;
}

export interface RackDescription {
  /** From top to bottom; the base is the last. */
  readonly parts: readonly RackPart[];
  readonly scale: RackScale;
}

/** A socket of a rack. */
export interface SocketAddress {
  readonly run: string;
  readonly layer: number | null;
  readonly column: number;
}

export const isSameSocket = (a: SocketAddress | null, b: SocketAddress | null): boolean =>
  a === b || (a !== null && b !== null && a.run === b.run && a.layer === b.layer && a.column === b.column);

export const partOf = ({ parts }: Pick<RackDescription, 'parts'>, run: string): RackPart | undefined =>
  parts.find((part) => part.run === run);

export function socketOf(description: RackDescription, address: SocketAddress): SocketValue | undefined {
  const part = partOf(description, address.run);
  return part?.sockets[part.layers.indexOf(address.layer)]?.[address.column];
}
