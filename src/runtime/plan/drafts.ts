// Rows as they begin, before it is known how long they must live: what they start from, checked against the model.

import type { Architecture, StackName } from '../../architectures/architecture.ts';
import type { KeptRow } from './keptRow.ts';
import { PlanError } from './plan.ts';
import type { Memory, ScheduledEdit, Segment } from './scheduled.ts';
import { inputOf, type StackPlan, type StackRow, stackNamed } from './stacks.ts';
import { embedStage, type Stage } from './stage.ts';

export interface Draft {
  stack: StackName;
  memory?: Memory;
  length: number;
  first: number;
  start: Stage;
  end: Stage;
  past: Segment[];
  edits: ScheduledEdit[];
}

const draftFromStart = (stack: StackName, length: number): Draft => ({
  stack,
  length,
  first: 0,
  start: embedStage,
  end: embedStage,
  past: [],
  edits: [],
});

const whatIsRead = { image: 'an image', sound: 'a sound' } as const;

function draftFromInput(architecture: Architecture, stack: StackName, data: Float32Array): Draft {
  const { family } = architecture;
  const input = inputOf(architecture, stack);
  if (!input) throw new PlanError(`A ${family} model reads tokens; an image or a sound has no place in it.`);
  const count = input.shape.reduce((product, size) => product * size, 1);
  if (data.length !== count) {
    throw new PlanError(
      `This model reads ${whatIsRead[input.kind]} of [${input.shape.join(', ')}], ${count} numbers; ${data.length} were given.`,
    );
  }
  const bad = data.findIndex((number) => !Number.isFinite(number));
  if (bad >= 0)
    throw new PlanError(`Number ${bad} of the ${input.kind} is ${data[bad]}, which is not finite.`);
  return draftFromStart(stack, input.positions);
}

function draftFromTokens(architecture: Architecture, stack: StackName, tokens: readonly number[]): Draft {
  const input = inputOf(architecture, stack);
  const { maxPositions } = stackNamed(architecture, stack);
  if (input)
    throw new PlanError(
      `A ${architecture.family} model reads ${whatIsRead[input.kind]}, not tokens. Give it one.`,
    );
  if (tokens.length === 0) throw new PlanError('A row needs at least one token.');
  if (tokens.length > maxPositions) {
    throw new PlanError(
      `The prompt has ${tokens.length} tokens, but this model has ${maxPositions} positions. Shorten it.`,
    );
  }
  const bad = tokens.find(
    (token) => !Number.isInteger(token) || token < 0 || token >= architecture.vocabularySize,
  );
  if (bad !== undefined) {
    throw new PlanError(
      `Token ${bad} does not exist: the vocabulary has ids 0 to ${architecture.vocabularySize - 1}.`,
    );
  }
  return draftFromStart(stack, tokens.length);
}

/** Later than any stage: the row does not run. */
const never = Number.POSITIVE_INFINITY;

/** @throws PlanError for a row that has run already */
export function requireRunning({ start }: Draft, row: number): void {
  if (start !== never) return;
  throw new PlanError(
    `Row ${row} has run before and was kept, so it can only be forked from. Edit or read the fork.`,
  );
}

/** @throws PlanError for a fork where nothing was kept */
function checkKeptFork(parent: KeptRow, row: number, layer: number, position: number): void {
  if (layer === parent.layer && position === parent.position) return;
  throw new PlanError(
    `Row ${row} was kept at layer ${parent.layer} from position ${parent.position} on; it cannot be forked from at layer ${layer}, position ${position}.`,
  );
}

function draftFromFork(
  architecture: Architecture,
  parent: Draft,
  parentRow: number,
  layer: number,
  position: number,
): Draft {
  if (!Number.isInteger(layer) || layer < 0 || layer >= architecture.layerCount) {
    throw new PlanError(
      `A row cannot fork at layer ${layer}: this model has layers 0 to ${architecture.layerCount - 1}.`,
    );
  }
  if (layer < parent.start && parent.start !== never) {
    throw new PlanError(
      `A row cannot fork at layer ${layer} from row ${parentRow}, which itself begins at layer ${parent.start}.`,
    );
  }
  if (!Number.isInteger(position) || position < 0 || position >= parent.length) {
    throw new PlanError(
      `A row cannot fork at position ${position}: its parent has positions 0 to ${parent.length - 1}.`,
    );
  }
  if (position < parent.first) {
    throw new PlanError(
      `A row cannot fork at position ${position} from row ${parentRow}, which itself carries positions from ${parent.first} on.`,
    );
  }
  const isCausal = parent.stack === 'main' && architecture.isCausal;
  if (position > 0 && !isCausal) {
    throw new PlanError(
      `In ${architecture.family} every position sees every other, so a row can only fork at position 0.`,
    );
  }
  const own = position > parent.first ? [{ row: parentRow, from: parent.first, to: position }] : [];
  return {
    stack: parent.stack,
    ...(parent.memory ? { memory: parent.memory } : {}),
    length: parent.length,
    first: position,
    start: layer,
    end: layer,
    past: [...parent.past, ...own],
    edits: [],
  };
}

/** @param draftOf rows that come before in the order of dependence */
export function draftRow(
  architecture: Architecture,
  plan: StackPlan,
  row: number,
  draftOf: (row: number) => Draft,
): Draft {
  const { memory, ...described } = plan.rows[row] ?? noRow;
  const draft = draftOfStack(architecture, plan, described, draftOf);
  if (memory === undefined) return draft;
  const { from, to } = stackNamed(architecture, draft.stack);
  const { length, stack } = draftOf(memory);
  return { ...draft, memory: { row: memory, length, stack, from, to } };
}

const noRow: StackRow = { start: { kind: 'tokens', tokens: [] }, edits: [], stack: 'main' };

function draftOfStack(
  architecture: Architecture,
  plan: StackPlan,
  { start, stack }: StackRow,
  draftOf: (row: number) => Draft,
): Draft {
  if (start.kind === 'tokens') return draftFromTokens(architecture, stack, start.tokens);
  if (start.kind === 'input') return draftFromInput(architecture, stack, start.data);
  if (start.kind === 'kept') return { ...draftFromStart(stack, start.kept.length), start: never };
  const { parent, layer, position } = start;
  const from = plan.rows[parent]?.start;
  if (from?.kind === 'kept') checkKeptFork(from.kept, parent, layer, position);
  return draftFromFork(architecture, draftOf(parent), parent, layer, position);
}
