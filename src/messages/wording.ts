// Small pieces of error sentences that several readers share. Names come from files that nobody has checked yet, so
// they are cut short and control characters are made visible before they reach a message.

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

/** The whole sentence for something thrown. */
export const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
