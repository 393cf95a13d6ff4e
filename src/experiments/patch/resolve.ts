// Makes a patch or a path experiment definite for one model: tokens instead of text, every default filled in, everything
// checked that can be checked before the model runs.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { counterpartsOf } from '../counterparts.ts';
import type { Direction } from '../direction.ts';
import { ExperimentError } from '../experimentFile.ts';
import { type InputParts, inputParts, wholeTokens } from '../inputParts.ts';
import type { Notice } from '../notice.ts';
import { seenEntry } from '../seenPicture.ts';
import { tokenLabel } from '../tokens.ts';
import { type ResolvedAblation, resolveAblation } from './ablation.ts';
import { areDefaultSweeps, type PatchExperiment } from './experiment.ts';
import {
  inputLength,
  mainLength,
  type PatchCase,
  type PatchOutline,
  type PatchRun,
  pictureLength,
} from './outline.ts';
import type { PairInputs } from './pairInputs.ts';
import type { PathExperiment } from './pathExperiment.ts';
import { firstDifference, type ResolvedPair, readTheSame, resolvePairs, seeTheSame } from './resolvePairs.ts';
import { resolveSweep } from './resolvePanels.ts';
import { resolvePaths } from './resolvePaths.ts';
import { unreachedNotices } from './unreachedSenders.ts';

export interface ResolvedPatch extends PatchOutline {
  readonly experiment: PatchExperiment | PathExperiment;
  readonly pairs: readonly ResolvedPair[];
  readonly direction: Direction;
  readonly ablation?: ResolvedAblation;
  /** What the columns of the input are called, of the first pair, and how a picture's lie. */
  readonly inputParts?: InputParts;
  /** The same of the picture that questions are about. */
  readonly pictureParts?: InputParts;
  readonly notices: readonly Notice[];
  /** What stands on a token's chip. */
  readonly textOf: (id: number) => string;
}

const textRun = (tokens: readonly number[]): PatchRun => ({ start: { kind: 'tokens', tokens }, tokens });

/** The runs of each pair. */
function casesOf(
  pairs: readonly ResolvedPair[],
  direction: Direction,
  ablation: ResolvedAblation | undefined,
): readonly PatchCase[] {
  const between = (pair: number, base: PatchRun, source: PatchRun): PatchCase => {
    const isSame = readTheSame(base, source);
    return {
      pair,
      base,
      source,
      // What is read beside the tokens is seen from the first of them on.
      firstDifference: isSame ? firstDifference(base.tokens, source.tokens) : 0,
      ...(isSame ? { sharesInput: true } : {}),
      ...(base.input?.picture && seeTheSame(base, source) ? { sharesPicture: true } : {}),
    };
  };
  return pairs.flatMap(({ clean, corrupted }, pair): readonly PatchCase[] => {
    switch (ablation?.kind) {
      case undefined:
        if (!corrupted) throw new Error(`Pair ${pair} has no corrupted run.`);
        return [direction === 'restore' ? between(pair, corrupted, clean) : between(pair, clean, corrupted)];
      case 'zero':
      case 'mean':
        return [{ pair, base: clean, firstDifference: 0 }];
      case 'resample':
        return (ablation.drawn[pair] ?? []).map((prompt) =>
          between(pair, clean, textRun(ablation.prompts[prompt] ?? [])),
        );
      default:
        return ablation satisfies never;
    }
  });
}

const meanNotice: Notice = {
  code: 'mean-over-all-positions',
  text: 'The prompts of the mean and the clean prompts are not all of one length, so the mean is over all positions of all prompts.',
};

/**
 * The columns of what the model reads beside its tokens.
 * @returns undefined for a model that reads none, and for texts of several lengths
 * @throws ExperimentError for a text that is to be cut
 */
function columnsOfInput(
  parts: number | undefined,
  pairs: readonly ResolvedPair[],
  seconds: number | undefined,
  textOf: (id: number) => string,
): InputParts | undefined {
  const input = pairs[0]?.clean.input;
  if (!input && parts !== undefined) throw new ExperimentError(wholeTokens);
  const isOneLength = pairs.every(({ clean }) => inputLength(clean) === input?.length);
  // Those of a question are its picture's.
  if (!isOneLength && !input?.picture && parts !== undefined) throw new ExperimentError(wholeTokens);
  return input && isOneLength ? inputParts(parts, input, seconds, textOf) : undefined;
}

/**
 * @param tokenizer may be absent when the experiment gives token ids
 * @param inputs of each pair, for a model that reads pictures or sounds
 * @throws ExperimentError or PlanError in one sentence: which field, what was given, and what would be right
 */
export function resolvePatch(
  architecture: Architecture,
  tokenizer: Tokenizer | undefined,
  experiment: PatchExperiment | PathExperiment,
  inputs: readonly PairInputs[] = [],
): ResolvedPatch {
  const given = experiment.kind === 'patch' ? experiment.ablation : undefined;
  const textOf = (id: number) => tokenLabel(id, tokenizer);
  const { pairs, notices } = resolvePairs(
    architecture,
    tokenizer,
    experiment.pairs,
    given === undefined,
    inputs,
  );
  const direction = given ? 'corrupt' : (experiment.direction ?? 'restore');
  const shared = { experiment, pairs, direction, textOf };
  if (experiment.kind === 'path') {
    const panels = resolvePaths(architecture, experiment);
    const said = [...notices, ...unreachedNotices(architecture, panels)];
    return { ...shared, panels, cases: casesOf(pairs, direction, undefined), notices: said };
  }
  const parts = columnsOfInput(experiment.parts, pairs, inputs[0]?.clean?.seconds, textOf);
  const picture = pairs[0]?.clean.input?.picture;
  const pictureParts = picture && inputParts(experiment.parts, picture, undefined, textOf);
  const [columns, pictureColumns] = [parts, pictureParts].map((each) =>
    each?.columns.map(({ positions }) => positions),
  );
  const seen = seenEntry(inputs[0]?.clean?.seen);
  const lengths = {
    main: pairs.map(({ clean }) => mainLength(clean)),
    input: pairs.map(({ clean }) => inputLength(clean)),
    picture: pairs.map(({ clean }) => pictureLength(clean)),
    ...(columns ? { columns: columns.length } : {}),
    ...(pictureColumns ? { pictureColumns: pictureColumns.length } : {}),
  };
  const sweeps = areDefaultSweeps(experiment.sweeps)
    ? counterpartsOf(experiment.sweeps, architecture.components)
    : experiment.sweeps;
  const panels = sweeps.map((sweep, index) => resolveSweep(architecture, sweep, index, lengths));
  const ablation = given && resolveAblation(architecture, tokenizer, given, pairs, panels);
  return {
    ...shared,
    panels,
    cases: casesOf(pairs, direction, ablation),
    ...(columns ? { columns } : {}),
    ...(parts ? { inputParts: { ...parts, ...(picture ? {} : seen) } } : {}),
    ...(pictureColumns ? { pictureColumns } : {}),
    ...(pictureParts ? { pictureParts: { ...pictureParts, ...seen } } : {}),
    ...(ablation ? { ablation } : {}),
    notices: [
      ...notices,
      ...(ablation?.kind === 'mean' && ablation.over === 'all positions' ? [meanNotice] : []),
    ],
  };
}
