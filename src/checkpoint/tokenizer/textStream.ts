// Text from ids as they come: never half a character, never the beginning of a string that stops it.
//
// A token may hold a part of a character, and a tokenizer's decoder drops the space before a first word, so ids are decoded
// together with those of the last piece of text, and only what is new is handed over.

import type { Tokenizer } from '../checkpoint.ts';

/** What stands for bytes that are not text. */
const unknown = '\uFFFD';
/** A character has at most four bytes: after as many tokens the sign stands for itself. */
const mostHeld = 4;

export interface StreamedText {
  /** What is certain and was not handed over before. */
  readonly text: string;
  /** The stop string that has come; nothing follows. */
  readonly stopped?: string;
}

export class TextStream {
  readonly #tokenizer: Tokenizer;
  readonly #stops: readonly string[];
  /** Ids of the last piece of text, or the prompt's end. */
  #context: readonly number[];
  #pending: number[] = [];
  #text = '';
  #shown = 0;
  #isStopped = false;

  /**
   * @param prompt ids before the text
   * @param stops  strings of at least one character
   */
  constructor(tokenizer: Tokenizer, prompt: readonly number[], stops: readonly string[] = []) {
    this.#tokenizer = tokenizer;
    this.#stops = stops;
    const last = prompt.filter((id) => this.#isText(id)).slice(-1);
    this.#context = last;
  }

  /** All text so far, what is held back included. */
  get text(): string {
    return this.#text;
  }

  /** Vocabularies are padded: a model may know more ids than its tokenizer. */
  #isText(id: number): boolean {
    return id < this.#tokenizer.vocabularySize && !this.#tokenizer.isSpecial(id);
  }

  push(id: number): StreamedText {
    if (this.#isStopped) return { text: '' };
    if (!this.#isText(id)) {
      this.#settle();
      const before = this.#hand();
      if (this.#isStopped) return before;
      // A special token is no text, so that its own is found in none.
      const stop = this.#tokenizer.isSpecial(id) ? this.#tokenizer.tokenText(id) : '';
      if (!this.#stops.includes(stop)) return before;
      this.#isStopped = true;
      return { text: before.text + this.#take(this.#text.length), stopped: stop };
    }
    this.#pending.push(id);
    const added = this.#added();
    if (added.endsWith(unknown) && this.#pending.length < mostHeld) return { text: '' };
    this.#settle();
    return this.#hand();
  }

  /** No id follows. @returns the rest of the text */
  end(): StreamedText {
    if (this.#isStopped) return { text: '' };
    this.#settle();
    const found = this.#hand();
    if (this.#isStopped) return found;
    const rest = this.#text.slice(this.#shown);
    this.#shown = this.#text.length;
    return { text: found.text + rest };
  }

  /** What the pending ids add to the text. */
  #added(): string {
    const before = this.#context.length > 0 ? this.#tokenizer.decode(this.#context) : '';
    const whole = this.#tokenizer.decode([...this.#context, ...this.#pending]);
    return whole.startsWith(before) ? whole.slice(before.length) : this.#tokenizer.decode(this.#pending);
  }

  #settle(): void {
    if (this.#pending.length === 0) return;
    this.#text += this.#added();
    this.#context = this.#pending;
    this.#pending = [];
  }

  #hand(): StreamedText {
    const longest = Math.max(1, ...this.#stops.map(({ length }) => length));
    const from = Math.max(0, this.#shown - longest + 1);
    const found = this.#stops
      .map((stop) => ({ stop, at: this.#text.indexOf(stop, from) }))
      .filter(({ at }) => at >= 0)
      .sort((a, b) => a.at - b.at || b.stop.length - a.stop.length)[0];
    if (found) {
      this.#isStopped = true;
      this.#text = this.#text.slice(0, found.at);
      return { text: this.#take(found.at), stopped: found.stop };
    }
    return { text: this.#take(this.#text.length - this.#withheld()) };
  }

  #take(end: number): string {
    const text = this.#text.slice(this.#shown, end);
    this.#shown = Math.max(this.#shown, end);
    return text;
  }

  /** Characters at the end that are the beginning of a stop string. */
  #withheld(): number {
    const most = Math.max(0, ...this.#stops.map(({ length }) => length - 1));
    for (let count = Math.min(most, this.#text.length - this.#shown); count > 0; count--)
      if (this.#stops.some((stop) => stop.length > count && this.#text.endsWith(stop.slice(0, count))))
        return count;
    return 0;
  }
}
