// The texts of a steering as tokens: plain ones by the tokenizer, chats by the model's own template.

import type { Architecture } from '../../architectures/architecture.ts';
import type { ChatTurn } from '../../checkpoint/chat/chatTemplate.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { ExperimentError } from '../experimentFile.ts';
import type { GenerationSupport } from '../kind.ts';
import type { Notice } from '../notice.ts';
import { promptReader } from '../promptReader.ts';
import { type NamedToken, needTokenizer } from '../tokens.ts';
import type { SteerPassage, SteerWords } from './experiment.ts';

export interface ReadPassage {
  readonly tokens: readonly number[];
  /** As the template wrote a chat; null for a text or ids. */
  readonly rendered: string | null;
}

const noFiles: NonNullable<GenerationSupport['files']> = {
  generationConfig: {},
  chatTemplates: new Map(),
  specialTokens: {},
};

type Chat = Extract<SteerPassage, { readonly messages: unknown }>;

const isChat = (passage: SteerPassage): passage is Chat =>
  typeof passage === 'object' && 'messages' in passage;

/** A chat with what asks in words as its system turn, before the words of a system turn that is there. */
function askedTurns({ messages }: Chat, asked: string): readonly ChatTurn[] {
  const [first, ...rest] = messages;
  return first?.role === 'system'
    ? [{ role: 'system', content: `${asked}\n\n${first.content}` }, ...rest]
    : [{ role: 'system', content: asked }, ...messages];
}

export class PassageReader {
  readonly #architecture: Architecture;
  readonly #tokenizer: Tokenizer | undefined;
  readonly #support: GenerationSupport | undefined;
  readonly #notices: Notice[];

  /** @param notices takes what is found */
  constructor(
    architecture: Architecture,
    tokenizer: Tokenizer | undefined,
    support: GenerationSupport | undefined,
    notices: Notice[],
  ) {
    this.#architecture = architecture;
    this.#tokenizer = tokenizer;
    this.#support = support;
    this.#notices = notices;
  }

  #plain(text: string | readonly number[], what: string): ReadPassage {
    const { prompt } = promptReader(
      { architecture: this.#architecture, tokenizer: this.#tokenizer },
      this.#notices,
    );
    return { tokens: prompt(text, what), rendered: null };
  }

  async #chat(turns: readonly ChatTurn[], reply: string | undefined, what: string): Promise<ReadPassage> {
    const support = this.#support;
    if (!support)
      throw new ExperimentError(
        `The ${what} is a chat, and there is no template to write it down. Give it as a text.`,
      );
    // A chat that ends with a reply is read as it stands; the others go on with one.
    const addGenerationPrompt = turns.at(-1)?.role !== 'assistant';
    if (!addGenerationPrompt && reply !== undefined)
      throw new ExperimentError(
        `The ${what} ends with a turn of the assistant and has a 'reply' besides. Write the beginning of the reply in one of them.`,
      );
    const written = await support.renderChat(support.files ?? noFiles, { turns, addGenerationPrompt });
    const rendered = written + (reply ?? '');
    // The template has written the special tokens.
    const tokens = needTokenizer(this.#tokenizer, `the ${what}`).encode(rendered, {
      addSpecialTokens: false,
    });
    return { ...this.#plain(tokens, what), rendered };
  }

  /**
   * @param what names it in messages: `prompt 2`
   * @throws ExperimentError, ChatTemplateError or PlanError when it cannot be read
   */
  async read(passage: SteerPassage, what: string): Promise<ReadPassage> {
    return isChat(passage) ? this.#chat(passage.messages, passage.reply, what) : this.#plain(passage, what);
  }

  /** A passage with words that ask before it; in a chat they are a system turn. @throws as `read` does, and for token ids */
  async asked(passage: SteerPassage, asked: string, what: string): Promise<ReadPassage> {
    if (isChat(passage)) return this.#chat(askedTurns(passage, asked), passage.reply, what);
    if (typeof passage === 'string') return this.#plain(asked + passage, what);
    throw new ExperimentError(
      `The ${what} is given as token ids, and cannot be asked in words. Give it as a text, or leave the column 'asked' out.`,
    );
  }

  /** The tokens that an effect is measured on, after a passage. */
  words(
    { towards, away }: SteerWords,
    after: SteerPassage,
    { tokens }: ReadPassage,
    what: string,
  ): { readonly towards: readonly NamedToken[]; readonly away: readonly NamedToken[] } {
    const { named } = promptReader(
      { architecture: this.#architecture, tokenizer: this.#tokenizer },
      this.#notices,
      ` of ${what}`,
    );
    // A chat's words follow what the template has written.
    const before = isChat(after) ? tokens : after;
    const all = (words: readonly (string | number)[], side: string) =>
      words.flatMap((word) => named(word, `word ${side}`, before) ?? []);
    return { towards: all(towards, 'towards'), away: all(away, 'away') };
  }
}
