// Reads a command's arguments, and says in one sentence what is wrong with them.

import { type ParseArgsConfig, parseArgs } from 'node:util';
import { didYouMean } from '../messages/nearest.ts';
import { messageOf } from '../messages/wording.ts';
import { type Arguments, type Command, usageOf } from './command.ts';

/** The command line cannot be understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

type Options = NonNullable<ParseArgsConfig['options']>;

/** @throws UsageError for an option that the command does not have, and where one is missing that it needs */
export function readArguments(words: readonly string[], command: Command): Arguments {
  const options: Options = Object.fromEntries(
    Object.entries(command.options).map(([name, { value, isRepeated = false }]) => [
      name,
      { type: value === undefined ? ('boolean' as const) : ('string' as const), multiple: isRepeated },
    ]),
  );
  const args = parsed(words, options);
  for (const [name, { isRequired }] of Object.entries(command.options)) {
    if (isRequired && args.text(name) === undefined) throw new UsageError(usageOf(command));
  }
  return args;
}

function parsed(words: readonly string[], options: Options): Arguments {
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      options,
      allowPositionals: true,
      strict: true,
    });
    return {
      positionals,
      text: (name) => {
        const value = values[name];
        return typeof value === 'string' ? value : undefined;
      },
      texts: (name) => {
        const value = values[name];
        return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
      },
      has: (name) => values[name] === true,
    };
  } catch (error) {
    throw new UsageError(sentenceOf(messageOf(error), Object.keys(options)));
  }
}

/** Node's message about an option, without its advice on words that begin with a hyphen, and with what was meant. */
function sentenceOf(message: string, known: readonly string[]): string {
  const unknown = /^Unknown option '([^']+)'/.exec(message)?.[1];
  if (unknown === undefined) return message;
  const meant = didYouMean(
    unknown,
    known.map((name) => `--${name}`),
  );
  return [`Unknown option '${unknown}'.`, meant, 'The command with --help lists its options.']
    .filter((part) => part !== '')
    .join(' ');
}

/** A whole number from 1 on. @throws UsageError */
export function readCount(text: string, name: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new UsageError(`--${name} must be a whole number from 1 on; it is '${text}'.`);
  return value;
}

/** One of a few words. @throws UsageError that lists them */
export function readChoice<T extends string>(text: string, name: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found === undefined)
    throw new UsageError(`--${name} must be one of ${choices.join(', ')}; it is '${text}'.`);
  return found;
}
