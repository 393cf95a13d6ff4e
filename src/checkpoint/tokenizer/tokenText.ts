// The text of one token as it stands in a sentence. A tokenizer's own decoder cannot say it: it drops the leading space of
// a first token, and turns a byte that is part of a character into a replacement sign.

/** How a vocabulary spells its tokens. */
export type Spelling =
  /** GPT-2's: every byte has a printable character of its own. */
  | 'bytes'
  /** SentencePiece's: `▁` for a space, `<0xE2>` for a byte. */
  | 'sentencepiece'
  /** BERT's: `##` before a piece that continues a word. */
  | 'wordpiece'
  | 'plain';

/**
 * Bytes of text as text; a byte that belongs to no complete UTF-8 character as `<0xE2>`.
 */
export function textOfBytes(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes, at);
    text +=
      length > 0
        ? new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(at, at + length))
        : `<0x${(bytes[at] ?? 0).toString(16).toUpperCase().padStart(2, '0')}>`;
    at += Math.max(length, 1);
  }
  return text;
}

/** Bytes of the UTF-8 character at `at`, or 0 when there is no complete one. */
function characterLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  const length =
    first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length < 2) return length;
  if (at + length > bytes.length) return 0;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(at, at + length));
    return length;
  } catch {
    return 0;
  }
}

/** The character that stands for each byte in a byte-level vocabulary: itself where it prints, the next free one above 255 elsewhere. */
export const byteCharacters: readonly string[] = (() => {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const prints = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    return String.fromCharCode(prints ? byte : next++);
  });
})();

const byteOfCharacter: ReadonlyMap<string, number> = new Map(
  byteCharacters.map((character, byte) => [character, byte]),
);

/** @returns undefined when the token is not written in the byte alphabet (an added token, as a rule) */
function bytesOfToken(token: string): Uint8Array | undefined {
  const bytes = new Uint8Array(token.length);
  let at = 0;
  for (const character of token) {
    const byte = byteOfCharacter.get(character);
    if (byte === undefined) return undefined;
    bytes[at++] = byte;
  }
  return bytes;
}

/** The text of a token that the vocabulary spells as `token`. */
export function textOfToken(token: string, spelling: Spelling): string {
  switch (spelling) {
    case 'bytes': {
      const bytes = bytesOfToken(token);
      return bytes ? textOfBytes(bytes) : token;
    }
    case 'sentencepiece': {
      const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
      return byte ? textOfBytes(Uint8Array.of(Number.parseInt(byte, 16))) : token.replaceAll('▁', ' ');
    }
    case 'wordpiece':
      return token.startsWith('##') ? token.slice(2) : token;
    case 'plain':
      return token;
    default:
      return spelling satisfies never;
  }
}

/** The bytes of text that a token stands for. */
export function tokenBytes(token: string, spelling: Spelling): Uint8Array {
  const bytes = spelling === 'bytes' ? bytesOfToken(token) : undefined;
  if (bytes) return bytes;
  const byte = spelling === 'sentencepiece' ? /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1] : undefined;
  if (byte) return Uint8Array.of(Number.parseInt(byte, 16));
  return new TextEncoder().encode(textOfToken(token, spelling));
}
