// What an alignment will cost before it runs: rows that pass layers, steps, and how much of what comes before a site finds
// room between the steps.

import type { Architecture, StackName } from '../../architectures/architecture.ts';
import { keptRoom } from '../keptBases.ts';
import type { Notice } from '../notice.ts';
import { type Lengths, layersAfter, layersOfPrompt, layersUpTo, lengthsOf } from '../stackLayers.ts';
import { forcedKey } from '../teacherForcing.ts';
import { forkOfParts, promptsOf, type SitePrompts } from './keptExamples.ts';
import type { ResolvedAlign } from './resolve.ts';
import { interchanged, ownContinuations } from './resolveExamples.ts';
import { type AlignSite, partsOf } from './sites.ts';
import { passesOfStep, stepsOf } from './siteTraining.ts';

/** Prompts with a label of their own, and those to test with that of the interchange, each once. */
const ownCount = ({ train, test }: ResolvedAlign): number =>
  new Set([
    ...ownContinuations([...train, ...test]).map(forcedKey),
    ...test.map((example) => forcedKey(interchanged(example))),
  ]).size;

/** Positions of the bases in each stack, in the mean. */
function meanLengths(architecture: Architecture, { train, test }: ResolvedAlign): Lengths {
  const each = [...train, ...test].map(({ base }) => lengthsOf(architecture, base));
  const known = new Map<StackName, number>();
  return (stack) => {
    const mean = known.get(stack) ?? each.reduce((sum, of) => sum + of(stack), 0) / each.length;
    known.set(stack, mean);
    return mean;
  };
}

/**
 * Row-layers of one site, its prompts and its evaluations included.
 * @param lengths positions of a row, where it is the tokens that pass layers
 */
function siteRowLayers(
  align: ResolvedAlign,
  site: AlignSite,
  { keptCount, sources, unkept }: SitePrompts,
  architecture: Architecture,
  lengths?: Lengths,
): number {
  const { train, test, experiment } = align;
  const parts = partsOf(align, site);
  const after = layersAfter(architecture, forkOfParts(architecture, parts), lengths);
  const { epochs } = experiment.training;
  const rows = epochs * (train.length * (passesOfStep + 1) + test.length) + test.length;
  // Before the site: once in a step and once in an evaluation.
  const again = epochs * (2 * unkept.train + unkept.test) + unkept.test;
  const read = parts.reduce(
    (sum, { site: own }, at) => sum + (sources[at]?.length ?? 0) * layersUpTo(architecture, own, lengths),
    0,
  );
  return (keptCount + again) * layersOfPrompt(architecture, lengths) + read + rows * after;
}

/**
 * The work of a whole run, in rows that pass a layer: forward or back.
 * @param roomBytes that states kept between steps may take
 */
export function estimateAlign(
  align: ResolvedAlign,
  architecture: Architecture,
  roomBytes = keptRoom(architecture),
) {
  const ownPrompts = ownCount(align);
  const own = ownPrompts * layersOfPrompt(architecture);
  const prompts = promptsOf(architecture, align, roomBytes);
  const sitesBy = (lengths?: Lengths) =>
    align.sites.map((site, index) => {
      const needed = prompts[index];
      return needed ? siteRowLayers(align, site, needed, architecture, lengths) : 0;
    });
  const sites = sitesBy();
  const lengths = meanLengths(architecture, align);
  const steps = align.sites.length * stepsOf(align.train.length, align.experiment.training);
  const ownTokens = ownPrompts * layersOfPrompt(architecture, lengths);
  return {
    rowLayers: sites.reduce((sum, each) => sum + each, own),
    /** Of the same work: tokens that pass a layer. Rows begin at the position that they edit, so this is more than do. */
    tokenLayers: Math.round(sitesBy(lengths).reduce((sum, each) => sum + each, ownTokens)),
    own,
    sites,
    steps,
    prompts,
  };
}

const megabytes = (bytes: number): string => `${Number((bytes / 1e6).toPrecision(2))} MB`;

/** Of the site that needs most room, when it is more than there is. */
export function roomNotices(
  prompts: readonly SitePrompts[],
  roomBytes: number,
  keepsStates = true,
): readonly Notice[] {
  const [most] = prompts.toSorted((a, b) => b.neededBytes - a.neededBytes);
  if (!most || most.keptCount === most.bases.length) return [];
  const { bases, keptCount, neededBytes } = most;
  if (!keepsStates)
    return [
      {
        code: 'not-all-kept',
        text: `Of this model no states are kept between the steps, so the ${bases.length} prompts are run again in each. Shorter prompts or fewer examples train faster.`,
      },
    ];
  return [
    {
      code: 'not-all-kept',
      text: `The states of ${bases.length} prompts before the site would take ${megabytes(neededBytes)}, and ${megabytes(roomBytes)} may be kept, so ${bases.length - keptCount} of them are run again in each step. Shorter prompts, fewer examples or a later layer train faster.`,
    },
  ];
}
