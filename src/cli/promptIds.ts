// A prompt as token ids on the command line, for a model without a tokenizer.

import { UsageError } from './arguments.ts';
import type { CommandOption } from './command.ts';

export const idsOption: CommandOption = {
  value: '5,17,3',
  about: 'the prompt as token ids in place of a text, for a model without a tokenizer',
};

/** @throws UsageError for what is no list of whole numbers */
export function readIds(text: string, option = 'ids'): readonly number[] {
  const ids = text.split(/[\s,]+/).filter((part) => part !== '');
  if (ids.length > 0 && ids.every((id) => /^\d+$/.test(id))) return ids.map(Number);
  throw new UsageError(`--${option} must be token ids such as 5,17,3; it is '${text}'.`);
}
