// Turns a call of interventions (a base, sources, locations, subspaces) into plans of rows: a row for every example of
// every run, with an edit for every intervention. Runs that take from what is computed later in another run wait for it.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Read, Row } from '../../runtime/plan/plan.ts';
import type { ResolvedConfiguration } from '../configuration/resolve.ts';
import {
  chosenEntries,
  type EditContext,
  editOf,
  type LateSource,
  lateSize,
  originOf,
  targetOf,
} from './edits.ts';
import { type Prompt, startOf } from './prompt.ts';
import { type Call, isLate, phasesOf, piecesOf, promptsOf } from './runs.ts';

export interface CompiledRows {
  readonly rows: readonly Row[];
  readonly rowOf: (run: string, example: number) => number;
}

/** What is read for an intervention that collects, in one example. */
export interface Collected {
  readonly run: string;
  readonly example: number;
  readonly read: Omit<Read, 'row'>;
  /** Entries that are kept; default all. */
  readonly columns?: readonly number[];
}

export interface CompiledCall {
  /** How many plans must run one after another. */
  readonly phases: number;
  /**
   * The rows of all runs up to a phase, and which row each is.
   * @param read what earlier phases have read, by `lateKey`
   */
  readonly rows: (phase: number, read: ReadonlyMap<string, Float32Array>) => CompiledRows;
  /** What a phase must read for those after it. */
  readonly late: (phase: number) => readonly LateSource[];
  /** How many numbers a phase reads there. */
  readonly lateSize: (late: LateSource) => number;
  /** For each intervention that collects, by example. */
  readonly collected: readonly (readonly Collected[])[];
}

/** @throws InterventionError that names the intervention, what was given and what would be right */
export function compileCall(
  architecture: Architecture,
  configuration: ResolvedConfiguration,
  call: Call,
): CompiledCall {
  const context: EditContext = {
    architecture,
    call,
    interventionCount: configuration.interventions.length,
  };
  const pieces = piecesOf(configuration, call);
  const phases = phasesOf(architecture, pieces);
  const phaseOf = (run: string | undefined) => (run === undefined ? 0 : (phases.get(run) ?? 0));
  const edits = pieces.filter(({ resolved }) => !resolved.intervention.type.isCollect);
  const collecting = pieces.filter(({ resolved }) => resolved.intervention.type.isCollect);

  const sources = new Map<unknown, number>();
  /** Tells prompts apart: by their tokens, and by what is read beside them. */
  const nameOf = ({ tokens, read }: Prompt): string => {
    if (read && !sources.has(read)) sources.set(read, sources.size);
    return `${read ? `${sources.get(read)}: ` : ''}${tokens.join(' ')}`;
  };

  const rows: CompiledCall['rows'] = (phase, read) => {
    const made: Row[] = [];
    const places = new Map<string, number>();
    const plain = new Map<string, number>();
    const rowOf = (run: string, example: number): number => {
      const place = places.get(`${run} ${example}`);
      if (place === undefined) throw new Error(`The run '${run}' is not ready.`);
      return place;
    };
    for (const run of phases.keys()) {
      if (phaseOf(run) > phase) continue;
      const own = edits.filter(({ resolved }) => resolved.targetRun === run);
      promptsOf(call, run, `'${run}'`).forEach((prompt, example) => {
        const name = nameOf(prompt);
        // The same prompt without interventions runs once, however many take from it.
        const known = own.length === 0 ? plain.get(name) : undefined;
        places.set(`${run} ${example}`, known ?? made.length);
        if (known !== undefined) return;
        if (own.length === 0) plain.set(name, made.length);
        made.push({
          start: startOf(prompt),
          edits: own.map((piece) => editOf(context, piece, example, rowOf, read)),
        });
      });
    }
    return { rows: made, rowOf };
  };

  const late: CompiledCall['late'] = (phase) =>
    edits
      .filter(
        (piece) =>
          isLate(architecture, piece) &&
          phaseOf(piece.sourceRun) <= phase &&
          phaseOf(piece.resolved.targetRun) > phase,
      )
      .flatMap((piece) => call.base.flatMap((_, example) => originOf(context, piece, example) ?? []));

  const collected = collecting.map((piece) =>
    call.base.map((_, example): Collected => {
      const { site, targetRun } = piece.resolved;
      const columns = chosenEntries(context, piece, example);
      return {
        run: targetRun,
        example,
        read: { site, location: targetOf(context, piece, example) },
        ...(columns ? { columns } : {}),
      };
    }),
  );
  return {
    phases: 1 + Math.max(0, ...phases.values()),
    rows,
    late,
    lateSize: (source) => lateSize(context, source),
    collected,
  };
}
