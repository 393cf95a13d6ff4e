// npx tsx bench/generate/run.ts MODEL.gguf --python PYTHON [--turns 1] [--only torch,node,wasm]
// Greedy continuations of 128 tokens after a prompt of 32, one row and eight, with and without a vector added at layer 12,
// Patchbay on Node and on WASM against PyTorch with transformers' cache, each in a process of its own, one after another.
// Two threads each. Fails when two of them end with other tokens.

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine } from '../machine.ts';
import { measure } from '../measure.ts';

export interface Measured {
  readonly cases: readonly {
    readonly rows: number;
    readonly isEdited: boolean;
    /** From the call to the first new token of all rows. */
    readonly firstSeconds: number;
    /** Of all rows together, the first token left aside. */
    readonly tokensPerSecond: number;
    /** Processor time of one step of all rows: what a busy machine disturbs least. */
    readonly processorMs: number;
    /** The last token of each row. */
    readonly last: readonly number[];
    /** Bytes on the device at the end, weights left aside; and after the decoder was disposed. */
    readonly cacheBytes: number;
    readonly leftBytes: number;
  }[];
}

const isMain = process.argv[1] === fileURLToPath(import.meta.url);
if (isMain) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      python: { type: 'string', default: 'python3' },
      turns: { type: 'string', default: '1' },
      only: { type: 'string', default: 'torch,node,wasm' },
    },
  });
  const [model] = positionals;
  if (!model) throw new Error('Usage: npx tsx bench/generate/run.ts MODEL.gguf --python PYTHON');
  const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const size = ['32', '128', values.turns];
  const sides: Readonly<Record<string, () => Measured>> = {
    torch: () => measure<Measured>(values.python, here('torch_generate.py'), model, ...size),
    node: () => measure<Measured>('npx', 'tsx', here('patchbay.ts'), 'node', model, ...size),
    wasm: () => measure<Measured>('npx', 'tsx', here('patchbay.ts'), 'wasm', model, ...size),
  };
  const found = values.only.split(',').map((name) => ({ name, ...(sides[name]?.() ?? { cases: [] }) }));
  console.log(describeMachine());
  const [reference] = found;
  reference?.cases.forEach(({ rows, isEdited, tokensPerSecond, processorMs, firstSeconds, last }, index) => {
    console.log(`${rows} ${rows === 1 ? 'row' : 'rows'}${isEdited ? ', edited' : ''}`);
    for (const { name, cases } of found) {
      const own = cases[index];
      if (!own) continue;
      const mebibytes = (own.cacheBytes / 2 ** 20).toFixed(1);
      console.log(
        `  ${name.padEnd(6)} ${own.tokensPerSecond.toFixed(1)} tokens/s (${(own.tokensPerSecond / tokensPerSecond).toFixed(2)}), ` +
          `${own.processorMs.toFixed(1)} ms of processor time a step (${(own.processorMs / processorMs).toFixed(2)}), ` +
          `first token after ${own.firstSeconds.toFixed(3)} s (${(own.firstSeconds / firstSeconds).toFixed(2)}), ` +
          `${mebibytes} MiB kept, ${own.leftBytes} bytes left`,
      );
      if (`${own.last}` !== `${last}`) {
        console.log(`  ${name} ends with tokens ${own.last}, ${found[0]?.name} with ${last}`);
        process.exitCode = 1;
      }
    }
  });
}
