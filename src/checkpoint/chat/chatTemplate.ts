// A chat as the text that a model was trained on: Jinja templates from third parties, rendered by Hugging Face's library.
//
// A template can loop for ever. This file renders in place; who renders gives it a deadline (renderOnNode.ts, and in a page a
// worker of its own).

import { Template } from '@huggingface/jinja';
import { reasonOf } from '../../messages/wording.ts';
import type { GenerationFiles } from '../checkpoint.ts';

export interface ChatTurn {
  /** `system`, `user`, `assistant`, or what else the template knows. */
  readonly role: string;
  readonly content: string;
}

export interface ChatRequest {
  readonly turns: readonly ChatTurn[];
  /** Of several templates; default `default`. */
  readonly template?: string;
  /** The date that the template takes for today; default 2 January 2025, so that a run does not change with the day. */
  readonly date?: Date;
  /** Whether the text ends where the model's reply begins; default true. */
  readonly addGenerationPrompt?: boolean;
}

/** A chat cannot be written down. The message names the reason; where the template gives one, in its words. */
export class ChatTemplateError extends Error {
  override readonly name = 'ChatTemplateError';
}

const fixedDate = new Date(Date.UTC(2025, 0, 2));
const longestText = 1 << 22;

const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** Python's strftime in the C locale and in UTC, for the codes that templates use. */
function formatDate(date: Date, format: string): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const month = months[date.getUTCMonth()] ?? '';
  const weekday = weekdays[date.getUTCDay()] ?? '';
  const codes: Readonly<Record<string, string>> = {
    Y: String(date.getUTCFullYear()),
    y: two(date.getUTCFullYear() % 100),
    m: two(date.getUTCMonth() + 1),
    d: two(date.getUTCDate()),
    B: month,
    b: month.slice(0, 3),
    A: weekday,
    a: weekday.slice(0, 3),
    H: two(date.getUTCHours()),
    M: two(date.getUTCMinutes()),
    S: two(date.getUTCSeconds()),
    '%': '%',
  };
  return format.replace(/%([A-Za-z%])/g, (whole, code: string) => codes[code] ?? whole);
}

/** The library's own strftime_now tells the day, and its name is taken: a template that asks for it is given ours. */
const withFixedDate = (source: string): string =>
  source.includes('strftime_now') ? `{% set strftime_now = fixed_now %}${source}` : source;

/** The template that a chat is written with. @throws ChatTemplateError when the model has none, or not that one */
export function templateOf({ chatTemplates }: GenerationFiles, name = 'default'): string {
  const found = chatTemplates.get(name);
  if (found !== undefined) return found;
  throw new ChatTemplateError(
    chatTemplates.size === 0
      ? 'This model has no chat template, so it was trained on texts and not on turns. Give the prompt as a text.'
      : `This model has no chat template '${name}'. It has: ${[...chatTemplates.keys()].join(', ')}.`,
  );
}

/**
 * @returns the text, to be tokenised without adding special tokens: the template has written them
 * @throws ChatTemplateError when the template is missing, damaged, or refuses the turns
 */
export function renderChat(files: GenerationFiles, request: ChatRequest): string {
  const { turns, date = fixedDate, addGenerationPrompt = true } = request;
  if (turns.length === 0) throw new ChatTemplateError('The chat has no turns. Give at least one.');
  const source = templateOf(files, request.template);
  let text: string;
  try {
    text = new Template(withFixedDate(source)).render({
      ...files.specialTokens,
      messages: turns.map(({ role, content }) => ({ role, content })),
      add_generation_prompt: addGenerationPrompt,
      fixed_now: (format: string) => formatDate(date, format),
    });
  } catch (cause) {
    throw new ChatTemplateError(`The chat template refuses these turns: ${reasonOf(cause)}`, { cause });
  }
  if (text.length > longestText)
    throw new ChatTemplateError(
      `The chat template makes a text of ${text.length} characters of these turns, more than any model reads.`,
    );
  return text;
}
