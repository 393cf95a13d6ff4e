// The first thing that is wrong with data from outside, as a sentence.

import type * as v from 'valibot';
import { quoted } from './wording.ts';

interface Found {
  readonly path: readonly string[];
  readonly issue: v.BaseIssue<unknown>;
}

/** Where alternatives failed, their issues count their places from the alternative on. */
function flatten(issues: readonly v.BaseIssue<unknown>[], before: readonly string[]): readonly Found[] {
  return issues.flatMap((issue) => {
    const path = [...before, ...(issue.path ?? []).map(({ key }) => String(key))];
    return [{ path, issue }, ...flatten(issue.issues ?? [], path)];
  });
}

/** @param whole the subject of the sentence where the whole is wrong, not a part: `The file` */
export function firstWrong(issues: readonly v.BaseIssue<unknown>[], whole: string): string {
  // The most telling: of several alternatives, the one that came furthest.
  const all = flatten(issues, []);
  const deepest = all.reduce<Found | undefined>(
    (best, found) => (found.path.length > (best?.path.length ?? -1) ? found : best),
    undefined,
  );
  const isUnknownField = deepest?.issue.type === 'strict_object' && deepest.issue.expected === 'never';
  const message = isUnknownField ? 'There is no such field' : (deepest?.issue.message ?? 'It is damaged');
  const place = deepest?.path.join('.') ?? '';
  return `${place === '' ? whole : quoted(place)}: ${message.replace(/\.$/, '')}.`;
}
