// What the headless runner makes of an alignment: a report, the curves of its training, and what was trained at each
// finished site as a folder that pyvene loads.

import { curvesCsv } from '../experiments/align/curves.ts';
import {
  type AlignResult,
  countAlignSites,
  isAlignComplete,
  isSiteDone,
  readAlignResult,
} from '../experiments/align/result.ts';
import { siteName, trainedFolder } from '../experiments/align/trained.ts';
import { alignReport } from './alignReport.ts';
import type { ResultKind } from './experimentRun.ts';

/** `trained/layer-3-position-name/config.json` and so on. */
function foldersOf(result: AlignResult): Readonly<Record<string, Uint8Array>> {
  const files = result.sites.flatMap((site, index) =>
    site && isSiteDone(site)
      ? [...trainedFolder(result, index)].map(
          ([name, bytes]) => [`trained/${siteName(site)}/${name}`, bytes] as const,
        )
      : [],
  );
  return Object.fromEntries(files);
}

export const alignResults: ResultKind<AlignResult> = {
  read: readAlignResult,
  isOwn: (result): result is AlignResult => result.kind === 'align-result',
  isComplete: isAlignComplete,
  count: countAlignSites,
  counted: 'sites',
  files: (result) => ({ 'curves.csv': curvesCsv(result), ...foldersOf(result) }),
  print: (result) => console.log(alignReport(result)),
};
