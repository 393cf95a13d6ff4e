// Heads that a person names as senders and that no receiver follows: their cells would say that they have no effect, which is true
// of any head there and says nothing of these.

import type { Architecture } from '../../architectures/architecture.ts';
import { listed } from '../../messages/wording.ts';
import { ExperimentError } from '../experimentFile.ts';
import type { Notice } from '../notice.ts';
import type { HeadName, PathPanel } from './outline.ts';
import { isBefore, orderOf } from './sublayers.ts';

const written = (heads: readonly HeadName[]): string => listed(heads.map((head) => `[${head.join(', ')}]`));

/** Named senders from which no way leads to a receiver of the panel. */
function unreachedOf(
  architecture: Architecture,
  { component, senders = [], receiver }: PathPanel,
): readonly HeadName[] {
  const { heads } = receiver;
  if (!heads) return [];
  return senders.filter(([layer]) => {
    const sender = orderOf(architecture, { component, layer });
    return !heads.some(([at]) =>
      isBefore(sender, orderOf(architecture, { component: receiver.component, layer: at })),
    );
  });
}

/**
 * @returns what is to be said of senders that some of the receivers do not follow
 * @throws ExperimentError for a sender that none of them follows
 */
export function unreachedNotices(
  architecture: Architecture,
  panels: readonly PathPanel[],
): readonly Notice[] {
  const unreached = panels.map((panel) => unreachedOf(architecture, panel));
  const idle = (unreached[0] ?? []).filter(([layer, head]) =>
    unreached.every((heads) => heads.some(([l, h]) => l === layer && h === head)),
  );
  if (idle.length > 0)
    throw new ExperimentError(
      `'senders' names ${written(idle)}, and no receiver comes after ${idle.length === 1 ? 'it' : 'them'}. Leave ${idle.length === 1 ? 'it' : 'them'} out, or name receivers in later layers.`,
    );
  return panels.flatMap(({ receiver }, index) => {
    const heads = unreached[index] ?? [];
    if (heads.length === 0) return [];
    const text = `No way leads from ${written(heads)} to '${receiver.component}' of ${written(receiver.heads ?? [])}, which ${receiver.heads?.length === 1 ? 'does' : 'do'} not come after: no effect is shown there.`;
    return [{ code: 'sender-without-receiver', text }];
  });
}
