// The text of a file that a person wrote, whatever editor it comes from. Editors of Windows put a byte order mark in front,
// and some write two bytes a character.

/**
 * @returns the text without its mark
 * @throws TypeError when the bytes are not the text that their mark, or its absence, says
 */
export function fileText(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const isLittle = first === 0xff && second === 0xfe;
  const isBig = first === 0xfe && second === 0xff;
  // The decoder takes the mark away.
  return new TextDecoder(isLittle ? 'utf-16le' : isBig ? 'utf-16be' : 'utf-8', { fatal: true }).decode(bytes);
}
