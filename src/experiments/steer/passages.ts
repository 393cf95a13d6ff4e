// The texts of a steering as tokens: plain ones by the tokenizer, chats by the model's own template.

import { type Architecture, readsMore } from '../../architectures/architecture.ts';
import type { ChatTurn } from '../../checkpoint/chat/chatTemplate.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { ExperimentError } from '../experimentFile.ts';
import { partsOfGiven } from '../givenPrompt.ts';
import { type InputData, readInput } from '../inputData.ts';
import type { GenerationSupport, KindResolveOptions } from '../kind.ts';
import type { Notice } from '../notice.ts';
import { promptReader } from '../promptReader.ts';
import { type NamedToken, needTokenizer } from '../tokens.ts';
import { wordsOfReading } from '../watched.ts';
import { checkParts, type PromptParts } from '../wholePrompt.ts';
import { isChat, type SteerChat, type SteerPassage, type SteerWords } from './experiment.ts';
import { type PassageRun, textRun } from './passageRun.ts';

export interface ReadPassage extends PassageRun {
  /** What the next token continues. */
  readonly written: string | readonly number[];
  /** As the template wrote a chat; null for a text or ids. */
  readonly rendered: string | null;
}

const noFiles: NonNullable<GenerationSupport['files']> = {
  generationConfig: {},
  chatTemplates: new Map(),
  specialTokens: {},
};

type Preprocessor = NonNullable<KindResolveOptions['preprocessor']>;

/** A chat with what asks in words as its system turn, before the words of a system turn that is there. */
function askedTurns({ messages }: SteerChat, asked: string): readonly ChatTurn[] {
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
  readonly #preprocessor: Preprocessor;

  /** @param notices takes what is found @param preprocessor what the model's files say of pictures and sounds */
  constructor(
    architecture: Architecture,
    tokenizer: Tokenizer | undefined,
    support: GenerationSupport | undefined,
    notices: Notice[],
    preprocessor: Preprocessor = async () => undefined,
  ) {
    this.#preprocessor = preprocessor;
    this.#architecture = architecture;
    this.#tokenizer = tokenizer;
    this.#support = support;
    this.#notices = notices;
  }

  /** The picture or the sound of a passage as numbers; undefined for a model of tokens. */
  protected inputOf(parts: PromptParts): Promise<Pick<InputData, 'data' | 'notices'> | undefined> {
    return readInput(this.#architecture, parts, this.#preprocessor);
  }

  async #plain(parts: PromptParts, what: string): Promise<ReadPassage> {
    const architecture = this.#architecture;
    const { prompt, whole } = promptReader({ architecture, tokenizer: this.#tokenizer }, this.#notices);
    if (!readsMore(architecture)) {
      checkParts(architecture, parts);
      return { ...textRun(prompt(parts.prompt, what)), written: parts.prompt, rendered: null };
    }
    const read = await this.inputOf(parts);
    this.#notices.push(...(read?.notices ?? []));
    const { start, tokens, input, written } = whole(parts, what, read?.data);
    return { start, tokens, ...(input ? { input } : {}), written, rendered: null };
  }

  async #chat(turns: readonly ChatTurn[], reply: string | undefined, what: string): Promise<ReadPassage> {
    const support = this.#support;
    const architecture = this.#architecture;
    if (readsMore(architecture))
      throw new ExperimentError(
        `The ${what} is a chat, and this ${architecture.modelType} model reads ${wordsOfReading(architecture)}. Give it as a text.`,
      );
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
    return { ...(await this.#plain({ prompt: tokens }, what)), rendered };
  }

  /**
   * @param what names it in messages: `prompt 2`
   * @throws ExperimentError, ChatTemplateError or PlanError when it cannot be read
   */
  async read(passage: SteerPassage, what: string): Promise<ReadPassage> {
    return isChat(passage)
      ? this.#chat(passage.messages, passage.reply, what)
      : this.#plain(partsOfGiven(passage), what);
  }

  /** A passage with words that ask before it; in a chat they are a system turn. @throws as `read` does, and for token ids */
  async asked(passage: SteerPassage, asked: string, what: string): Promise<ReadPassage> {
    if (isChat(passage)) return this.#chat(askedTurns(passage, asked), passage.reply, what);
    const parts = partsOfGiven(passage);
    if (typeof parts.prompt === 'string')
      return this.#plain({ ...parts, prompt: asked + parts.prompt }, what);
    throw new ExperimentError(
      `The ${what} is given as token ids, and cannot be asked in words. Give it as a text, or leave the column 'asked' out.`,
    );
  }

  /** The tokens that an effect is measured on, after a passage. */
  words(
    { towards, away }: SteerWords,
    after: SteerPassage,
    { tokens, written }: ReadPassage,
    what: string,
  ): { readonly towards: readonly NamedToken[]; readonly away: readonly NamedToken[] } {
    const { named } = promptReader(
      { architecture: this.#architecture, tokenizer: this.#tokenizer },
      this.#notices,
      ` of ${what}`,
    );
    // A chat's words follow what the template has written.
    const before = isChat(after) ? tokens : written;
    const all = (words: readonly (string | number)[], side: string) =>
      words.flatMap((word) => named(word, `word ${side}`, before) ?? []);
    return { towards: all(towards, 'towards'), away: all(away, 'away') };
  }
}
