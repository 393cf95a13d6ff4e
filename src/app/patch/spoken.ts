// A socket and a cable in words, for a screen reader and for the line under the rack.

import type { SocketAddress, SocketValue } from '../../figures/rack/rackDescription.ts';
import { spokenToken } from '../../figures/tokenLabel.ts';
import { type Cable, cableLetter, type Place, sourceIndex } from './document.ts';
import type { Unit } from './stacks.ts';

/** `encoder block output` of `encoder.block_output`. */
export const componentWords = (name: string): string => name.replaceAll(/[_.]/g, ' ');

export function runWords(run: string, sourceCount: number): string {
  const index = sourceIndex(run);
  if (index === null) return run === 'original' ? 'base without cables' : 'base';
  return sourceCount === 1 ? 'source' : `source ${index + 1}`;
}

/** `0.62`, with a true minus sign. */
export const formatShare = (share: number): string =>
  Number.isNaN(share) ? 'none' : share.toFixed(2).replace('-', '\u2212');

export interface SocketWords {
  readonly component: string;
  readonly address: SocketAddress;
  readonly sourceCount: number;
  readonly columns: 'position' | 'head';
  readonly units: readonly Pick<Unit, 'text' | 'words'>[];
  readonly value: SocketValue | undefined;
}

export function socketWords({ component, address, sourceCount, columns, units, value }: SocketWords): string {
  const { run, layer, column } = address;
  const unit = units[column];
  const position = `position ${column}${unit === undefined ? '' : `, ${spokenToken(unit.text)}`}`;
  const where = columns === 'head' ? `head ${column}` : (unit?.words ?? position);
  const effect = !value
    ? ''
    : Number.isNaN(value.value)
      ? ', no share'
      : `, ${value.isMeasured ? 'measured' : 'estimated'} ${formatShare(value.value)} of the way to the source${value.over ? `, mean of ${value.over.pairs} pairs, spread ± ${formatShare(value.over.sd)}` : ''}`;
  const at = layer === null ? '' : `, layer ${layer}`;
  return `${runWords(run, sourceCount)}, ${componentWords(component)}${at}, ${where}${run === 'base' ? effect : ''}`;
}

/** `block output 5, head 2, 10 "Mark"`, as it stands in a list. */
export function placeWords({ component, layer, positions, heads }: Place, all: readonly Unit[]): string {
  const site = `${componentWords(component)}${layer === null ? '' : ` ${layer}`}`;
  const units = heads && heads.length <= 4 ? `, head ${heads.join(' ')}` : '';
  if (positions === 'all') return `${site}${units}, all positions`;
  const [first = 0] = positions;
  const last = positions.at(-1) ?? first;
  const held = all.filter((unit) => unit.positions.some((position) => positions.includes(position)));
  const named = held.flatMap(({ words }) => words ?? []);
  if (named.length > 0) {
    const ends = named.length === 1 ? named[0] : `${named[0]} to ${named.at(-1)}`;
    return `${site}${units}, ${ends}`;
  }
  const token = held.at(-1)?.text ?? '';
  const place = positions.length === 1 ? String(first) : `${first}–${last}`;
  return `${site}${units}, ${place}${token === '' ? '' : ` “${spokenToken(token)}”`}`;
}

const typeNames: Readonly<Record<string, string>> = {
  VanillaIntervention: 'Interchange',
  AdditionIntervention: 'Addition',
  SubtractionIntervention: 'Subtraction',
  ZeroIntervention: 'Zero',
  CollectIntervention: 'Collect',
  SkipIntervention: 'Skip',
  NoiseIntervention: 'Noise',
  RotatedSpaceIntervention: 'Rotated space',
  LowRankRotatedSpaceIntervention: 'Low-rank rotated space',
  BoundlessRotatedSpaceIntervention: 'Boundless rotated space',
  SigmoidMaskIntervention: 'Sigmoid mask',
  SigmoidMaskRotatedSpaceIntervention: 'Sigmoid mask, rotated',
  PCARotatedSpaceIntervention: 'Principal components',
  AutoencoderIntervention: 'Autoencoder',
  JumpReLUAutoencoderIntervention: 'JumpReLU autoencoder',
  LoRAIntervention: 'LoRA',
  LoreftIntervention: 'LoReFT',
  NoreftIntervention: 'NoReFT',
  DireftIntervention: 'DiReFT',
};

export const typeName = (type: string): string =>
  (Object.hasOwn(typeNames, type) && typeNames[type]) || type.replace(/Intervention$/, '');

export function cableWords(
  cable: Cable,
  index: number,
  unitsOf: (run: string, component: string) => readonly Unit[],
  sourceCount: number,
): string {
  const { from, to, type, constant } = cable;
  const target = `${runWords(to.run, sourceCount)} ${placeWords(to, unitsOf(to.run, to.component))}`;
  const origin = from
    ? `${runWords(from.run, sourceCount)} ${placeWords(from, unitsOf(from.run, from.component))} into `
    : constant
      ? 'a vector into '
      : '';
  return `Cable ${cableLetter(index)}, ${typeName(type)}: ${origin}${target}`;
}
