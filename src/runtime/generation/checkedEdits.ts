// Edits of generation, checked once before anything runs and turned into edits of rows wherever they act.

import type { Architecture, ComponentDescription } from '../../architectures/architecture.ts';
import { isCarried } from '../plan/carried.ts';
import { type Edit, type Plan, PlanError, type Source } from '../plan/plan.ts';
import { schedule } from '../plan/schedule.ts';
import type { ScheduledEdit } from '../plan/scheduled.ts';
import { describeComponent, resolveLocation, stageOf } from '../plan/sites.ts';
import { lengthOfStack, stackOf } from '../plan/stacks.ts';
import type { Stage } from '../plan/stage.ts';
import { type ActsAt, actsAt } from './editSpan.ts';
import type { GenerationEdit, GenerationRow } from './request.ts';

export interface CheckedEdit {
  readonly edit: GenerationEdit;
  readonly stage: Stage;
  readonly acts: ActsAt;
  /** Where it acts, in its own order, when it acts at listed positions of the prompt alone. */
  readonly own: readonly number[] | undefined;
  /** The edit at some positions of a row. */
  readonly at: (positions: readonly number[]) => Edit;
  /** The edit at one position, ready for a step. */
  readonly scheduledAt: (position: number) => ScheduledEdit;
}

/** Positions of the prompt in the order in which the edit lists them, where it acts at no others. */
function listed(
  { at: { prompt, steps = 'none' } }: GenerationEdit,
  promptLength: number,
): readonly number[] | undefined {
  if (typeof prompt !== 'object' || steps !== 'none') return undefined;
  return prompt.map((position) => (position < 0 ? promptLength + position : position));
}

/** @throws PlanError for an edit of the encoder that is to act at steps: it reads once, before the first of them */
function checkReadOnce({ at: { prompt, steps }, site }: GenerationEdit): void {
  if (prompt !== undefined && (steps === undefined || steps === 'none')) return;
  throw new PlanError(
    `'${site.component}' belongs to the encoder, which reads once before the first step: name its positions as those of the prompt, and no steps.`,
  );
}

/** @throws PlanError for an edit of a state: a step computes it again from what entered it */
function checkHandedOn(architecture: Architecture, { site: { component } }: GenerationEdit): void {
  if (!isCarried(architecture, component)) return;
  throw new PlanError(
    `'${component}' cannot be edited while text is generated: what follows from an edited state is not kept from step to step. Edit what it puts out, 'ssm_output'.`,
  );
}

/** @returns [positions, heads, width] */
function sourceData(
  edit: GenerationEdit,
  data: Float32Array,
  component: ComponentDescription,
  positions: number,
): Float32Array {
  const heads = component.layout === 'token' ? 1 : (edit.heads?.length ?? component.heads ?? 1);
  const { width, name } = component;
  const whole = positions * heads * width;
  const isWhole = listed(edit, 0) !== undefined && data.length === whole;
  if (!isWhole && data.length !== width && data.length !== heads * width) {
    throw new PlanError(
      `The vector for '${name}' has ${data.length} numbers, and this model needs ${width}${heads === 1 ? '' : `, or ${heads * width} for ${heads} heads`}. It may belong to another model.`,
    );
  }
  if (isWhole) return data;
  const all = new Float32Array(whole);
  for (let at = 0; at < whole; at += data.length) all.set(data, at);
  return all;
}

function editAt(edit: GenerationEdit, component: ComponentDescription, positions: readonly number[]): Edit {
  const { site, heads, fragment, source: given } = edit;
  const source = ((): Source | undefined => {
    if (given?.kind !== 'vector') return given;
    if (component.layout === 'pair')
      throw new PlanError(
        `'${component.name}' has as many entries as there are positions, which grow: its edit takes no vector. Use a formula without a source.`,
      );
    return { kind: 'tensor', data: sourceData(edit, given.data, component, positions.length) };
  })();
  return {
    site,
    location: { positions, ...(heads ? { heads } : {}) },
    fragment,
    ...(source ? { source } : {}),
  };
}

/**
 * @returns for each row its edits, in order
 * @throws PlanError when a prompt or an edit does not fit the model; the message says which and what would be right
 */
export function checkEdits(
  architecture: Architecture,
  rows: readonly GenerationRow[],
): readonly (readonly CheckedEdit[])[] {
  if (!architecture.isCausal)
    throw new PlanError(`${architecture.family} sees what comes after, and does not generate text.`);
  const isEncoders = ({ site }: GenerationEdit) => stackOf(architecture, site.component) !== 'main';
  const encoderLength = ({ tokens, source }: GenerationRow, { site }: GenerationEdit) =>
    lengthOfStack(
      architecture,
      { kind: 'tokens', tokens, ...(source ? { source } : {}) },
      stackOf(architecture, site.component),
    );
  const lengths = rows.map(({ tokens, promptLength = tokens.length }) => {
    if (Number.isInteger(promptLength) && promptLength > 0 && promptLength <= tokens.length)
      return promptLength;
    throw new PlanError(`A prompt of ${promptLength} tokens cannot begin a text of ${tokens.length}.`);
  });
  const acting = rows.map((of, row) =>
    (of.edits ?? []).map((edit): Pick<CheckedEdit, 'acts' | 'own'> => {
      const length = isEncoders(edit) ? encoderLength(of, edit) : (lengths[row] ?? 0);
      checkHandedOn(architecture, edit);
      if (isEncoders(edit)) checkReadOnce(edit);
      const acts = actsAt(edit.at, length);
      if (!isEncoders(edit)) return { acts, own: listed(edit, length) };
      const all = Array.from({ length }, (_, position) => position);
      return { acts: () => false, own: listed(edit, length) ?? all.filter(acts) };
    }),
  );
  // A plan that never runs: whatever a run would refuse, it refuses now.
  const trial: Plan = {
    rows: rows.map(({ tokens, source, edits = [] }, row) => ({
      start: { kind: 'tokens', tokens, ...(source ? { source } : {}) },
      edits: edits.map((edit, index) =>
        editAt(edit, describeComponent(architecture, edit.site.component), acting[row]?.[index]?.own ?? [0]),
      ),
    })),
    reads: [],
  };
  schedule(architecture, trial);
  return rows.map(({ edits = [] }, row) =>
    edits.map((edit, index): CheckedEdit => {
      const component = describeComponent(architecture, edit.site.component);
      const stage = stageOf(architecture, edit.site);
      const { acts, own } = acting[row]?.[index] ?? { acts: () => false, own: undefined };
      const at = (positions: readonly number[]) => editAt(edit, component, positions);
      return {
        edit,
        stage,
        acts,
        own,
        at,
        scheduledAt: (position) => {
          const made = at([position]);
          return { ...made, stage, target: resolveLocation(component, made.location, position + 1) };
        },
      };
    }),
  );
}

/** Positions of a row's tokens where an edit acts, in the order of its list where it has one. */
export const actingPositions = ({ own, acts }: CheckedEdit, length: number): readonly number[] =>
  own ?? Array.from({ length }, (_, position) => position).filter(acts);
