// At which tokens which edit acts, before anything is run: of the prompt as it stands, and of the new tokens by the state that
// makes them. An edit at a prompt's last position changes the first new token, and is shown there too.

import { actsAt, type EditSpan } from '../../runtime/generation/editSpan.ts';
import type { TokenInfo } from '../../worker/protocol.ts';
import type { EditField } from './document.ts';
import { nameOfEdit } from './names.ts';
import { positionsIn, wholeIn } from './numberFields.ts';

export interface ActingRow {
  readonly id: number;
  readonly name: string;
  /** Of the prompt's tokens. */
  readonly prompt: readonly boolean[];
  /** Whether the state that makes new token k is edited. */
  readonly steps: readonly boolean[];
}

const count = (name: 'from' | 'count' | 'every', text: string) =>
  Number.isNaN(wholeIn(text)) ? {} : { [name]: wholeIn(text) };

/** As the kind reads it: by default at all steps, the one that makes the first new token included. */
export function spanOf(edit: EditField, tokens: readonly Pick<TokenInfo, 'isSpecial'>[]): EditSpan {
  const { prompt, steps, specialTokens } = edit;
  const positions = ((): EditSpan['prompt'] => {
    if (prompt === 'default') return undefined;
    if (prompt === 'positions') return positionsIn(edit.positions) ?? [];
    if (prompt === 'none' || specialTokens) return prompt;
    return [...tokens.keys()].filter((at) => at > 0 && tokens[at]?.isSpecial !== true);
  })();
  return {
    ...(positions === undefined ? {} : { prompt: positions }),
    ...(steps === 'default'
      ? {}
      : {
          steps:
            steps === 'range'
              ? {
                  ...count('from', edit.firstStep),
                  ...count('count', edit.stepCount),
                  ...count('every', edit.everyStep),
                }
              : steps,
        }),
  };
}

/**
 * @param tokens of the prompt
 * @param newTokens how many are asked for
 * @returns a row for each edit that is on
 * @throws PlanError for a position that the prompt does not have
 */
export function actingRows(
  edits: readonly EditField[],
  tokens: readonly Pick<TokenInfo, 'isSpecial'>[],
  newTokens: number,
): readonly ActingRow[] {
  return edits
    .filter(({ on }) => on)
    .map((edit) => {
      const acts = actsAt(spanOf(edit, tokens), tokens.length);
      return {
        id: edit.id,
        name: nameOfEdit(edit),
        prompt: tokens.map((_, position) => acts(position)),
        steps: Array.from({ length: newTokens }, (_, step) => acts(tokens.length - 1 + step)),
      };
    });
}

/**
 * Whether the states of the first new tokens are edited. The prompt's last state makes the first of them; new token k is fed back
 * to make the next, and the last one that is asked for is fed back to nothing.
 */
export const fedBack = ({ steps }: Pick<ActingRow, 'steps'>, count: number): readonly boolean[] =>
  Array.from({ length: Math.min(count, steps.length) }, (_, token) => steps[token + 1] ?? false);

/** The row in words: `v acts at position 3 of the prompt and where new tokens 1 to 3 are made.` */
export function spokenRow({ name, prompt, steps }: ActingRow): string {
  const ranges = (flags: readonly boolean[], from: number): string => {
    const found: string[] = [];
    for (let at = 0; at < flags.length; at++) {
      if (!flags[at]) continue;
      const start = at;
      while (flags[at + 1]) at++;
      found.push(start === at ? `${start + from}` : `${start + from} to ${at + from}`);
    }
    return found.join(', ');
  };
  const isOne = (found: string) => /^\d+$/.test(found);
  const [inPrompt, inSteps] = [ranges(prompt, 0), ranges(steps, 1)];
  const where = [
    inPrompt === '' ? null : `at ${isOne(inPrompt) ? 'position' : 'positions'} ${inPrompt} of the prompt`,
    inSteps === ''
      ? null
      : `where new ${isOne(inSteps) ? `token ${inSteps} is` : `tokens ${inSteps} are`} made`,
  ].filter((part) => part !== null);
  return `${name} acts ${where.length === 0 ? 'nowhere' : where.join(' and ')}.`;
}
