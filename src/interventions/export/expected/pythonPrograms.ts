// Runs exported programs where PATCHBAY_PYTHON names a Python that has the tools, for the tests that compare what they
// compute.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';

const interpreter = process.env.PATCHBAY_PYTHON;

const answersSchema = v.record(
  v.string(),
  v.union([
    v.strictObject({ logits: v.array(v.number()), collected: v.array(v.number()), printed: v.string() }),
    v.strictObject({ error: v.string() }),
  ]),
);

export type ProgramAnswer = v.InferOutput<typeof answersSchema>[string];

const known = new Map<string, boolean>();

/** Why programs that import this module cannot be run; undefined when they can. */
export function missingPython(module: string): string | undefined {
  const why = `needs PATCHBAY_PYTHON, a Python with torch, transformers and ${module}`;
  if (interpreter === undefined) return why;
  const found = known.get(module) ?? imports(interpreter, module);
  known.set(module, found);
  return found ? undefined : why;
}

function imports(python: string, module: string): boolean {
  try {
    execFileSync(
      python,
      ['-c', `import importlib.util, sys; sys.exit(importlib.util.find_spec('${module}') is None)`],
      { stdio: 'ignore' },
    );
    return true;
  } catch {
    return false;
  }
}

/** What each program computes, by its name; all in one process, because loading PyTorch takes longest. */
export function runPrograms(
  programs: ReadonlyMap<string, string>,
  workingFolder?: string,
): ReadonlyMap<string, ProgramAnswer> {
  const folder = mkdtempSync(join(tmpdir(), 'patchbay-programs-'));
  try {
    const path = join(folder, 'programs.json');
    writeFileSync(path, JSON.stringify(Object.fromEntries(programs)));
    const script = fileURLToPath(new URL('./run_programs.py', import.meta.url));
    const printed = execFileSync(interpreter ?? '', [script, path], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 2 ** 28,
      ...(workingFolder === undefined ? {} : { cwd: workingFolder }),
    });
    const answers: unknown = JSON.parse(printed.trim().split('\n').at(-1) ?? '{}');
    return new Map(Object.entries(v.parse(answersSchema, answers)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
