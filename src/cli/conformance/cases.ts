// Runs the cases of a reference folder on a model: one kind, one function. Works wherever the engine does.

import * as v from 'valibot';
import { CheckpointError } from '../../checkpoint/checkpoint.ts';
import type { Model } from '../../runtime/model.ts';
import { type Location, type Read, type Row, replace } from '../../runtime/plan/plan.ts';
import { compareAttribution } from './attributionCase.ts';
import { type CaseContext, logits, referenceRows } from './caseContext.ts';
import { type Difference, difference, identical, type Tolerance, worse } from './compare.ts';
import { compareGenerated, comparePyveneGenerated, compareSteered } from './generateCases.ts';
import { compareGradients, compareRotation } from './gradientCases.ts';
import { comparePatch, comparePatchHeads } from './patchCase.ts';
import { compareFormula, comparePyvene } from './pyveneCases.ts';
import type { Reference, ReferenceCase } from './reference.ts';
import { compareTrace } from './traceCase.ts';

export interface CaseResult {
  readonly label: string;
  readonly kind: string;
  readonly status: 'passed' | 'failed' | 'skipped';
  /** The largest errors found; absent when nothing was compared. */
  readonly difference?: Difference;
  /** Why it was skipped or failed. */
  readonly reason?: string;
}

type CaseRunner = (context: CaseContext, description: ReferenceCase) => Promise<Difference>;

/** Fixtures name the fused projection `qkv`; everything else has Patchbay's names. */
const componentOf = (name: string): string => (name === 'qkv' ? 'qkv_output' : name);

const everywhere: Location = { positions: 'all' };

/** Run rows and compare each read with its part of a reference tensor, whose first axis is the rows. */
async function compareReads(
  { model, reference, tolerance }: CaseContext,
  rows: readonly Row[],
  reads: readonly (Read & { readonly expected: string; readonly part: number; readonly parts: number })[],
): Promise<Difference> {
  const results = await model.run({ rows, reads });
  let total = identical;
  for (const [index, { expected, part, parts }] of reads.entries()) {
    const { data } = await reference.tensor(expected);
    const each = data.length / parts;
    const found = results[index]?.value?.data ?? new Float32Array();
    total = worse(total, difference(found, data.subarray(part * each, (part + 1) * each), tolerance));
  }
  return total;
}

const activationsSchema = v.looseObject({ components: v.array(v.string()), layers: v.number() });

const activations: CaseRunner = async (context, description) => {
  const { components, layers } = v.parse(activationsSchema, description);
  const base = await referenceRows(context, 'base');
  const parts = base.length;
  const isRecorded = (name: string) =>
    Array.from({ length: layers }, (_, layer) => context.reference.has(`base.act.${layer}.${name}`)).includes(
      true,
    );
  const unrecorded = components.find((name) => !isRecorded(name));
  if (unrecorded !== undefined) {
    throw new CheckpointError(
      `The case lists '${unrecorded}', but tensors.safetensors holds it in no layer.`,
    );
  }
  const reads = base.flatMap((_, row) => [
    ...components.flatMap((name) =>
      Array.from({ length: layers }, (__, layer) => ({
        row,
        site: { component: componentOf(name), layer },
        location: everywhere,
        expected: `base.act.${layer}.${name}`,
        part: row,
        parts,
      })).filter(({ expected }) => context.reference.has(expected)),
    ),
    { row, site: logits, location: everywhere, expected: 'base.logits', part: row, parts },
  ]);
  return compareReads(
    context,
    base.map((start) => ({ start, edits: [] })),
    reads,
  );
};

const interchangeSchema = v.looseObject({
  layer: v.number(),
  component: v.string(),
  source_position: v.number(),
  base_position: v.number(),
  output: v.string(),
});

const interchange: CaseRunner = async (context, description) => {
  const { layer, component, source_position, base_position, output } = v.parse(
    interchangeSchema,
    description,
  );
  const base = await referenceRows(context, 'base');
  const source = await referenceRows(context, 'source');
  const site = { component: componentOf(component), layer };
  const edited = base.map((start, row) => ({
    start,
    edits: [
      {
        site,
        location: { positions: [base_position] },
        fragment: replace,
        source: {
          kind: 'row' as const,
          row: base.length + row,
          site,
          location: { positions: [source_position] },
        },
      },
    ],
  }));
  const rows = [...edited, ...source.map((start) => ({ start, edits: [] }))];
  const reads = base.map((_, row) => ({
    row,
    site: logits,
    location: everywhere,
    expected: output,
    part: row,
    parts: base.length,
  }));
  return compareReads(context, rows, reads);
};

const runners: Readonly<Record<string, CaseRunner>> = {
  activations,
  interchange,
  generate: compareGenerated,
  'pyvene.generate': comparePyveneGenerated,
  steer: compareSteered,
  trace: compareTrace,
  pyvene: comparePyvene,
  formula: compareFormula,
  patch: comparePatch,
  patch_heads: comparePatchHeads,
  gradient: compareGradients,
  das: compareRotation,
  attribution: compareAttribution,
};

/** A case's name: its label, or what tells it from others of its kind. */
function labelOf(description: ReferenceCase): string {
  const { kind, label, component, layer } = description;
  if (typeof label === 'string') return `${kind} ${label}`;
  if (typeof component === 'string') return `${kind} ${component}, layer ${layer}`;
  return kind;
}

export interface CaseOptions {
  readonly tolerance: Tolerance;
  /** Run only cases of this kind. */
  readonly kind?: string;
}

/** Why no case of a folder can run: skipped where the family is not supported, failed where the files are damaged. */
export interface Obstacle {
  readonly status: 'skipped' | 'failed';
  readonly reason: string;
}

/** Every case, with the one reason why it did not run. */
export function hinderedCases(
  reference: Reference,
  obstacle: Obstacle,
  kind?: string,
): readonly CaseResult[] {
  return reference.cases
    .filter((description) => kind === undefined || description.kind === kind)
    .map((description) => ({
      label: labelOf(description),
      kind: description.kind,
      ...obstacle,
    }));
}

/** Run the cases one by one. A case that throws has failed; a kind that is not supported is skipped and says so. */
export async function* runCases(
  model: Model,
  reference: Reference,
  options: CaseOptions,
): AsyncGenerator<CaseResult> {
  for (const description of reference.cases) {
    const { kind } = description;
    if (options.kind !== undefined && kind !== options.kind) continue;
    const label = labelOf(description);
    const runner = Object.hasOwn(runners, kind) ? runners[kind] : undefined;
    if (!runner) {
      yield { label, kind, status: 'skipped', reason: `cases of kind '${kind}' are not supported yet` };
      continue;
    }
    try {
      const found = await runner({ model, reference, tolerance: options.tolerance }, description);
      yield { label, kind, status: found.isWithin ? 'passed' : 'failed', difference: found };
    } catch (error) {
      yield { label, kind, status: 'failed', reason: error instanceof Error ? error.message : String(error) };
    }
  }
}
