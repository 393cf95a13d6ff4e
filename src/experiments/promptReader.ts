// Prompts and watched tokens of an experiment as a model takes them, with what a person should know of each: the same for
// every kind that has several prompts.

import type { Architecture } from '../architectures/architecture.ts';
import type { Tokenizer } from '../checkpoint/checkpoint.ts';
import { schedule } from '../runtime/plan/schedule.ts';
import { answerToken } from './answers.ts';
import { labelNamed } from './labels.ts';
import type { Notice } from './notice.ts';
import { promptRow } from './planRuns.ts';
import { type NamedToken, promptNotices, tokensOf } from './tokens.ts';
import { type PromptParts, type WholePrompt, wholeNotices, wholePrompt } from './wholePrompt.ts';

export interface PromptReader {
  /**
   * @param what names it in messages: `clean prompt`
   * @throws ExperimentError for a text without tokens, and PlanError for a prompt that the model cannot take
   */
  readonly prompt: (text: string | readonly number[], what: string) => readonly number[];
  /** A prompt with what the model reads beside it. @throws as `prompt` does, and for a part that the model does not read */
  readonly whole: (parts: PromptParts, what: string, data: Float32Array | undefined) => WholePrompt;
  /** @param after the prompt that the token continues, or whose mask it fills @throws ExperimentError as `answerToken` does */
  readonly named: (
    name: string | number | undefined,
    what: string,
    after: string | readonly number[],
  ) => NamedToken | undefined;
}

/**
 * @param notices takes what is found
 * @param of which of several prompts the messages are about: ` of pair 2`
 */
export function promptReader(
  { architecture, tokenizer }: { architecture: Architecture; tokenizer: Tokenizer | undefined },
  notices: Notice[],
  of = '',
): PromptReader {
  return {
    prompt: (text, what) => {
      notices.push(...promptNotices(text, tokenizer, `The ${what}`));
      const tokens = tokensOf(text, tokenizer, `the ${what}${of}`);
      // The scheduler knows what prompts a model can take.
      schedule(architecture, { rows: [promptRow(tokens)], reads: [] });
      return tokens;
    },
    whole: (parts, what, data) => {
      notices.push(...wholeNotices(architecture, parts, tokenizer, `The ${what}`));
      const whole = wholePrompt(architecture, tokenizer, parts, data, `the ${what}${of}`);
      schedule(architecture, { rows: [{ start: whole.start, edits: [] }], reads: [] });
      return whole;
    },
    named: (name, what, after) => {
      if (name === undefined) return undefined;
      const { vocabularySize, isCausal, labels } = architecture;
      if (labels) return labelNamed(name, `the ${what}${of}`, labels);
      const token = answerToken(name, `the ${what}`, { tokenizer, vocabularySize, after, of, isCausal });
      notices.push(...token.notices);
      return { id: token.id, text: token.text };
    },
  };
}
