// Runs a program against the library as a person would: in a folder of its own, within the repository, where the package finds
// itself by its name.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeWordTokenizer } from '../../../checkpoint/fixtures/wordTokenizer.ts';
import type { IntervenableModel, RunArguments } from '../../intervenableModel.ts';

/** What a program for TypeScript prints. @param modelFolder of the model, copied beside the program as `model` */
export function printedByProgram(
  intervenable: IntervenableModel,
  call: RunArguments,
  modelFolder: string,
): string {
  const root = fileURLToPath(new URL('../../../..', import.meta.url));
  mkdirSync(join(root, '.cache'), { recursive: true });
  const folder = mkdtempSync(join(root, '.cache', 'program-'));
  try {
    cpSync(modelFolder, join(folder, 'model'), { recursive: true });
    writeWordTokenizer(join(folder, 'model'), intervenable.model.architecture.vocabularySize);
    const exported = intervenable.exportCode('typescript', call, 'model');
    if (!exported.ok) throw new Error(exported.why);
    writeFileSync(join(folder, 'program.mts'), exported.code);
    for (const [name, bytes] of exported.files ?? []) writeFileSync(join(folder, name), bytes);
    mkdirSync(join(folder, 'interventions'));
    if (exported.code.includes("'interventions'"))
      for (const [name, bytes] of intervenable.save())
        writeFileSync(join(folder, 'interventions', name), bytes);
    const program = ['--conditions=patchbay-source', '--import', 'tsx', 'program.mts'];
    return execFileSync(process.execPath, program, { cwd: folder, encoding: 'utf8' }).trim();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
