// Which field a sentence of the engine belongs to: its sentences name the input, the site, the name or the tensor that they are
// about.

import type { TensorsExperiment } from '../../experiments/tensors/experiment.ts';
import { withoutLayer } from './naming.ts';

/** The input that a sentence begins with, in the run that has it as its own. */
function inputField(message: string, { corrupted, reference }: TensorsExperiment): string | null {
  const input = /^(?:The model needs the input|Input) '([^']*)'/.exec(message)?.[1];
  if (input === undefined) return null;
  if (/^The model needs/.test(message)) return `clean ${input}`;
  const isOther = /in the corrupted one/.test(message) && corrupted?.[input] !== undefined;
  if (isOther) return `corrupted ${input}`;
  return reference?.[input] !== undefined && /reference/.test(message)
    ? `reference ${input}`
    : `clean ${input}`;
}

/** @returns null where it is about the whole; it stands beside the button then */
export function fieldOf(message: string, experiment: TensorsExperiment): string | null {
  const input = inputField(message, experiment);
  if (input !== null) return input;
  if (/^There is no chain from /.test(message) || /^No single tensor cuts /.test(message)) return 'chain';
  const { names = {}, chain, noise, sites } = experiment;
  for (const [, quoted = ''] of message.matchAll(/'([^']*)'/g)) {
    const name = Object.entries(names).find(
      ([own, tensors]) => own === quoted || [tensors].flat().includes(quoted),
    );
    if (name) return `name ${name[0]}`;
    const site = sites.find((each) => each.site === quoted || withoutLayer(each.site) === quoted);
    if (site) return `site ${site.site}`;
    if (chain && (chain.from === quoted || chain.to === quoted)) return 'chain';
    if (noise?.tensor === quoted) return 'noise';
  }
  return null;
}
