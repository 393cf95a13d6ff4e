import { describe, expect, test } from 'vitest';
import { byteLevelTokenizer } from '../expected/smallFiles.ts';
import { TextStream } from './textStream.ts';
import { buildTokenizer } from './tokenizer.ts';

const bytes = await buildTokenizer(byteLevelTokenizer(), {}, 'tiny');

/** Pieces and bytes as LLaMA's tokenizer has them. */
const pieces = await buildTokenizer(
  {
    version: '1.0',
    added_tokens: [
      {
        id: 1,
        content: '<s>',
        special: true,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
      },
    ],
    normalizer: { type: 'Prepend', prepend: '▁' },
    pre_tokenizer: null,
    post_processor: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: {
      type: 'BPE',
      unk_token: '<unk>',
      byte_fallback: true,
      vocab: Object.fromEntries([
        ['<unk>', 0],
        ['<s>', 1],
        ['▁Hello', 2],
        ['▁world', 3],
        ['!', 4],
        ...Array.from(
          { length: 256 },
          (_, byte) => [`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, 5 + byte] as const,
        ),
      ]),
      merges: [],
    },
  },
  {},
  'pieces',
);

const bytesOf = (text: string) => [...new TextEncoder().encode(text)];

function stream(text: TextStream, ids: readonly number[]): readonly string[] {
  const shown = ids.map((id) => text.push(id).text);
  return [...shown, text.end().text];
}

test.each(['é', '😀', '日本語 and é😀é', '👩‍👩‍👧'])('half a character of %s is never shown', (text) => {
  const ids = bytes.encode(text, { addSpecialTokens: false });
  const shown = stream(new TextStream(bytes, []), ids);
  expect(shown.join('')).toBe(text);
  expect(shown.join('|')).not.toContain('\uFFFD');
  const fallback = stream(
    new TextStream(pieces, [2]),
    bytesOf(text).map((byte) => 5 + byte),
  );
  expect(fallback.join('')).toBe(text);
});

test('bytes that are not text are shown as such in the end', () => {
  expect(stream(new TextStream(pieces, [2]), [5 + 0xc3]).join('')).toBe('\uFFFD');
  expect(stream(new TextStream(bytes, []), [195, 97]).join('')).toBe('\uFFFDa');
});

test('the space before a word is kept, and special tokens are not text', () => {
  expect(stream(new TextStream(pieces, [1, 2]), [3, 4, 1])).toEqual([' world', '!', '', '']);
});

describe('a stop string', () => {
  const shownOf = (text: string, stops: readonly string[]) => {
    const stream = new TextStream(bytes, [], stops);
    const shown: string[] = [];
    let stopped: string | undefined;
    for (const byte of bytesOf(text)) {
      const found = stream.push(byte);
      shown.push(found.text);
      stopped ??= found.stopped;
    }
    const end = stream.end();
    return { shown: [...shown, end.text], stopped: stopped ?? end.stopped, text: stream.text };
  };

  test('is found across tokens, and nothing of it is shown', () => {
    const { shown, stopped, text } = shownOf('the end. STOP here', [' STOP']);
    expect(shown.join('')).toBe('the end.');
    expect(stopped).toBe(' STOP');
    expect(text).toBe('the end.');
  });

  test('that only begins is shown once it is known not to go on', () => {
    const { shown, stopped } = shownOf('a STO', ['STOP']);
    expect(shown.slice(0, 5).join('')).toBe('a ');
    expect(shown.join('')).toBe('a STO');
    expect(stopped).toBeUndefined();
    expect(shownOf('STSTOP', ['STOP']).text).toBe('ST');
  });

  test('that is the text of a special token stops at that token, and what was held back before it is shown', () => {
    const stream = new TextStream(bytes, [], ['<|end|>', 'bcd']);
    expect([...bytesOf('abc')].map((id) => stream.push(id).text).join('')).toBe('a');
    expect(stream.push(259)).toEqual({ text: 'bc', stopped: '<|end|>' });
    expect(stream.push(97)).toEqual({ text: '' });
    expect(stream.text).toBe('abc');
  });

  test('is that which begins first, and of those the longest', () => {
    expect(shownOf('abc', ['bc', 'abc'])).toMatchObject({ stopped: 'abc', text: '' });
    expect(shownOf('xbc', ['c', 'bc'])).toMatchObject({ stopped: 'bc', text: 'x' });
  });
});
