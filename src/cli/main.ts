// The program: `npx patchbay COMMAND ...`. A command is read from the disk when it is asked for, so that the quick ones start
// quickly.

import { readArguments, UsageError } from './arguments.ts';
import { type Command, described, helpOf, modelNote, wrapped } from './command.ts';
import { version } from './installation.ts';

const commands: Readonly<Record<string, () => Promise<{ readonly command: Command }>>> = {
  serve: () => import('./commands/serve.ts'),
  components: () => import('./commands/components.ts'),
  predict: () => import('./commands/predict.ts'),
  generate: () => import('./commands/generate.ts'),
  trace: () => import('./commands/trace.ts'),
  run: () => import('./commands/run.ts'),
  export: () => import('./commands/export.ts'),
  conformance: () => import('./commands/conformance.ts'),
  devices: () => import('./commands/devices.ts'),
};

const isHelp = (word: string): boolean => word === '--help' || word === '-h';

/** Words after a lone `--` are no options. */
function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  return words.slice(0, end < 0 ? undefined : end).some(isHelp);
}

async function generalHelp(): Promise<string> {
  const all = await Promise.all(Object.values(commands).map((load) => load()));
  const rows = all.map(
    ({ command: { name, positionals, options, about } }) =>
      [
        [
          'patchbay',
          name,
          positionals,
          ...Object.entries(options).flatMap(([option, { value, isRequired }]) =>
            isRequired ? [`--${option} ${value}`] : [],
          ),
        ]
          .filter((word) => word !== '')
          .join(' '),
        about,
      ] as const,
  );
  return [
    'Patchbay: causal interventions on neural networks',
    described([['patchbay', 'serve the workbench to the browser'], ...rows]),
    'patchbay COMMAND --help says what a command takes; patchbay --version, which version this is.',
    wrapped(modelNote, 0),
  ].join('\n\n');
}

async function commandOf(name: string): Promise<Command> {
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load) return (await load()).command;
  throw new UsageError(
    `There is no command '${name}'. Known: ${Object.keys(commands).join(', ')}. patchbay --help says more.`,
  );
}

async function obey(words: readonly string[]): Promise<number> {
  const [first = '', ...rest] = words;
  if (first === '--version' || first === '-v') {
    console.log(version);
    return 0;
  }
  if (isHelp(first) || (first === 'help' && rest.length === 0)) {
    console.log(await generalHelp());
    return 0;
  }
  // Without a command, options are those of the page: `patchbay --port 8080`.
  const isPage = first === '' || first.startsWith('-');
  const [name = '', ...own] = first === 'help' ? [...rest, '--help'] : isPage ? ['serve', ...words] : words;
  const command = await commandOf(name);
  if (asksForHelp(own)) {
    console.log(helpOf(command));
    return 0;
  }
  return await command.run(readArguments(own, command));
}

/** @returns the exit code: 0 done, 1 failed, 2 not understood, 130 interrupted */
export async function main(words: readonly string[]): Promise<number> {
  try {
    return await obey(words);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return error instanceof UsageError ? 2 : 1;
  }
}
