// The programs for pyvene that are handed out for models, with what is computed here, and where PATCHBAY_PYTHON names a Python
// with pyvene, what they compute there.

import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openFolder } from '../../../checkpoint/openNode.ts';
import { createNodeBackend } from '../../../runtime/backends/nodeBackend.ts';
import { Model } from '../../../runtime/model.ts';
import { PlanError } from '../../../runtime/plan/plan.ts';
import { IntervenableModel } from '../../intervenableModel.ts';
import { InterventionError } from '../../intervention.ts';
import { type CaseInputs, type ProgramCase, programCases } from './programCases.ts';
import { missingPython, runPrograms } from './pythonPrograms.ts';

const folderOf = (name: string): string =>
  fileURLToPath(new URL(`../../../cli/conformance/expected/${name}/model`, import.meta.url));

/** A plain interchange at every component, a rotation that is loaded from a folder, and what is collected. */
const tried =
  /, (VanillaIntervention|CollectIntervention|LowRankRotatedSpaceIntervention|a head at a place|everywhere|a constant|a subspace)$/;
/** The forms that depend on the model's tables alone, where every component would only repeat them. */
const isTried = (name: string): boolean => {
  if (!tried.test(name)) return false;
  return (
    !/, (everywhere|a constant|a subspace)$/.test(name) ||
    /^(\w+\.)?(block_output|query_output|ssm_output),/.test(name)
  );
};

/** What programs of a model are made from. */
export interface Claims {
  /** A folder of the conformance runs. */
  readonly name: string;
  /** What its cases are called with; token ids where absent. */
  readonly inputs?: (model: Model) => CaseInputs;
}

export interface Claimed {
  /** Components at which a plain interchange is refused. */
  readonly refused: Readonly<Record<string, readonly string[]>>;
  /** Sentences of what was refused. */
  readonly sentences: ReadonlySet<string>;
  /** What is computed otherwise there, or not at all. */
  readonly wrong: readonly string[];
  readonly count: number;
}

interface Program {
  readonly code: string;
  readonly found: readonly number[];
}

/** @returns undefined for what the model itself refuses, which is no case */
async function computedHere(
  { configuration, parameters = {}, call }: ProgramCase,
  model: Model,
): Promise<{ readonly intervenable: IntervenableModel; readonly found: readonly number[] } | undefined> {
  try {
    const intervenable = new IntervenableModel(configuration, model, { parameters });
    const { intervenedOutputs, collectedActivations } = await intervenable.run(call);
    const found = [...intervenedOutputs.logits, ...collectedActivations.flat()].flatMap(({ data }) => [
      ...data,
    ]);
    return { intervenable, found };
  } catch (error) {
    if (error instanceof InterventionError || error instanceof PlanError) return undefined;
    throw error;
  }
}

/** Writes what lies beside a program, and names it in the program. */
function placed(code: string, saved: string, folder: string, files: ReadonlyMap<string, Uint8Array>): string {
  let named = code;
  for (const [file, bytes] of files) {
    writeFileSync(join(folder, `${saved} ${file}`), bytes);
    named = named.replace(`load_file("${file}"`, `load_file("${saved} ${file}"`);
  }
  return named;
}

/** What is computed otherwise in Python. */
function differing(programs: ReadonlyMap<string, Program>, folder: string): readonly string[] {
  const answers = runPrograms(new Map([...programs].map(([label, { code }]) => [label, code])), folder);
  return [...programs].flatMap(([label, { found }]) => {
    const answer = answers.get(label);
    if (!answer || 'error' in answer) return [`${label}: ${answer?.error ?? 'no answer'}`];
    const theirs = [...answer.logits, ...answer.collected];
    const worst = Math.max(...found.map((x, i) => Math.abs(x - (theirs[i] ?? Number.NaN))));
    // A NaN is no agreement.
    return theirs.length === found.length && worst < 1e-4 ? [] : [`${label}: off by ${worst}`];
  });
}

/** Makes and runs the programs of models; without Python only what is refused is found. */
export async function claimedPrograms(models: readonly Claims[]): Promise<Claimed> {
  const isPlainOnly = missingPython('pyvene') !== undefined;
  const backend = createNodeBackend(1);
  const folder = mkdtempSync(join(tmpdir(), 'patchbay-claimed-'));
  const refused: Record<string, readonly string[]> = {};
  const sentences = new Set<string>();
  const programs = new Map<string, Program>();
  try {
    for (const { name, inputs } of models) {
      const checkpoint = await openFolder(folderOf(name));
      const model = await Model.load(checkpoint, backend);
      cpSync(folderOf(name), join(folder, name), { recursive: true });
      const own: string[] = [];
      try {
        for (const each of programCases(model.architecture, inputs?.(model))) {
          const isPlain = each.name.endsWith(', VanillaIntervention');
          if (!isTried(each.name) || (isPlainOnly && !isPlain)) continue;
          const here = await computedHere(each, model);
          if (!here) continue;
          const exported = here.intervenable.exportCode('pyvene', each.call, join(folder, name));
          if (!exported.ok) {
            sentences.add(exported.why);
            if (isPlain) own.push(each.name.split(',')[0] ?? '');
            continue;
          }
          const saved = `${name} ${programs.size}`;
          if (exported.code.includes('load("interventions"')) {
            mkdirSync(join(folder, saved));
            for (const [file, bytes] of here.intervenable.save())
              writeFileSync(join(folder, saved, file), bytes);
          }
          const code = exported.code.replace('load("interventions"', `load("${saved}"`);
          programs.set(`${name}: ${each.name}`, {
            code: placed(code, saved, folder, exported.files ?? new Map()),
            found: here.found,
          });
        }
      } finally {
        await model.dispose();
        await checkpoint.close();
      }
      refused[name] = own.sort();
    }
    const wrong = isPlainOnly ? [] : differing(programs, folder);
    return { refused, sentences, wrong, count: programs.size };
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await backend.close();
  }
}
