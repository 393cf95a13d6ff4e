// The names that pyvene gives interventions: it makes them of the representation, never reads them, and looks for files
// by them. Before version 0.1.7 their parts were joined by dots, and earlier still a component was called a `repr`.
import { CheckpointError } from '../../checkpoint/checkpoint.ts';
import { quoted } from '../../messages/wording.ts';

/** What of a representation is in its key. */
interface Site {
  readonly layer: number;
  readonly component: string;
  readonly unit: string;
  readonly max_number_of_units: number;
}

/**
 * The key of every representation as pyvene makes it; the number after '#' counts those that are otherwise the same.
 * @throws CheckpointError when a key could not be part of a file's name
 */
export function pyveneKeys(sites: readonly Site[]): readonly string[] {
  const keys = numbered(sites.map((site) => proposal(site, '_', 'comp').replaceAll('.', '_')));
  for (const key of keys) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be in a file's name
    if (/[\\/\x00-\x1f]/.test(key)) {
      throw new CheckpointError(
        `The representation of ${quoted(key)} cannot name a file. Leave slashes and control characters out of its component and unit.`,
      );
    }
  }
  return keys;
}

/** The keys in every spelling that pyvene has used, the current one first. */
export function keySpellings(sites: readonly Site[]): readonly (readonly string[])[] {
  return [
    pyveneKeys(sites),
    numbered(sites.map((site) => proposal(site, '.', 'comp'))),
    numbered(sites.map((site) => proposal(site, '.', 'repr'))),
  ];
}

/** A path names its layer itself. */
function proposal(
  { layer, component, unit, max_number_of_units: units }: Site,
  dot: string,
  word: string,
): string {
  const where = component.includes('.') ? [] : ['layer', String(layer)];
  return [...where, word, component, 'unit', unit, 'nunit', String(units)].join(dot);
}

function numbered(proposals: readonly string[]): readonly string[] {
  const seen = new Map<string, number>();
  return proposals.map((name) => {
    const number = seen.get(name) ?? 0;
    seen.set(name, number + 1);
    return `${name}#${number}`;
  });
}
