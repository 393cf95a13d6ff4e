// The `patch` and `patch_heads` cases: activation patching by the experiment itself, compared grid by grid.

import * as v from 'valibot';
import { readPatchExperiment } from '../../experiments/patch/experiment.ts';
import { patchGrid } from '../../experiments/patch/grid.ts';
import { resolvePatch } from '../../experiments/patch/resolve.ts';
import type { PatchResult } from '../../experiments/patch/result.ts';
import { completePatch } from '../../experiments/patch/work.ts';
import type { CaseContext } from './caseContext.ts';
import { type Difference, difference, worse } from './compare.ts';
import type { ReferenceCase } from './reference.ts';

const pairSchema = v.looseObject({ label: v.string(), answer: v.number(), distractor: v.number() });

const patchSchema = v.looseObject({
  label: v.string(),
  outputs: v.array(v.string()),
  /** Begins with the name of the tensor [clean, corrupted]. */
  baselines: v.string(),
});

const headsSchema = v.looseObject({ label: v.string(), component: v.string(), output: v.string() });

/** The prompts of a label are tensors; what is watched stands in its case of kind `patch`. */
async function runPair(
  { model, reference }: CaseContext,
  label: string,
  sweeps: readonly object[],
): Promise<PatchResult> {
  const watched = reference.cases.find((other) => other.kind === 'patch' && other.label === label);
  const { answer, distractor } = v.parse(pairSchema, watched);
  const prompt = async (side: string) => [...(await reference.tensor(`${label}.${side}`)).data];
  const experiment = readPatchExperiment({
    kind: 'patch',
    version: 1,
    model: model.label,
    pairs: [{ clean: await prompt('clean'), corrupted: await prompt('corrupted'), answer, distractor }],
    sweeps,
  });
  return completePatch(model, resolvePatch(model.architecture, undefined, experiment));
}

const cellsOf = (result: PatchResult, panel: number): readonly number[] =>
  patchGrid(result, panel, 'logitDifference')
    .cells.flat()
    .map((cell) => cell?.mean ?? Number.NaN);

export async function comparePatch(context: CaseContext, description: ReferenceCase): Promise<Difference> {
  const { label, outputs, baselines } = v.parse(patchSchema, description);
  const sweeps = outputs.map((output) => ({ component: output.split('.').at(-1) ?? output, by: 'position' }));
  const result = await runPair(context, label, sweeps);
  const { reference, tolerance } = context;
  const { clean, corrupted } = patchGrid(result, 0, 'logitDifference');
  const [name = ''] = baselines.split(' ');
  const ends = [clean.mean, corrupted?.mean ?? Number.NaN];
  let total = difference(ends, (await reference.tensor(name)).data, tolerance);
  for (const [panel, output] of outputs.entries()) {
    const expected = (await reference.tensor(output)).data;
    total = worse(total, difference(cellsOf(result, panel), expected, tolerance));
  }
  return total;
}

export async function comparePatchHeads(
  context: CaseContext,
  description: ReferenceCase,
): Promise<Difference> {
  const { label, component, output } = v.parse(headsSchema, description);
  const result = await runPair(context, label, [{ component, by: 'head' }]);
  return difference(cellsOf(result, 0), (await context.reference.tensor(output)).data, context.tolerance);
}
