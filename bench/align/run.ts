// npx tsx bench/align/run.ts MODEL.gguf --python PYTHON [--threads 2] [--only 13:1,0:1]
// Seconds for a step of training a rotation at block_output of layer 15 of SmolLM2-135M, 16 pairs of prompts of 14 tokens:
// at the last and the first position, with 1 and 64 directions, here on Node and in pyvene. Medians of 10 steps, the memory
// that training takes, and the machine. Both take the same prompts; the rotations start at random, so only the size of the losses is compared.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine, median } from '../machine.ts';
import { measure } from '../measure.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: 'string', default: 'python3' },
    threads: { type: 'string', default: '2' },
    only: { type: 'string', default: '13:1,0:1,13:64,0:64' },
  },
});
const [model] = positionals;
if (!model) throw new Error('Usage: npx tsx bench/align/run.ts MODEL.gguf --python PYTHON [--threads 2]');
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

interface Measured {
  readonly losses: readonly number[];
  /** Of each step: seconds, and seconds of processor time. */
  readonly times: readonly (readonly [number, number])[];
  /** What runs once before the steps. */
  readonly keepSeconds?: number;
  /** Bytes: see patchbay.ts. */
  readonly memory: {
    readonly processBytes: number;
    readonly tensorBytes?: number;
    readonly keptBytes?: number;
  };
}

const megabytes = (bytes = Number.NaN): string => `${(bytes / 1e6).toFixed(0)} MB`;

const { threads, python } = values;
const folder = mkdtempSync(join(tmpdir(), 'patchbay-align-'));
console.log(`${describeMachine()}; ${threads} threads`);
try {
  for (const named of values.only.split(',')) {
    const [position = '', rank = ''] = named.split(':');
    const ours = measure<Measured>('npx', 'tsx', here('patchbay.ts'), model, threads, position, rank, folder);
    const theirs = measure<Measured>(
      python,
      here('pyvene_align.py'),
      'steps',
      model,
      join(folder, 'plan.json'),
      threads,
    );
    const [seconds, pyvene] = [ours, theirs].map(({ times }) => median(times.slice(1).map(([s]) => s)));
    const [cpu, pyveneCpu] = [ours, theirs].map(({ times }) => median(times.slice(1).map(([, s]) => s)));
    if (!seconds || !pyvene || !cpu || !pyveneCpu) throw new Error('Nothing was measured.');
    console.log(
      `position ${position}, ${rank} directions: ${seconds.toFixed(3)} s a step against ${pyvene.toFixed(3)} s, ${(seconds / pyvene).toFixed(2)} of it; ` +
        `processor time ${cpu.toFixed(2)} s against ${pyveneCpu.toFixed(2)} s, ${(cpu / pyveneCpu).toFixed(2)} of it; ` +
        `memory beyond the weights ${megabytes(ours.memory.processBytes)} of the process, in tensors ${megabytes(ours.memory.tensorBytes)}, kept between steps ${megabytes(ours.memory.keptBytes)}, against ${megabytes(theirs.memory.processBytes)}; ` +
        `before the steps ${ours.keepSeconds?.toFixed(1)} s; first losses ${ours.losses[0]?.toFixed(3)} and ${theirs.losses[0]?.toFixed(3)}`,
    );
  }
} finally {
  rmSync(folder, { recursive: true });
}
