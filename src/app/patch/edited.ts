// The cables after an edit of their JSON. Trained parameters and cables that hang unused do not stand in that text, so
// they are carried over beside it: what a text cannot show must not be lost by typing into it.

import { interventionKeys, readConfiguration } from '../../interventions/configuration/configuration.ts';
import { InterventionError } from '../../interventions/intervention.ts';
import { type Cable, cableLetter, type PatchDocument } from './document.ts';
import { lengthIn, type PatchDraft, parametersOf } from './draft.ts';
import { cablesOf, checkWiring, readWiringText, withoutEmpty } from './reading.ts';
import { type Wiring, wiringOf } from './wiring.ts';

type Edited = Pick<PatchDocument, 'cables' | 'mode'>;

const keysOf = ({ configuration }: Wiring): readonly string[] =>
  interventionKeys(readConfiguration(configuration));

/** Whether parameters of the one are of the type and the sizes that the other asks for. */
const isSameKind = (a: Cable, b: Cable): boolean =>
  a.type === b.type &&
  a.settings.lowRankDimension === b.settings.lowRankDimension &&
  a.settings.latentDimension === b.settings.latentDimension;

/**
 * @param text of the editor, which shows the cables that fit
 * @throws InterventionError or PlanError in a sentence, also where an edit would leave trained parameters without a place;
 *   SyntaxError of JSON.parse
 */
export function editedCables(text: string, document: PatchDocument, draft: PatchDraft): Edited {
  const { outline, tokens, written } = draft;
  if (!outline || !tokens) throw new InterventionError('The model is not there yet.');
  const hanging = document.cables.filter(({ id }) => draft.misfits.some((misfit) => misfit.id === id));
  const withHanging = (cables: readonly Cable[]): readonly Cable[] => [
    ...cables,
    ...hanging.map((cable, index) => ({ ...cable, id: cables.length + index + 1 })),
  ];
  if (text.trim() === '' || text.trim() === '{}') return { cables: withHanging([]), mode: document.mode };

  const read = cablesOf(outline, readWiringText(text), withoutEmpty(tokens));
  const shown = written ? document.cables.filter((cable) => !hanging.includes(cable)) : [];
  const shownKeys = written ? keysOf(written) : [];
  const wired = wiringOf({ ...read, sources: document.sources }, lengthIn(tokens, outline));
  const keys = keysOf(wired);
  const cables = read.cables.map((cable, index): Cable => {
    const own = shown[shownKeys.indexOf(keys[index] ?? '')];
    return own?.parameters && isSameKind(own, cable) ? { ...cable, parameters: own.parameters } : cable;
  });
  // With fewer cables than before somebody took one away; with as many, its parameters would go unseen.
  const lost = shown.find(
    ({ parameters }) => parameters && cables.every((cable) => cable.parameters !== parameters),
  );
  if (lost && cables.length >= shown.length)
    throw new InterventionError(
      `Cable ${cableLetter(document.cables.indexOf(lost))} brings parameters of its own, and they do not fit what stands here in its place. Undo the edit, move the cable in the list of cables, or remove it there first.`,
    );
  checkWiring(outline, wired, tokens, { seed: document.seed, parameters: parametersOf(cables, wired) });
  return { cables: withHanging(cables), mode: read.mode };
}
