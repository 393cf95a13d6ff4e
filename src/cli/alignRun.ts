// What the headless runner makes of an alignment: a report, and the curves of its training.

import { curvesCsv } from '../experiments/align/curves.ts';
import {
  type AlignResult,
  countAlignSites,
  isAlignComplete,
  readAlignResult,
} from '../experiments/align/result.ts';
import { alignReport } from './alignReport.ts';
import type { ResultKind } from './experimentRun.ts';

export const alignResults: ResultKind<AlignResult> = {
  read: readAlignResult,
  isOwn: (result): result is AlignResult => result.kind === 'align-result',
  isComplete: isAlignComplete,
  count: countAlignSites,
  counted: 'sites',
  files: (result) => ({ 'curves.csv': curvesCsv(result) }),
  print: (result) => console.log(alignReport(result)),
};
