// The classes of a model that has labels in place of tokens.

import type { Architecture } from '../architectures/architecture.ts';
import type { Tokenizer } from '../checkpoint/checkpoint.ts';
import { didYouMean } from '../messages/nearest.ts';
import { quoted } from '../messages/wording.ts';
import { ExperimentError } from './experimentFile.ts';
import type { NamedToken } from './tokens.ts';

const digits = /^\d+$/;

/**
 * A class that a person names by its label or its number. A text of digits is a number as well, as a field gives it, unless
 * some class is itself called by digits: then a text is a name and nothing else.
 * @param what names it in messages: 'the answer'
 * @throws ExperimentError for one that the model does not have, or a label that two classes share
 */
export function labelNamed(name: string | number, what: string, labels: readonly string[]): NamedToken {
  const isNumber =
    typeof name === 'string' && digits.test(name) && !labels.some((label) => digits.test(label));
  const number = isNumber ? Number(name) : name;
  const found = labels.flatMap((label, id) => (id === number || label === name ? [{ id, text: label }] : []));
  const [only] = found;
  if (only && found.length === 1) return only;
  const shown = typeof name === 'string' ? quoted(name) : String(name);
  throw new ExperimentError(
    only
      ? `${found.length} classes are called ${shown}, ${what}. Give its number: ${found.map(({ id }) => id).join(' or ')}.`
      : `The model has no class ${shown}, ${what}. ${typeof name === 'string' && !isNumber ? didYouMean(name, labels) : `Its classes are 0 to ${labels.length - 1}.`}`.trim(),
  );
}

/** What predictions are called: a classifier's labels, else tokens; undefined where nothing names them. */
export function wordsOf(
  { labels }: Pick<Architecture, 'labels'>,
  tokenizer: Pick<Tokenizer, 'tokenText'> | undefined,
): ((id: number) => string) | undefined {
  if (labels) return (id) => labels[id] ?? `#${id}`;
  return tokenizer && ((id) => tokenizer.tokenText(id));
}
