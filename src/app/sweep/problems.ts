// Which field a sentence belongs to: what is missing in a document, what is unfinished in it, and what the engine says of the
// experiment, whose sentences name their places as the file does.

import { corruptedParts } from '../../experiments/pairs.ts';
import { readWords } from '../../experiments/watched.ts';
import type { ModelReads } from '../../worker/protocol.ts';
import { missingBytes } from '../prompt/givenProblem.ts';
import type { SweepDocument, SweepExperiment } from './document.ts';
import { hasCorrupted } from './document.ts';

/**
 * What is missing or unfinished, by the name of its field.
 * @param reads what the model reads beside a text; null where it reads none, or there is no model yet
 */
export function problemsOf(
  { experiment, unfinished }: SweepDocument,
  reads: ModelReads | null = null,
): ReadonlyMap<string, string> {
  const problems = new Map(Object.entries(unfinished).map(([field, { why }]) => [field, why]));
  const needsSecond = hasCorrupted(experiment);
  const { pairs } = experiment;
  pairs.forEach((pair, index) => {
    const { clean, corrupted } = pair;
    const [of, forPair] = pairs.length > 1 ? [` of pair ${index + 1}`, ` for pair ${index + 1}`] : ['', ''];
    const note = (name: string, why: string) => {
      const field = `pairs.${index}.${name}`;
      if (!problems.has(field)) problems.set(field, why);
    };
    const kind = reads?.kind === 'text' ? undefined : reads?.kind;
    const own = kind && pair[kind];
    if (kind && own === undefined)
      note(kind, `This model reads ${readWords[kind]}. Choose one${forPair}, or drop it here.`);
    for (const name of ['image', 'sound', 'corruptedImage', 'corruptedSound'] as const) {
      const given = pair[name];
      const why = given && missingBytes(given, 'The sweep');
      if (why) note(name, why);
    }
    const isBeside = kind !== undefined || pair.image !== undefined || pair.sound !== undefined;
    if ((!isBeside || reads?.isAsked) && typeof clean === 'string' && clean.trim() === '')
      note('clean', `Type the clean prompt${of}.`);
    if (!needsSecond) return;
    const isEmpty = typeof corrupted === 'string' && corrupted.trim() === '' && !isBeside;
    if (corruptedParts(pair) !== undefined && !isEmpty) return;
    if (kind && own !== undefined)
      note(
        kind === 'image' ? 'corruptedImage' : 'corruptedSound',
        `Choose ${kind === 'image' ? 'the corrupted picture' : 'the corrupted sound'}${forPair}${reads?.isAlone ? '' : ', or type a corrupted prompt'}.`,
      );
    else note('corrupted', `Type the corrupted prompt${of}: as many tokens, and another answer.`);
  });
  return problems;
}

/** Lists of the file, with what of an item a place without a field of its own means. */
const lists: Readonly<Record<string, string>> = {
  sweeps: 'component',
  receivers: 'component',
  pairs: 'clean',
};

/** `sweeps.0.window` of a place in the file that a sentence names; null for one that has no field. */
function fieldAt(place: string): string | null {
  const [list = '', index, name] = place.split('.');
  const own = lists[list];
  if (own !== undefined) return index === undefined ? null : `${list}.${index}.${name ?? own}`;
  if (list === 'ablation') return index === undefined ? 'ablation' : `ablation.${index}`;
  return ['direction', 'sending', 'senders', 'mlps', 'components', 'steps', 'parts'].includes(list)
    ? list
    : null;
}

const promptNames = { 'clean prompt': 'clean', 'corrupted prompt': 'corrupted' } as const;

/** A sentence about a pair, whose number it says, or which is the only one. */
function pairField(message: string, count: number): string | null {
  const number = /\b[Pp]air (\d+)\b/.exec(message)?.[1];
  if (number === undefined && count > 1) return null;
  const field = (name: string) => `pairs.${number === undefined ? 0 : Number(number) - 1}.${name}`;
  // Where both prompts are named, it is the second that is to be made like the first.
  if (/corrupted (?:prompt|one)/.test(message)) return field('corrupted');
  if (/distractor/i.test(message)) return field('distractor');
  if (/\bthe answer\b/i.test(message)) return field('answer');
  const prompt = Object.entries(promptNames).find(([words]) => message.includes(words))?.[1];
  return prompt === undefined ? null : field(prompt);
}

/**
 * The field that a sentence of the engine is about.
 * @returns null where it is about the whole; it stands beside the button then
 */
export function fieldOf(message: string, experiment: SweepExperiment): string | null {
  for (const [, place = ''] of message.matchAll(/'([a-z]+(?:\.\w+)*)'/g)) {
    const field = /\.|^(?:sending|senders|components|steps|direction|ablation|mlps|parts)$/.test(place)
      ? fieldAt(place)
      : null;
    if (field !== null) return field;
  }
  if (/\bof the ablation\b/.test(message)) return 'ablation.prompts';
  if (/^The ablation draws/.test(message)) return 'ablation.samples';
  const pair = pairField(message, experiment.pairs.length);
  if (pair !== null) return pair;
  // A component by its name alone: the first that asks for it.
  const named = /'(\w+)'/.exec(message)?.[1];
  const sweeps: unknown = Reflect.get(experiment, 'sweeps');
  const at = Array.isArray(sweeps)
    ? sweeps.findIndex((sweep: { readonly component?: unknown }) => sweep.component === named)
    : -1;
  if (named !== undefined && at >= 0) return `sweeps.${at}.component`;
  const components: unknown = Reflect.get(experiment, 'components');
  return Array.isArray(components) && components.includes(named) ? 'components' : null;
}
