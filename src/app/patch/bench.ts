// The Patch page put together: a document, what follows from it, and the stores that ask the engine. No React here.

import type { Architecture, ComponentDescription } from '../../architectures/architecture.ts';
import type { SocketAddress } from '../../figures/rack/rackDescription.ts';
import { describeComponent } from '../../runtime/plan/sites.ts';
import type { Engine } from '../../worker/protocol.ts';
import type { ExperimentPage } from '../experiment/experimentPage.ts';
import type { RunDesk } from '../experiment/runDesk.ts';
import { type BenchPage, type BenchState, benchPageOf } from './benchPage.ts';
import {
  type Cable,
  changedCable,
  type PatchDocument,
  placeOfRun,
  withCable,
  withoutCable,
} from './document.ts';
import { draftOf, type PatchDraft } from './draft.ts';
import { createEffectStore, type EffectStore } from './effectStore.ts';
import { takenRun, whyNotFit } from './fitting.ts';
import { createHandStore, type HandStore, type Picked } from './handStore.ts';
import type { PatchTypes } from './page.ts';
import { createSocketStore, type SocketStore } from './socketStore.ts';
import { placeOf, type Shelf } from './sockets.ts';
import { inputStack, inputUnits, layerCountAt, stackOf } from './stacks.ts';
import { createSweepStore, type SweepStore } from './sweepStore.ts';
import { readerKey } from './wholeReadings.ts';

export interface PatchBench {
  readonly engine: Engine;
  readonly page: BenchPage;
  readonly effect: EffectStore;
  readonly sockets: SocketStore;
  readonly hand: HandStore;
  readonly sweeps: SweepStore;
  /** What follows from a state; the same object for the same state. */
  draftOf(state: BenchState): PatchDraft;
  /** Hang a cable from what is picked; what does not fit is said, and the cable stays in the hand. */
  endCable(address: SocketAddress): void;
  addCable(cable: Omit<Cable, 'id'>): void;
  changeCable(id: number, change: Partial<Cable>): void;
  removeCable(id: number): void;
}

const otherStacks = ({ components }: Architecture, shown: ComponentDescription): ReadonlySet<string> =>
  new Set(components.filter((each) => stackOf(each) !== stackOf(shown)).map(({ name }) => name));

/** What the rack shows of a model; null before there is one. */
export function shelfOf({ view }: PatchDocument, { outline, model }: PatchDraft): Shelf | null {
  if (!outline) return null;
  const known = outline.components.some(({ name }) => name === view.component);
  const component = describeComponent(outline, known ? view.component : 'block_output');
  const hasHeads = component.layout !== 'token';
  return {
    view: hasHeads ? view : { ...view, columns: 'position', head: null },
    component,
    layerCount: layerCountAt(outline, component.name),
    ...(model?.reads && stackOf(component) === inputStack(model.reads)
      ? { parts: inputUnits(model.reads) }
      : {}),
    ...(model?.reads ? { elsewhere: otherStacks(outline, component) } : {}),
  };
}

/** The sockets at which a cable ends that begins at several: as many, from the one that was chosen on. */
export const endColumns = ({ columns }: Picked, column: number, count: number): readonly number[] =>
  columns.map((_, index) => column + index).filter((each) => each < count);

export function createPatchBench(engine: Engine, own: ExperimentPage<PatchTypes>, desk: RunDesk): PatchBench {
  const page = benchPageOf(own, engine);
  const effect = createEffectStore(engine);
  const sockets = createSocketStore(engine, desk);
  const hand = createHandStore();
  const sweeps = createSweepStore(engine, desk);
  const drafts = new WeakMap<PatchDocument, { readonly of: BenchState; readonly draft: PatchDraft }>();

  function draftNow(state: BenchState): PatchDraft {
    const known = drafts.get(state.document);
    if (known && known.of.readings === state.readings && known.of.model === state.model) return known.draft;
    const draft = draftOf(state.document, state.readings, state.model);
    drafts.set(state.document, { of: state, draft });
    return draft;
  }

  /** Sockets that shorter prompts, or another component, do not have are neither looked at nor picked. */
  function letGoOfMissing({ document, readings }: BenchState, draft: PatchDraft): void {
    const shelf = shelfOf(document, draft);
    const { focus, picked } = hand.getState();
    if (!shelf) return;
    const isMissing = (run: string, column: number) => {
      if (shelf.view.columns === 'head') return column >= (shelf.component.heads ?? 0);
      const { tokens = null } = readings[placeOfRun(run)] ?? {};
      return tokens !== null && column >= draft.unitsOf(run, shelf.component.name).length;
    };
    if (focus && isMissing(focus.run, focus.column)) hand.setState({ focus: null });
    if (picked?.columns.some((column) => isMissing(picked.run, column))) hand.drop();
  }

  function follow(): void {
    const state = page.store.getState();
    const draft = draftNow(state);
    effect.follow(draft.experiment, draft.model ? readerKey(draft.model) : undefined);
    sockets.follow(state.document, draft, shelfOf(state.document, draft));
    letGoOfMissing(state, draft);
    const { selected } = hand.getState();
    if (selected !== null && !state.document.cables.some(({ id }) => id === selected))
      hand.setState({ selected: null });
  }
  page.store.subscribe(follow);
  follow();

  const bench: PatchBench = {
    engine,
    page,
    effect,
    sockets,
    hand,
    sweeps,
    draftOf: draftNow,
    addCable: (cable) => {
      const [next, id] = withCable(page.store.getState().document, cable);
      page.edit(() => next);
      hand.setState({ selected: id, picked: null, isCarrying: false, refusal: null });
    },
    changeCable: (id, change) => page.edit((document) => changedCable(document, id, change), `cable ${id}`),
    removeCable: (id) => page.edit((document) => withoutCable(document, id)),
    endCable: ({ run, layer, column }) => {
      const { picked } = hand.getState();
      const state = page.store.getState();
      const draft = draftNow(state);
      const shelf = shelfOf(state.document, draft);
      if (!picked || !shelf || !draft.outline || !draft.tokens) return;
      const count =
        shelf.view.columns === 'head'
          ? (shelf.component.heads ?? 0)
          : draft.unitsOf(run, shelf.component.name).length;
      const from = placeOf(shelf, picked.run, picked.layer, picked.columns);
      const to = placeOf(shelf, run, layer, endColumns(picked, column, count));
      const why = whyNotFit(draft.outline, state.document, from, to, draft.tokens);
      if (why !== null) return hand.setState({ refusal: why });
      bench.addCable({
        type: 'VanillaIntervention',
        from: { ...from, run: takenRun(from.run, to.run) },
        to,
        settings: {},
      });
    },
  };
  return bench;
}
