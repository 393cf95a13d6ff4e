// Small pieces of error sentences that several readers share. Names come from files that nobody has checked yet, so
// they are cut short and control characters are made visible before they reach a message.
import { CheckpointError, UnknownTensorError } from '../checkpoint/checkpoint.ts';
import { didYouMean } from './nearest.ts';

const longestName = 120;

/** A name from outside, quoted for a message: control characters escaped, at most 120 characters. */
export function quoted(name: string): string {
  const escaped = JSON.stringify(name.length > longestName ? `${name.slice(0, longestName)}…` : name);
  return `'${escaped.slice(1, -1)}'`;
}

/** A list for a message, at most `limit` names of it. */
export function listed(names: readonly string[], limit = 12): string {
  const shown = names.slice(0, limit).join(', ');
  return names.length > limit ? `${shown}, … (${names.length} in all)` : shown;
}

/** A message of something thrown elsewhere, on one line. */
export function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.replace(/\s+/g, ' ').trim().slice(0, 300);
}

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
