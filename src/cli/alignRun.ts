// What the headless runner makes of an alignment: a report, the curves of its training as a table and a figure, a figure
// of the accuracies where there are several sites, and what was trained at each as a folder that pyvene loads.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { curvesCsv } from '../experiments/align/curves.ts';
import { alignCurves, alignFigure } from '../experiments/align/figure.ts';
import {
  type AlignResult,
  countAlignSites,
  isAlignComplete,
  isSiteDone,
  readAlignResult,
} from '../experiments/align/result.ts';
import { siteNames, trainedFolder } from '../experiments/align/trained.ts';
import { layoutHeatmap } from '../figures/heatmap.ts';
import { layoutLines } from '../figures/lines.ts';
import { plainFigureSvg } from '../figures/plainFigure.ts';
import { heatmapSvg } from '../figures/svg.ts';
import { alignReport } from './alignReport.ts';
import type { ResultKind } from './experimentRun.ts';

/** `trained/layer-3-position-name/config.json` and so on. */
function foldersOf(result: AlignResult): Readonly<Record<string, Uint8Array>> {
  const names = siteNames(result);
  const files = result.sites.flatMap((site, index) =>
    isSiteDone(site)
      ? [...trainedFolder(result, index)].map(
          ([name, bytes]) => [`trained/${names[index]}/${name}`, bytes] as const,
        )
      : [],
  );
  return Object.fromEntries(files);
}

/** Those of an earlier run, perhaps of other sites. */
function earlierFolders(out: string): readonly string[] {
  const trained = join(out, 'trained');
  if (!existsSync(trained)) return [];
  return readdirSync(trained)
    .filter((name) => /^layer-\d+-position-/.test(name))
    .map((name) => join(trained, name));
}

const look = { width: 1200, theme: 'print', padding: 16 } as const;

/** `figure.svg` where there is more than one site, and `curves.svg`. */
const figuresOf = (result: AlignResult): Readonly<Record<string, string>> => ({
  ...(result.sites.length > 1 ? { 'figure.svg': heatmapSvg(layoutHeatmap(alignFigure(result), look)) } : {}),
  'curves.svg': plainFigureSvg(layoutLines(alignCurves(result), look)),
});

export const alignResults: ResultKind<AlignResult> = {
  read: readAlignResult,
  isOwn: (result): result is AlignResult => result.kind === 'align-result',
  isComplete: isAlignComplete,
  count: countAlignSites,
  counted: 'sites',
  stale: earlierFolders,
  files: (result) => ({ 'curves.csv': curvesCsv(result), ...figuresOf(result), ...foldersOf(result) }),
  print: (result) => console.log(alignReport(result)),
};
