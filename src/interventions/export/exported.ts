// What the exporters share: a call of interventions in full form, and words of Python.

import type { Architecture } from '../../architectures/architecture.ts';
import type { ResolvedConfiguration } from '../configuration/resolve.ts';
import { chosenEntries, type EditContext, originOf, targetOf } from '../execution/edits.ts';
import { lengthAt, type Prompt } from '../execution/prompt.ts';
import { type Call, type Piece, piecesOf, promptsOf } from '../execution/runs.ts';
import type { Intervention } from '../intervention.ts';

export interface ExportRequest {
  /** As the other program opens it: a Hub id, or a folder. */
  readonly model: string;
  readonly architecture: Architecture;
  readonly configuration: ResolvedConfiguration;
  readonly call: Call;
}

export type ExportedCode =
  | {
      readonly ok: true;
      readonly code: string;
      /** What lies beside the program, by name; absent where nothing does. */
      readonly files?: ReadonlyMap<string, Uint8Array>;
    }
  /** Why the other program cannot say it, in a sentence. */
  | { readonly ok: false; readonly why: string };

/** Where an intervention takes from and puts to in one example, all units named. */
export interface ExampleUnits {
  readonly target: Units;
  readonly origin: Units | undefined;
  /** Entries of each unit; undefined for all. */
  readonly entries: readonly number[] | undefined;
}

export interface Units {
  readonly positions: readonly number[];
  /** Undefined for a component without heads. */
  readonly heads: readonly number[] | undefined;
}

export interface ExportedPiece {
  readonly piece: Piece;
  readonly examples: readonly ExampleUnits[];
}

export const hasParameters = ({ parameters }: Intervention): boolean => Object.keys(parameters).length > 0;

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);

/** @throws InterventionError as the call itself would */
export function exportedPieces({
  architecture,
  configuration,
  call,
}: ExportRequest): readonly ExportedPiece[] {
  const context: EditContext = { architecture, call, interventionCount: configuration.interventions.length };
  return piecesOf(configuration, call).map((piece) => {
    const { component, label, targetRun } = piece.resolved;
    const lengthOf = (run: string, example: number) => {
      const prompt = promptsOf(call, run, label)[example];
      return prompt ? lengthAt(prompt, component) : 0;
    };
    const unitsOf = (
      {
        positions,
        heads,
      }: { readonly positions: readonly number[] | 'all'; readonly heads?: readonly number[] },
      length: number,
    ): Units => ({
      positions: positions === 'all' ? upTo(length) : positions,
      heads: component.layout === 'token' ? undefined : (heads ?? upTo(component.heads ?? 1)),
    });
    return {
      piece,
      examples: call.base.map((_, example) => {
        const origin = originOf(context, piece, example);
        return {
          target: unitsOf(targetOf(context, piece, example), lengthOf(targetRun, example)),
          origin: origin && unitsOf(origin.location, lengthOf(origin.run, example)),
          entries: chosenEntries(context, piece, example),
        };
      }),
    };
  });
}

/** Python's own spelling of JSON. Strings are the same, but for lone surrogates, which no file can hold. */
export const python = (value: unknown): string =>
  JSON.stringify(value, (_, inner) => (typeof inner === 'string' ? inner.toWellFormed() : inner))
    .replaceAll(/(?<![\w"])null(?![\w"])/g, 'None')
    .replaceAll(',', ', ')
    .replaceAll(':', ': ');

/** Numbers as short as float32 allows. */
export const numbers = (data: ArrayLike<number>): string =>
  `[${Array.from(data, (x) => String(Number(x.toPrecision(9)))).join(', ')}]`;

/** Of what each stack reads. */
const lengths = ({ tokens, read }: Prompt): string =>
  [tokens.length, ...Object.values(read?.lengths ?? {})].join();

/** Why prompts of a run cannot be one tensor; undefined when they can. */
export function unequalPrompts({ base, sources }: Call): string | undefined {
  const runs = [base, ...sources.filter((source) => source !== null)];
  return runs.some((run) => new Set(run.map(lengths)).size > 1)
    ? 'The prompts of one batch have different lengths, which would need padding there. Export them one by one.'
    : undefined;
}

export const tokensOf = (prompts: readonly { readonly tokens: readonly number[] }[]): string =>
  python(prompts.map(({ tokens }) => tokens));

/** The Python statement of a type that only moves entries, with `{to}` and `{from}`; undefined for others. */
export function swapStatement({ type }: Intervention): string | undefined {
  switch (type.name) {
    case 'VanillaIntervention':
      return '{to} = {from}';
    case 'AdditionIntervention':
      return '{to} += {from}';
    case 'SubtractionIntervention':
      return '{to} -= {from}';
    case 'ZeroIntervention':
      return '{to} = 0';
    default:
      return undefined;
  }
}

/** Why a constant cannot be written as one vector; undefined when it can, or there is none. */
export function severalVectors({ piece: { constant, resolved } }: ExportedPiece): string | undefined {
  if (!constant || constant.length === resolved.component.width) return undefined;
  return `${resolved.label}: its constant has a vector for each unit, which would take a table there.`;
}

/** The axes by which units are chosen from [positions, (heads,) entries]. */
export function axesOf({ positions, heads }: Units, entries: readonly number[] | undefined): string {
  const axes = [positions, ...(heads ? [heads] : []), ...(entries ? [entries] : [])];
  return axes.map((axis) => python(axis)).join(', ');
}

/** A function of the programs for other tools: index tensors for the units of one example. */
export const chooseFunction = [
  'def units(*axes):',
  '    return torch.meshgrid(*[torch.tensor(axis) for axis in axes], indexing="ij")',
];
