// Stopped from outside: the program as a person starts it, and the signals that a terminal and a cluster send.

import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeWordTokenizer } from '../checkpoint/fixtures/wordTokenizer.ts';
import { isComplete, readTraceResult, type TraceResult } from '../experiments/trace/result.ts';
import { committedRoot } from './conformance/expectedFolders.ts';
import { writeWhole } from './writeWhole.ts';

const program = fileURLToPath(new URL('../../bin/patchbay.mjs', import.meta.url));
/** As many as the fixture has positions for, so that there are many cells. */
const words = Array.from({ length: 24 }, (_, index) => `w${(index * 7) % 29}`);

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'patchbay-interrupt-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly code: number | null;
  readonly complaints: string;
}

/** @param interruptAt what the program must have written to stderr before it is interrupted; absent to let it end */
function trace(
  args: readonly string[],
  interruptAt?: string,
  signal: NodeJS.Signals = 'SIGINT',
): Promise<Ended> {
  const child = spawn(process.execPath, [program, 'trace', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaints = '';
  let isInterrupted = false;
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
    if (isInterrupted || interruptAt === undefined || !complaints.includes(interruptAt)) return;
    isInterrupted = true;
    child.kill(signal);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, complaints }));
  });
}

const out = () => join(folder, 'out');

/** The words of a trace of the fixture that takes a while. */
function slowTrace(): readonly string[] {
  const model = join(folder, 'model');
  cpSync(join(committedRoot, 'gpt2-inner', 'model'), model, { recursive: true });
  writeWordTokenizer(model, 29);
  return [model, words.join(' '), '--subject', 'w7', '--samples', '400', '--out', out()];
}

test('an interrupt keeps the cells that have arrived, and the same command goes on from them', async () => {
  const args = slowTrace();
  const readResult = (): TraceResult =>
    readTraceResult(JSON.parse(readFileSync(join(out(), 'result.json'), 'utf8')));

  const stopped = await trace(args, '25 % of');
  expect(stopped.code).toBe(130);
  const partial = readResult();
  const cells = partial.streams.flatMap((stream) => stream.cells);
  const arrived = cells.filter((cell) => cell !== null).length;
  expect(arrived).toBeGreaterThan(0);
  expect(arrived).toBeLessThan(cells.length);
  expect(stopped.complaints).toContain(
    `Stopped with ${arrived} of ${cells.length} cells. Run the same command again to go on.`,
  );
  // A line for the names, two for the baselines, one for each cell.
  expect(readFileSync(join(out(), 'cells.csv'), 'utf8').trim().split('\n')).toHaveLength(3 + arrived);

  // A number that no run gives: where it is still there, its cell was not computed again.
  const marked = partial.streams.map((stream) => ({
    ...stream,
    cells: stream.cells.map((cell) => cell && { ...cell, rank: cell.rank.map(() => 12_345) }),
  }));
  writeFileSync(join(out(), 'result.json'), JSON.stringify({ ...partial, streams: marked }));
  const ended = await trace(args);
  expect(ended.code).toBe(0);
  const whole = readResult();
  expect(isComplete(whole)).toBe(true);
  const kept = whole.streams.flatMap((stream) => stream.cells).filter((cell) => cell?.rank[0] === 12_345);
  expect(kept).toHaveLength(arrived);
});

test('the signal that a cluster sends is taken as an interrupt is, and no half-written file is left', async () => {
  const args = slowTrace();
  const stopped = await trace(args, '25 % of', 'SIGTERM');
  expect(stopped.code).toBe(143);
  expect(stopped.complaints).toContain('Run the same command again to go on.');
  expect(readdirSync(out()).sort()).toEqual(['cells.csv', 'figure.svg', 'result.json']);
  const partial = readTraceResult(JSON.parse(readFileSync(join(out(), 'result.json'), 'utf8')));
  expect(isComplete(partial)).toBe(false);
});

test('a result that cannot be written leaves the earlier one as it was, and says so', () => {
  const path = join(folder, 'result.json');
  writeWhole(path, 'first');
  expect(readFileSync(path, 'utf8')).toBe('first');
  writeWhole(path, 'second');
  expect(readFileSync(path, 'utf8')).toBe('second');
  expect(readdirSync(folder)).toEqual(['result.json']);
  // A folder in the place of the file: no user may replace it by one, the superuser neither.
  const taken = join(folder, 'taken');
  mkdirSync(join(taken, 'within'), { recursive: true });
  expect(() => writeWhole(taken, 'third')).toThrow(
    /^'.*taken' cannot be written \(.*What was there before is as it was;/,
  );
  expect(readdirSync(folder).sort()).toEqual(['result.json', 'taken']);
});
