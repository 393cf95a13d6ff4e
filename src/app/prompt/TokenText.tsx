// A token's text with its spaces and line ends made visible. Each token keeps its own writing direction.

import { tokenPieces } from './tokenText.ts';

export function TokenText({ text }: { readonly text: string }) {
  return (
    <bdi>
      {tokenPieces(text).map((piece, place) =>
        piece.kind === 'text' ? (
          piece.text
        ) : (
          // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of a text have no other identity
          <span key={place} className="sign">
            {piece.glyph}
          </span>
        ),
      )}
    </bdi>
  );
}
