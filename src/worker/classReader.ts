// What stands in a tokenizer's place where a model has classes and no words: a picture is no prompt, and its predictions are
// known by their labels.

import { describeArchitecture } from '../architectures/registry.ts';
import { type Checkpoint, CheckpointError, type Tokenizer } from '../checkpoint/checkpoint.ts';

/**
 * @param cause why the checkpoint has no tokenizer
 * @throws the cause for a model that needs one
 */
export function classReader({ config, tensors }: Checkpoint, cause: unknown): Tokenizer {
  if (!(cause instanceof CheckpointError)) throw cause;
  const { labels, input } = describeArchitecture(config, new Set(tensors.keys()));
  if (!labels || !input) throw cause;
  return {
    vocabularySize: labels.length,
    encode: () => [],
    places: () => [],
    decode: (ids) => ids.map((id) => labels[id] ?? `#${id}`).join(', '),
    tokenText: (id) => labels[id] ?? `#${id}`,
    isSpecial: () => false,
  };
}
