import { expect, test } from 'vitest';
import {
  formatBytes,
  formatDate,
  formatDuration,
  formatLayers,
  formatLogit,
  formatParameters,
  formatPercent,
  formatRoundPercent,
} from './quantities.ts';

/** The narrow no-break space between a number and its unit, as a plain one. */
const plain = (text: string): string => text.replaceAll('\u202f', ' ');

test('amounts carry their unit and three digits', () => {
  expect(plain(formatBytes(0))).toBe('0 B');
  expect(plain(formatBytes(999))).toBe('999 B');
  expect(plain(formatBytes(999_999))).toBe('1 MB');
  expect(plain(formatBytes(271_384_000))).toBe('271 MB');
  expect(plain(formatParameters(134_515_008))).toBe('135 M');
  expect(plain(formatParameters(812))).toBe('812');
  expect(plain(formatDuration(42.31))).toBe('42.3 ms');
  expect(plain(formatDuration(1240))).toBe('1.24 s');
});

test('a small probability is not written as zero', () => {
  expect(plain(formatPercent(0.70214))).toBe('70.21 %');
  expect(plain(formatPercent(0.00001))).toBe('< 0.01 %');
  expect(plain(formatPercent(0))).toBe('0.00 %');
  expect(plain(formatRoundPercent(0.702))).toBe('70 %');
  expect(plain(formatRoundPercent(0.004))).toBe('< 1 %');
});

test('a negative logit has a minus sign, not a hyphen', () => {
  expect(formatLogit(-3.718)).toBe('\u22123.72');
});

test('a model without layers that repeat is not one of none', () => {
  expect(formatLayers(12)).toBe('12 layers');
  expect(formatLayers(1)).toBe('1 layer');
  expect(formatLayers(0)).toBe('no repeated layers');
});

test('a date is written out', () => {
  expect(formatDate(Date.UTC(2025, 10, 24, 12))).toBe('24 November 2025');
});
