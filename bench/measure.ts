// Measures in a process of its own, so that neither side's memory or threads touch the other's.

import { execFileSync } from 'node:child_process';

/** Run a program whose last line is its result as JSON; the caller says of which form. @throws Error when it fails */
export function measure<Measured>(command: string, ...words: readonly string[]): Measured {
  const printed = execFileSync(command, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return JSON.parse(printed.trim().split('\n').at(-1) ?? '');
}
