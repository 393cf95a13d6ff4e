// The first thing that is wrong with data from outside, as a sentence.

import type * as v from 'valibot';
import { quoted } from '../checkpoint/wording.ts';

/** The most telling issue: where alternatives failed, the one that came furthest. */
function deepest(issues: readonly v.BaseIssue<unknown>[]): v.BaseIssue<unknown> | undefined {
  const all = issues.flatMap((issue) => [issue, ...(issue.issues ? [deepest(issue.issues)] : [])]);
  return all.reduce((best, issue) => ((issue?.path?.length ?? 0) > (best?.path?.length ?? 0) ? issue : best));
}

/** @param whole what is said where the whole is wrong, not a part: `The file` */
export function firstWrong(issues: readonly v.BaseIssue<unknown>[], whole: string): string {
  const issue = deepest(issues);
  const place = (issue?.path ?? []).map(({ key }) => String(key)).join('.');
  const message = (issue?.message ?? 'it is damaged').replace(/\.$/, '');
  return `${place === '' ? whole : quoted(place)}: ${message}.`;
}
