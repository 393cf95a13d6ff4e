// Checks the senders and receivers of a path against a model, and fills in what they leave out.

import type { Architecture, ComponentDescription } from '../../architectures/architecture.ts';
import { transformerLensName } from '../../architectures/otherNames.ts';
import { didYouMean } from '../../messages/nearest.ts';
import { listed, quoted } from '../../messages/wording.ts';
import { describeComponent } from '../../runtime/plan/sites.ts';
import { stackNames } from '../../runtime/plan/stacks.ts';
import { ExperimentError } from '../experimentFile.ts';
import type { HeadName, PathPanel } from './outline.ts';
import type { PathExperiment, PathReceiver } from './pathExperiment.ts';
import { countUp, headsOf } from './resolvePanels.ts';
import { isBefore, orderOf, positionsOf, reachedFrom, receiversIn, sendersIn } from './sublayers.ts';

const usualSender = 'head_attention_value_output';

/** @throws ExperimentError for a head that the component does not have at that layer */
function checkedHeads(
  { layerCount }: Architecture,
  description: ComponentDescription,
  heads: readonly HeadName[],
  place: string,
): readonly HeadName[] {
  const { name, place: stack } = description;
  const count = stack?.count ?? layerCount;
  const bad = heads.find(([layer]) => layer >= count);
  if (bad) {
    throw new ExperimentError(
      `'${place}' names layer ${bad[0]}, but ${stack ? `'${name}'` : 'the model'} has layers 0 to ${count - 1}. A head is written [layer, head].`,
    );
  }
  headsOf(
    description,
    heads.map(([, head]) => head),
    place,
  );
  const isFirst = ([layer, head]: HeadName, index: number) =>
    heads.findIndex(([l, h]) => l === layer && h === head) === index;
  return heads.filter(isFirst);
}

/** @throws ExperimentError for what is none of those that are known here */
function checkKnown(component: string, known: readonly string[], place: string, does: string): void {
  if (known.includes(component)) return;
  const other = transformerLensName(component);
  const near = other === undefined ? didYouMean(component, known) : `Here it is '${other}'.`;
  throw new ExperimentError(
    `'${place}' is '${component}', which does not ${does} a path. ${near} Known: ${known.join(', ')}.`,
  );
}

/** @throws ExperimentError for a receiver that no way leads to but through other heads */
function checkReached(architecture: Architecture, sender: string, component: string, place: string): void {
  const reached = reachedFrom(architecture, sender);
  if (reached.includes(component)) return;
  const placeOf = (name: string) => stackNames.indexOf(positionsOf(architecture, name));
  const why =
    placeOf(component) < placeOf(sender)
      ? 'what an encoder makes does not hang on its reader'
      : 'every way from there leads through the heads of cross-attention, which are frozen';
  throw new ExperimentError(
    `'${place}' is '${component}', and '${sender}' sends: ${why}. Let one of these receive: ${listed(reached.map(quoted))}.`,
  );
}

function resolveReceiver(
  architecture: Architecture,
  sender: string,
  receiver: PathReceiver,
  place: string,
): PathPanel['receiver'] {
  const { component, heads } = receiver;
  checkKnown(component, receiversIn(architecture), `${place}.component`, 'receive');
  checkReached(architecture, sender, component, `${place}.component`);
  if (component === 'logits') {
    if (heads) throw new ExperimentError(`'${place}.heads': the prediction has no heads; leave them out.`);
    return { component };
  }
  if (!heads) {
    throw new ExperimentError(
      `'${place}.heads' is missing: name the heads whose '${component}' receives, such as [[9, 6], [9, 9]].`,
    );
  }
  const checked = checkedHeads(
    architecture,
    describeComponent(architecture, component),
    heads,
    `${place}.heads`,
  );
  const first = orderOf(architecture, { component: sender, layer: 0 });
  if (checked.every(([layer]) => !isBefore(first, orderOf(architecture, { component, layer })))) {
    throw new ExperimentError(
      `'${place}.heads' are all in layer 0, and no ${sender === usualSender ? 'head' : `'${sender}'`} comes before them.`,
    );
  }
  return { component, heads: checked };
}

/** One panel for each receiver. @throws ExperimentError or PlanError in one sentence, as `resolveSweep` does */
export function resolvePaths(architecture: Architecture, experiment: PathExperiment): readonly PathPanel[] {
  const { senders, receivers, mlps, sending } = experiment;
  if (sending !== undefined) checkKnown(sending, sendersIn(architecture), 'sending', 'send');
  const description = describeComponent(architecture, sending ?? usualSender);
  const { name: component, place } = description;
  const chosen = senders === 'all' ? undefined : checkedHeads(architecture, description, senders, 'senders');
  // What is frozen must be there.
  const frozen = [component.replace('head_', '').replace('_value_', '_')];
  if (mlps === 'freeze') frozen.push(component.replace(/[^.]*$/, 'mlp_output'));
  for (const each of frozen) describeComponent(architecture, each);
  return receivers.map(
    (receiver, index): PathPanel => ({
      kind: 'path',
      component,
      by: 'head',
      window: 1,
      heads: countUp(description.heads ?? 0),
      positions: 'all',
      ...(place ? { place } : {}),
      receiver: resolveReceiver(architecture, component, receiver, `receivers.${index}`),
      ...(chosen ? { senders: chosen } : {}),
      freezesMlps: mlps === 'freeze',
    }),
  );
}
