// Which of the known names a person probably meant. A name of a tensor or a component is short and the list is at most
// a few thousand long, so the plain dynamic programme is fast enough.

/** The number of characters to insert, delete or replace to turn `a` into `b`. */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/**
 * The known names closest to `name`, nearest first; a name that contains `name`, or lies within it, counts as near.
 * Names that would have to change by more than two fifths are left out, so the answer may be empty.
 */
export function nearestNames(name: string, known: Iterable<string>, limit = 3): readonly string[] {
  const asked = name.slice(0, 200);
  const near: { readonly name: string; readonly distance: number }[] = [];
  for (const candidate of known) {
    const contained = asked.length > 2 && (candidate.includes(asked) || asked.includes(candidate));
    const budget = Math.ceil(Math.max(asked.length, candidate.length) * 0.4);
    if (!contained && Math.abs(asked.length - candidate.length) > budget) continue;
    const distance = editDistance(asked, candidate);
    if (contained || distance <= budget) near.push({ name: candidate, distance });
  }
  return near
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, limit)
    .map((entry) => entry.name);
}

/** `Did you mean 'a' or 'b'?`, or an empty string when nothing is near. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const near = nearestNames(name, known).map((candidate) => `'${candidate}'`);
  return near.length === 0 ? '' : `Did you mean ${near.join(' or ')}?`;
}
