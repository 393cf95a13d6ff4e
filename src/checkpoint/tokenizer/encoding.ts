// From text to tokens with the steps of the library (normaliser, cutting, model, template), put together as Python's
// tokenizers put them together. What the library does otherwise, and Python's result is the one that a model was
// trained with, is done here: added tokens (addedTokens.ts), Unigram's bytes for characters that the vocabulary lacks, a
// space in front of the first stretch only, and SentencePiece's cut before every space.
import { type Tokenizer as Library, Unigram } from '@huggingface/tokenizers';
import type { TextRange } from '../checkpoint.ts';
import { type AddedToken, addedTokenSplitter, type Stretch } from './addedTokens.ts';
import { placesIn } from './tokenPlaces.ts';
import { type Spelling, tokenBytes } from './tokenText.ts';

export interface Encoder {
  ids(text: string, addSpecialTokens: boolean): readonly number[];
  /**
   * [tokens, the template's included] where each stands in the text; null for a token that stands for none of it: a special
   * one, or one of the template.
   */
  places(text: string): readonly (TextRange | null)[];
}

export interface EncoderOptions {
  readonly spelling: Spelling;
  /** Whether special tokens that are written in a text are taken for text (`split_special_tokens`). */
  readonly splitsSpecialTokens: boolean;
  /** Whether Unigram spells characters that the vocabulary lacks as bytes. */
  readonly hasByteFallback: boolean;
  /** Whether SentencePiece's spaces begin a new piece. */
  readonly cutsAtSpaces: boolean;
  /** Thrown for a piece of text that has no token, not even one for unknown text. */
  readonly noToken: (piece: string) => Error;
}

/** A token in the vocabulary's spelling; `token` where it was found in the text as an added one. */
interface Piece {
  readonly spelled: string;
  readonly token?: AddedToken;
}

/** Stands for a text, to find what the template puts around one. */
const marker = '\u0000';

/** What the template puts before and after a text, in the vocabulary's spelling. */
function around({ post_processor: template }: Library): readonly [readonly string[], readonly string[]] {
  if (!template) return [[], []];
  const { tokens } = template.post_process([marker], null, true);
  const at = tokens.indexOf(marker);
  if (at < 0 || at !== tokens.lastIndexOf(marker))
    throw new Error('its template does not hold the text once');
  return [tokens.slice(0, at), tokens.slice(at + 1)];
}

/** Unigram's best pieces; a stretch that the vocabulary lacks as its bytes, or as the unknown token when one is missing. */
function unigramWithBytes(model: Unigram, text: string): readonly string[] {
  const isKnown = (piece: string): boolean => model.tokens_to_ids.has(piece);
  const spelled: string[] = [];
  let unknown = '';
  const endUnknown = (): void => {
    if (unknown === '') return;
    const bytes = Array.from(new TextEncoder().encode(unknown), byteToken);
    spelled.push(...(bytes.every(isKnown) ? bytes : [model.unk_token ?? unknown]));
    unknown = '';
  };
  for (const piece of model.tokenize(text)) {
    if (isKnown(piece)) {
      endUnknown();
      spelled.push(piece);
    } else unknown += piece;
  }
  endUnknown();
  return spelled;
}

const byteToken = (byte: number): string => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;

export function createEncoder(library: Library, options: EncoderOptions): Encoder {
  const { normalizer, pre_tokenizer: cutter, model } = library;
  if (!model) throw new Error('it has no model');
  const added = [...library.get_added_tokens_decoder().values()].filter(
    ({ special }) => !(special && options.splitsSpecialTokens),
  );
  const written = addedTokenSplitter(
    added.filter(({ normalized }) => !normalized).map((token) => [token.content, token]),
  );
  const normalised = addedTokenSplitter(
    added
      .filter(({ normalized }) => normalized)
      .map((token) => [normalizer ? normalizer.normalize(token.content) : token.content, token]),
  );
  const [before, after] = around(library);

  function pieces(text: string, isFirst: boolean): readonly string[] {
    const cut = cutter ? cutter.pre_tokenize(text, { section_index: isFirst ? 0 : 1 }) : [text];
    return options.cutsAtSpaces ? cut.flatMap((part) => part.match(/▁?[^▁]+|▁/gu) ?? []) : cut;
  }

  function modelled(cut: readonly string[]): readonly string[] {
    if (model instanceof Unigram && options.hasByteFallback)
      return cut.flatMap((part) => unigramWithBytes(model, part));
    return model ? model._call([...cut]) : [];
  }

  function stretchPieces(text: string, isFirst: boolean): readonly Piece[] {
    const plain = normalizer ? normalizer.normalize(text) : text;
    return normalised(plain).flatMap(({ from, to, token }): readonly Piece[] => {
      if (token) return [{ spelled: token.content, token }];
      return modelled(pieces(plain.slice(from, to), isFirst && from === 0)).map((spelled) => ({ spelled }));
    });
  }

  const idOf = ({ spelled, token }: Piece): number => {
    const id = token?.id ?? model.tokens_to_ids.get(spelled) ?? model.unk_token_id;
    if (id === undefined) throw options.noToken(spelled);
    return id;
  };
  const spellingOf = ({ spelled, token }: Piece): Uint8Array | null => {
    if (token) return new TextEncoder().encode(token.content);
    // Unigram leaves unknown text as it stands; the others put the unknown token in its place.
    return spelled === model.unk_token ? null : tokenBytes(spelled, options.spelling);
  };

  const encoded = (stretches: readonly Stretch[], text: string): readonly Piece[] =>
    stretches.flatMap(({ from, to, token }) =>
      token ? [{ spelled: token.content, token }] : stretchPieces(text.slice(from, to), from === 0),
    );
  const template = (tokens: readonly string[]): readonly number[] =>
    tokens.map((spelled) => idOf({ spelled }));

  return {
    ids(text, addSpecialTokens) {
      const ids = encoded(written(text), text).map(idOf);
      return addSpecialTokens ? [...template(before), ...ids, ...template(after)] : ids;
    },
    places(text) {
      const within = written(text).flatMap(({ from, to, token }): readonly (TextRange | null)[] => {
        if (token) return [token.special ? null : [from, to]];
        const stretch = text.slice(from, to);
        const pieces = stretchPieces(stretch, from === 0);
        return placesIn(stretch, pieces.map(spellingOf)).map(([start, end], index) =>
          pieces[index]?.token?.special ? null : [from + start, from + end],
        );
      });
      return [...before.map(() => null), ...within, ...after.map(() => null)];
    },
  };
}
