// How many threads a command computes with: `--threads`.

import { readCount, UsageError } from './arguments.ts';
import type { Arguments, CommandOption } from './command.ts';

export const threadsOption: CommandOption = {
  value: 'N',
  about: 'threads for one operator; without it as many as the machine has cores, on wasm 2',
};

/** @throws UsageError for what is not a number of threads, and where the graphics adapter computes */
export function readThreads(args: Arguments, backend: string): number | undefined {
  const text = args.text('threads');
  if (text === undefined) return undefined;
  if (backend !== 'node' && backend !== 'wasm')
    throw new UsageError(
      `--threads is for the backends node and wasm; on ${backend} the graphics adapter computes. Leave it out.`,
    );
  return readCount(text, 'threads');
}
