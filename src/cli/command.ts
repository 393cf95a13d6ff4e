// What a command of the program is: its words, as data, so that what it takes and what --help says of it are one thing.

/** A command line as it was read. */
export interface Arguments {
  readonly positionals: readonly string[];
  /** The value of an option, or undefined. */
  text(name: string): string | undefined;
  /** The values of an option that may be repeated. */
  texts(name: string): readonly string[];
  /** Whether an option without a value was given. */
  has(name: string): boolean;
}

export interface CommandOption {
  /** What stands for the value in the help; absent for an option that has none. */
  readonly value?: string;
  /** In a few words; what it is when it is left out. */
  readonly about: string;
  /** It may be given several times. */
  readonly isRepeated?: boolean;
  /** The command cannot do without it. */
  readonly isRequired?: boolean;
}

export interface Command {
  readonly name: string;
  /** One line in the list of commands. */
  readonly about: string;
  /** What is given without a name, as the help writes it: `MODEL "text"`. */
  readonly positionals: string;
  readonly options: Readonly<Record<string, CommandOption>>;
  /** Paragraphs after the options. */
  readonly notes?: readonly string[];
  /** @returns the exit code: 0 done, 1 failed, 130 interrupted */
  readonly run: (args: Arguments) => Promise<number>;
}

/** What the commands that open a model say of MODEL. */
export const modelNote =
  'MODEL is tiny-atlas (the embedded model), a folder, a .gguf file, an .onnx file, or an id of the Hub: owner/name, owner/name@revision, owner/name:FILE.gguf.';

const optionWords = (name: string, { value }: CommandOption): string =>
  value === undefined ? `--${name}` : `--${name} ${value}`;

/** `Usage: patchbay predict MODEL "text" [--count N] ...`, without an end of line */
export function usageOf({ name, positionals, options }: Command): string {
  const words = Object.entries(options).map(([option, about]) =>
    about.isRequired ? optionWords(option, about) : `[${optionWords(option, about)}]`,
  );
  return ['Usage: patchbay', name, positionals, ...words].filter((word) => word !== '').join(' ');
}

const width = 100;

/** A text in lines of at most so many characters, indented. */
export function wrapped(text: string, indent: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((each) => ' '.repeat(indent) + each).join('\n');
}

/** Two columns: a name, and what it is. */
export function described(rows: readonly (readonly [name: string, about: string])[]): string {
  const names = Math.min(34, Math.max(...rows.map(([name]) => name.length)));
  return rows
    .map(([name, about]) => {
      const text = wrapped(about, names + 4);
      return name.length > names ? `  ${name}\n${text}` : `  ${name.padEnd(names + 2)}${text.trimStart()}`;
    })
    .join('\n');
}

/** What `patchbay COMMAND --help` prints. */
export function helpOf(command: Command): string {
  const options = Object.entries(command.options);
  const rows = options.map(([name, option]) => [optionWords(name, option), option.about] as const);
  return [
    `${['patchbay', command.name, command.positionals].filter((word) => word !== '').join(' ')}\n\n${wrapped(command.about, 2)}`,
    ...(rows.length > 0 ? [described(rows)] : []),
    ...(command.notes ?? []).map((note) => wrapped(note, 0)),
  ].join('\n\n');
}
