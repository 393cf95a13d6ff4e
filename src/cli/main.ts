// The headless runner: `npx patchbay COMMAND ...`.

import { readFileSync } from 'node:fs';
import { UsageError } from './arguments.ts';
import { componentsCommand } from './commands/components.ts';
import { conformanceCommand } from './commands/conformance.ts';
import { predictCommand } from './commands/predict.ts';
import { runCommand } from './commands/run.ts';
import { traceCommand } from './commands/trace.ts';

const commands: Readonly<Record<string, (words: readonly string[]) => Promise<number>>> = {
  components: componentsCommand,
  predict: predictCommand,
  trace: traceCommand,
  run: runCommand,
  conformance: conformanceCommand,
};

const help = `Patchbay: causal interventions on neural networks

  patchbay components MODEL             layers, components, shapes, and what each feeds
  patchbay predict MODEL "text"         the most probable next tokens
      [--count 10] [--backend node|wasm]
  patchbay trace MODEL "prompt"         restore hidden states one by one: which carry the answer
      --subject "text" [--samples 10] [--metric M] [--out DIR] [--backend node|wasm|webgpu] ...
  patchbay run FILE.json --out DIR      run an experiment file (a trace, a patch, path patching, an
                                        attribution, an alignment): result.json, tables, figures
      [--backend node|wasm|webgpu] [--model MODEL] [--metric M]
  patchbay conformance --fixtures DIR   compare with reference results
      [--backend node|wasm|webgpu] [--model MODEL] [--family F] [--kind K] [--tolerance T]

MODEL is tiny-atlas (embedded), a folder, a .gguf file, or a Hub id such as openai-community/gpt2.`;

/** @returns the exit code: 0 done, 1 failed, 2 not understood, 130 interrupted */
export async function main(words: readonly string[]): Promise<number> {
  const [name, ...rest] = words;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    console.log(help);
    return name === undefined ? 2 : 0;
  }
  if (name === '--version') {
    console.log(JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version);
    return 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  try {
    if (!command)
      throw new UsageError(`There is no command '${name}'. Known: ${Object.keys(commands).join(', ')}.`);
    return await command(rest);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return error instanceof UsageError ? 2 : 1;
  }
}
