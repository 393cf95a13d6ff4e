// The words about an alignment: what was trained and where, and a caption that lets a reader repeat it.

import { inQuotes } from '../figureWords.ts';
import type { AlignExperiment } from './experiment.ts';
import { type AlignResult, isSiteDone, type SiteResult } from './result.ts';
import { positionText, type SitePosition } from './sitePosition.ts';

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** A position on an axis and in a sentence: `last`, `name`, `position 3`, `name + last`. */
export const positionWord = (position: SitePosition): string =>
  typeof position === 'number' ? `position ${position}` : positionText(position);

/** `, heads 3 and 7 as one vector`, where heads are named. */
export const headWords = ({
  site: { heads },
}: {
  readonly site: { readonly heads?: readonly number[] | undefined };
}): string =>
  heads === undefined
    ? ''
    : heads.length === 1
      ? `, head ${heads[0]}`
      : `, heads ${heads.slice(0, -1).join(', ')} and ${heads.at(-1)} as one vector`;

/** `, together with mlp_output of layer 3 at name from a second source`, where further sites are trained along. */
export function jointWords({ jointly = [] }: AlignExperiment): string {
  const counted = ['second', 'third', 'fourth'];
  const each = jointly.map((site, at) => {
    const layer = site.layer === 'same' ? 'the same layer' : `layer ${site.layer}`;
    const source = counted[at] ? `a ${counted[at]} source` : `source ${at + 2}`;
    return `${site.component}${headWords({ site })} of ${layer} at ${positionWord(site.position)} from ${source}`;
  });
  return each.length === 0 ? '' : `, together with ${each.join(' and ')}`;
}

export const siteWords = ({ layer, position }: Pick<SiteResult, 'layer' | 'position'>): string =>
  `layer ${layer} at ${positionWord(position)}`;

export function interventionText({ intervention, jointly }: AlignExperiment, width: number): string {
  // Vectors that are trained together may be of several widths.
  const of = jointly ? 'directions at each' : `of ${width} directions`;
  switch (intervention.type) {
    case 'LowRankRotated':
      return `LowRankRotated, ${intervention.rank} ${of}`;
    case 'Rotated':
      return `Rotated, ${intervention.dimensions} ${of}`;
    default:
      return `${intervention.type}, width ${width}, penalty ${intervention.penalty}`;
  }
}

/** The control by name, and in a sentence. */
export const controlWords = ({ intervention }: AlignExperiment) =>
  intervention.type === 'SigmoidMask'
    ? { name: 'shuffled mask', sentence: 'The control is the mask with its entries in another order.' }
    : {
        name: 'untrained rotation',
        sentence: 'The control is the same intervention with a random rotation that was not trained.',
      };

const counted = (count: number, thing: string): string => `${count} ${thing}${count === 1 ? '' : 's'}`;

/** How long the finished sites were trained; an early end makes their steps differ. */
function stepWords({ sites, experiment }: AlignResult): string {
  const { batchSize, epochs, learningRate, optimizer } = experiment.training;
  const steps = sites.flatMap((site) => (site && isSiteDone(site) ? [site.steps.loss.length] : []));
  const [least, most] = [Math.min(...steps), Math.max(...steps)];
  const made =
    steps.length === 0
      ? `at most ${counted(epochs, 'epoch')}`
      : least === most
        ? counted(most, 'step')
        : `${least} to ${counted(most, 'step')}`;
  return `${made} of ${counted(batchSize, 'example')}${sites.length > 1 ? ' at each site' : ''}, ${optimizer} at ${learningRate}, seed ${experiment.seed}.`;
}

function stoppedWords({ sites }: AlignResult): string {
  const stopped = sites.filter((site) => site?.end === 'loss' || site?.end === 'parameters').length;
  return stopped === 0
    ? ''
    : ` At ${counted(stopped, 'site')} training stopped where its numbers were finite no more.`;
}

/** What was trained and with what, in a few sentences. */
export function alignCaption(result: AlignResult): string {
  const {
    experiment,
    model,
    width,
    trainCount,
    testCount,
    unedited,
    majority,
    factual,
    layers,
    positions,
    sites,
  } = result;
  const component = `${experiment.site.component}${headWords(experiment)}`;
  const [layer = 0] = layers;
  const [position = 0] = positions;
  const where = sites.length === 1 ? `${component} of ${siteWords({ layer, position })}` : component;
  const revision = experiment.revision ? `, revision ${experiment.revision}` : '';
  const own = factual
    ? ` By itself the model answers ${factual.right} of ${counted(factual.of, 'prompt')} as the task has it.`
    : '';
  return [
    `${model.label}${revision}. ${where}${jointWords(experiment)}, ${interventionText(experiment, width)}.`,
    `${counted(trainCount, 'example')} to train with, ${testCount} to test; ${stepWords(result)}${stoppedWords(result)}${own}`,
    `Without an intervention ${percent(unedited)} of the test are right; the majority label, ${inQuotes(majority.label)}, is right for ${percent(majority.share)}.`,
  ].join(' ');
}
