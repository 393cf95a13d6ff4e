// Which positions a run has at a component: the tokens of its prompt, those of what has been written, or the parts of a picture
// or a sound. A rack has a column for each, and a cable hangs at the positions that its column stands for.

import type { Architecture, ComponentDescription, StackName } from '../../architectures/architecture.ts';
import { pictureColumns, soundColumns } from '../../experiments/inputParts.ts';
import { describeComponent } from '../../runtime/plan/sites.ts';
import type { ModelReads, TokenInfo } from '../../worker/protocol.ts';
import type { KnownReads } from '../prompt/beside.ts';
import { hasTarget } from '../prompt/hasTarget.ts';

/** What has a column by position. */
export interface Unit {
  /** The same in two runs where both have the same there. */
  readonly id: number;
  /** As it stands over the column. */
  readonly text: string;
  /** In a sentence, where that is another. */
  readonly words?: string;
  readonly positions: readonly number[];
}

/** What a prompt's tokens are, by whose positions they are. */
export interface StackTokens {
  /** Of the prompt's text. */
  readonly tokens: readonly TokenInfo[] | null;
  /** Of what has been written, where the text is a source. */
  readonly written?: readonly TokenInfo[] | null | undefined;
}

export const stackOf = ({ place }: Pick<ComponentDescription, 'place'>): StackName => place?.stack ?? 'main';

/** Whose positions the tokens of a prompt's text are. */
export const textStack = (reads: KnownReads): StackName => (hasTarget(reads) ? 'encoder' : 'main');

/** Whose positions a picture or a sound has; null where none is read. */
export function inputStack(reads: KnownReads): StackName | null {
  if (!reads || reads.kind === 'text') return null;
  if (reads.isAlone) return 'main';
  return reads.isAsked ? 'first' : 'encoder';
}

const partsOf = new WeakMap<ModelReads, readonly Unit[]>();

/** The parts of a picture or a sound, as results cut them where nothing else is said. */
export function inputUnits(reads: ModelReads): readonly Unit[] {
  const known = partsOf.get(reads);
  if (known) return known;
  const { patches, positions = 0, seconds = positions } = reads;
  const units = patches
    ? pictureColumns(patches).columns.map(({ text, positions: own }, id): Unit => {
        const [row, column] = text.match(/\d+/g) ?? [];
        const short = row && column ? `${row}·${column}` : text;
        return { id, text: short, words: text, positions: own };
      })
    : soundColumns(positions, seconds).map(({ text, positions: own }, id): Unit => {
        return { id, text: text.split('–')[0] ?? text, words: text, positions: own };
      });
  partsOf.set(reads, units);
  return units;
}

const unitsOfTokens = new WeakMap<readonly TokenInfo[], readonly Unit[]>();

function tokenUnits(tokens: readonly TokenInfo[] | null | undefined): readonly Unit[] {
  if (!tokens) return noUnits;
  const known = unitsOfTokens.get(tokens);
  if (known) return known;
  const units = tokens.map(({ id, text }, position): Unit => ({ id, text, positions: [position] }));
  unitsOfTokens.set(tokens, units);
  return units;
}

const noUnits: readonly Unit[] = [];

/** What a run has at the positions of a stack; empty until it is read. */
export function unitsAt(run: StackTokens | undefined, stack: StackName, reads: KnownReads): readonly Unit[] {
  if (!run || run.tokens === null) return noUnits;
  if (reads && stack === inputStack(reads)) return inputUnits(reads);
  return tokenUnits(stack === textStack(reads) ? run.tokens : run.written);
}

export type StackLengths = Readonly<Partial<Record<StackName, number>>>;

/** How many positions each stack has in a run; none before it is read. */
export function lengthsOf(run: StackTokens, reads: KnownReads): StackLengths {
  const { tokens, written } = run;
  const input = inputStack(reads);
  return {
    ...(hasTarget(reads) ? { main: written?.length ?? 0 } : {}),
    [textStack(reads)]: tokens?.length ?? 0,
    ...(input ? { [input]: tokens === null ? 0 : (reads?.positions ?? 0) } : {}),
  };
}

/** Layers that a component has in its stack. */
export const layerCountAt = (architecture: Architecture, component: string): number =>
  describeComponent(architecture, component).place?.count ?? architecture.layerCount;

/** Columns that a place of the document stands in. */
export function columnsAt(units: readonly Unit[] | null, positions: readonly number[]): readonly number[] {
  if (units === null) return positions;
  return units.flatMap((unit, column) =>
    unit.positions.some((position) => positions.includes(position)) ? [column] : [],
  );
}
