// What the command line writes and reads of results: result.json, tables, figures and what else a kind shows.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { NewerVersionError } from '../experiments/experimentFile.ts';
import type { AnyExperiment, AnyResult } from '../experiments/kind.ts';
import { precisionOf, precisionTable } from '../experiments/precision.ts';
import { kindOf, readResult } from '../experiments/registry.ts';
import type { Shown, ShownFigure } from '../experiments/shown.ts';
import { layoutHeatmap } from '../figures/heatmap.ts';
import { layoutLines } from '../figures/lines.ts';
import { layoutOverlay } from '../figures/overlay.ts';
import { plainFigureSvg } from '../figures/plainFigure.ts';
import { heatmapSvg } from '../figures/svg.ts';
import { fileText } from '../messages/fileText.ts';
import type { BackendKind } from '../runtime/backends/backend.ts';
import type { Precision } from '../runtime/weights/residency.ts';
import { UsageError } from './arguments.ts';
import { writeWhole } from './writeWhole.ts';

/** With a margin: nothing of a figure stands at the edge of its file. */
const paper = { width: 1200, theme: 'print', padding: 24 } as const;

function figureSvg(figure: ShownFigure): string {
  switch (figure.kind) {
    case 'heatmap':
      return heatmapSvg(layoutHeatmap(figure.description, paper));
    case 'lines':
      return plainFigureSvg(layoutLines(figure.description, paper));
    case 'overlay':
      return plainFigureSvg(layoutOverlay(figure.description, paper));
    default:
      return figure satisfies never;
  }
}

/** @throws UsageError for a folder that cannot be one: before anything runs, so that no work is lost */
export function makeFolder(out: string): void {
  try {
    mkdirSync(out, { recursive: true });
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(
      `The results cannot be written to '${out}' (${words}). Name another folder by --out.`,
    );
  }
}

/** Folders that an earlier run has left, perhaps of another experiment of the kind. */
function earlierFolders({ ownFolders }: Shown, out: string): readonly string[] {
  return ownFolders.flatMap(({ parent, name }) => {
    const folder = join(out, parent);
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .filter((entry) => name.test(entry))
      .map((entry) => join(folder, entry));
  });
}

/** What stands beside result.json, by path: tables, figures, programs, and files of the kind's own. */
export function shownFiles(shown: Shown): Readonly<Record<string, string | Uint8Array>> {
  return {
    ...Object.fromEntries(shown.tables.map(({ name, csv }) => [`${name}.csv`, csv()])),
    ...Object.fromEntries(shown.figures.map((figure) => [`${figure.name}.svg`, figureSvg(figure)])),
    ...Object.fromEntries(shown.programs.map(({ name, text }) => [name, text])),
    ...shown.files(),
  };
}

/** @returns the paths of what was written */
export function writeResult(result: AnyResult, shown: Shown, out: string): readonly string[] {
  for (const folder of earlierFolders(shown, out)) rmSync(folder, { recursive: true });
  // Of an earlier run in float16: it would stand beside numbers that it is not of.
  if (!result.precision) rmSync(join(out, `${precisionTable}.csv`), { force: true });
  const files = { 'result.json': `${JSON.stringify(result)}\n`, ...shownFiles(shown) };
  const paths = Object.entries(files).map(([name, content]) => {
    const path = join(out, name);
    mkdirSync(dirname(path), { recursive: true });
    writeWhole(path, content);
    return path;
  });
  // A folder is named once, whatever is in it.
  const own = dirname(join(out, 'result.json'));
  return [...new Set(paths.map((path) => (dirname(path) === own ? path : dirname(path))))];
}

/**
 * The unfinished result of the same experiment on the same backend, in the same precision, that a folder holds.
 * @throws UsageError for an unfinished one of other work, or one of a later Patchbay, which writing would destroy
 */
export async function earlierResult(
  out: string,
  experiment: AnyExperiment,
  { kind: backend, precision }: { readonly kind: BackendKind; readonly precision: Precision },
): Promise<AnyResult | undefined> {
  const path = join(out, 'result.json');
  if (!existsSync(path)) return undefined;
  let found: AnyResult;
  try {
    found = await readResult(JSON.parse(fileText(readFileSync(path))));
  } catch (cause) {
    if (cause instanceof NewerVersionError)
      throw new UsageError(
        `'${path}' holds a result that would be lost. ${cause.message} Or name another folder by --out.`,
      );
    // Whatever else stands there is of no use, and is written over.
    return undefined;
  }
  const kind = await kindOf(found.experiment.kind);
  if (kind.isComplete(found)) return undefined;
  const isSame = JSON.stringify(found.experiment) === JSON.stringify(experiment);
  const isSameBackend = found.backend.kind === backend;
  const own = precisionOf(found);
  if (isSame && isSameBackend && own === precision) return found;
  const elsewhere = isSameBackend ? `in ${own}` : `on the backend '${found.backend.kind}'`;
  const other = isSame ? elsewhere : 'of another experiment';
  throw new UsageError(
    `'${path}' holds an unfinished result ${other}, which would be lost. Name another folder by --out, or delete the file.`,
  );
}
