// In place of a tokenizer that a checkpoint does not bring, or that cannot be read: token ids are taken and shown as ids,
// and text is refused with the reason.

import type { CheckpointError, Tokenizer } from '../checkpoint.ts';

/** @param reason thrown when there is text to be read */
export function idsOnlyTokenizer(reason: CheckpointError): Tokenizer {
  const refuse = (): never => {
    throw reason;
  };
  return {
    vocabularySize: 0,
    encode: refuse,
    places: refuse,
    decode: (ids) => ids.map((id) => `#${id}`).join(' '),
    tokenText: (id) => `#${id}`,
    isSpecial: () => false,
  };
}
