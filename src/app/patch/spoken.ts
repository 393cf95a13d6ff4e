// A socket and a cable in words, for a screen reader and for the line under the rack.

import type { SocketAddress, SocketValue } from '../../figures/rack/rackDescription.ts';
import { spokenToken } from '../../figures/tokenLabel.ts';
import { type Cable, cableLetter, type Place, sourceIndex } from './document.ts';

/** `block output` of `block_output`. */
export const componentWords = (name: string): string => name.replaceAll('_', ' ');

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
  readonly tokens: readonly { readonly text: string }[];
  readonly value: SocketValue | undefined;
}

export function socketWords({
  component,
  address,
  sourceCount,
  columns,
  tokens,
  value,
}: SocketWords): string {
  const { run, layer, column } = address;
  const token = tokens[column]?.text;
  const where =
    columns === 'head'
      ? `head ${column}`
      : `position ${column}${token === undefined ? '' : `, ${spokenToken(token)}`}`;
  const effect = !value
    ? ''
    : Number.isNaN(value.value)
      ? ', no share'
      : `, ${value.isMeasured ? 'measured' : 'estimated'} ${formatShare(value.value)} of the way to the source${value.over ? `, mean of ${value.over.pairs} pairs, spread ± ${formatShare(value.over.sd)}` : ''}`;
  const at = layer === null ? '' : `, layer ${layer}`;
  return `${runWords(run, sourceCount)}, ${componentWords(component)}${at}, ${where}${run === 'base' ? effect : ''}`;
}

/** `block output 5, head 2, 10 "Mark"`, as it stands in a list. */
export function placeWords(
  { component, layer, positions, heads }: Place,
  tokens: readonly { readonly text: string }[],
): string {
  const site = `${componentWords(component)}${layer === null ? '' : ` ${layer}`}`;
  const units = heads && heads.length <= 4 ? `, head ${heads.join(' ')}` : '';
  if (positions === 'all') return `${site}${units}, all positions`;
  const [first = 0] = positions;
  const last = positions.at(-1) ?? first;
  const token = tokens[last]?.text ?? '';
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
  tokensOf: (run: string) => readonly { readonly text: string }[],
  sourceCount: number,
): string {
  const { from, to, type, constant } = cable;
  const target = `${runWords(to.run, sourceCount)} ${placeWords(to, tokensOf(to.run))}`;
  const origin = from
    ? `${runWords(from.run, sourceCount)} ${placeWords(from, tokensOf(from.run === 'original' ? 'base' : from.run))} into `
    : constant
      ? 'a vector into '
      : '';
  return `Cable ${cableLetter(index)}, ${typeName(type)}: ${origin}${target}`;
}
