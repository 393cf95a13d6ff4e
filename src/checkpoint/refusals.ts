// Sentences that every format of checkpoint says the same way.

import { didYouMean } from '../messages/nearest.ts';
import { quoted } from '../messages/wording.ts';
import { CheckpointError, UnknownTensorError } from './checkpoint.ts';

/** @throws CheckpointError when a checkpoint is used after it was closed */
export function requireOpen(isOpen: boolean, label: string): void {
  if (!isOpen) throw new CheckpointError(`${label} has been closed. Open the model again to read from it.`);
}

/** The sentence for a tensor that is not there, with the names that come nearest. */
export function unknownTensor(name: string, label: string, known: Iterable<string>): UnknownTensorError {
  const suggestion = didYouMean(name, known);
  return new UnknownTensorError(
    `Tensor ${quoted(name)} does not exist in ${label}. ${suggestion || 'Its `tensors` lists the names that do.'}`,
  );
}
