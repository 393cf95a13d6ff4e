// The card of the rack: what its sockets stand for, the figure, a line about the socket that is looked at with what can be
// done there, and the scale.

import { useCallback, useMemo } from 'react';
import type { RackDescription, SocketAddress } from '../../figures/rack/rackDescription.ts';
import {
  useBenchState,
  useDocument,
  useEffectState,
  useHand,
  usePatchDraft,
  useShelf,
  useSockets,
} from './benchContext.tsx';
import { missingAt } from './beside.ts';
import { coneOf } from './cone.ts';
import { type Cable, shownSource } from './document.ts';
import { metricValue } from './effectStore.ts';
import { endingRuns, hasSameWidth } from './fitting.ts';
import { RackControls, WhyNoSweep } from './RackControls.tsx';
import { RackFigure } from './RackFigure.tsx';
import { RackHeatmap } from './RackHeatmap.tsx';
import { RackLegend } from './RackLegend.tsx';
import { SocketBar } from './SocketBar.tsx';
import { shareOf, socketValue } from './shares.ts';
import { rackCables, rackParts, type Shelf, scaleOfShares, touchedLayers } from './sockets.ts';
import { componentWords, socketWords } from './spoken.ts';
import { columnsAt, type Unit } from './stacks.ts';
import { useRackActions } from './useRackActions.ts';

/** What every run has at the positions that the rack shows, by its name. */
function useUnits(shelf: Shelf): (run: string) => readonly Unit[] {
  const { unitsOf } = usePatchDraft();
  return useCallback((run) => unitsOf(run, shelf.component.name), [unitsOf, shelf]);
}

function useRack(shelf: Shelf): RackDescription {
  const document = useDocument();
  const draft = usePatchDraft();
  const unfolded = useHand((state) => state.unfolded);
  const isCarrying = useHand((state) => state.isCarrying);
  const estimates = useSockets((state) => state.estimates);
  const measured = useSockets((state) => state.measured);
  const unitsOf = useUnits(shelf);
  return useMemo(
    () => ({
      parts: rackParts({
        shelf,
        base: unitsOf('base'),
        sources: document.sources.map((_, index) => unitsOf(`source_${index}`)),
        matching: draft.matchingOf(shelf.component.name),
        shown: shownSource(document),
        isFolded: (run) => run !== 'base' && !unfolded.has(run) && !isCarrying,
        touched: (run) => touchedLayers(document.cables, run, shelf),
        knownOf: (layer, column) => socketValue({ estimates, measured }, shelf, layer, column),
      }),
      scale: scaleOfShares,
    }),
    [shelf, document, draft, unfolded, isCarrying, estimates, measured, unitsOf],
  );
}

/** How strong each cable is: of a same-place cable what its socket says, of the only cable what all of them do. */
function useStrength(shelf: Shelf): (cable: Cable) => number | null {
  const { cables } = useDocument();
  const sockets = useSockets((state) => state);
  const effect = useEffectState((state) => (state.effect?.key === state.key ? state.effect : null));
  return useCallback(
    (cable) => {
      if (cables.length === 1 && effect) {
        const { base, sources, intervened } = effect.result.measured;
        const [source] = sources;
        if (!source) return null;
        const share = shareOf(metricValue(intervened) - metricValue(base), {
          base: metricValue(base),
          source: metricValue(source),
        });
        return Number.isFinite(share) ? Math.abs(share) : null;
      }
      const { from, to } = cable;
      const [column] = to.positions === 'all' ? [] : columnsAt(shelf.parts ?? null, to.positions);
      const isSamePlace = from?.component === to.component && from.layer === to.layer;
      if (!isSamePlace || column === undefined || to.component !== shelf.component.name) return null;
      const known = socketValue(sockets, shelf, to.layer, column);
      return known && Number.isFinite(known.value) ? Math.abs(known.value) : null;
    },
    [cables, effect, sockets, shelf],
  );
}

function RackWithFigure({ shelf }: { readonly shelf: Shelf }) {
  const document = useDocument();
  const draft = usePatchDraft();
  const description = useRack(shelf);
  const strengthOf = useStrength(shelf);
  const actions = useRackActions(shelf);
  const hand = useHand((state) => state);
  const sockets = useSockets((state) => state);
  const unitsOf = useUnits(shelf);
  const columnsOf = useCallback(
    (run: string) => (shelf.view.columns === 'head' ? (shelf.component.heads ?? 0) : unitsOf(run).length),
    [shelf, unitsOf],
  );
  const cables = useMemo(
    () => rackCables(shelf, document.cables, columnsOf, strengthOf),
    [shelf, document.cables, columnsOf, strengthOf],
  );
  const looked = document.cables.find(({ id }) => id === hand.hovered);
  const isReached = useMemo(() => {
    if (!looked || !draft.outline) return null;
    const cone = coneOf(draft.outline, document.cables, looked);
    return ({ run, layer, column }: SocketAddress) =>
      cone.reaches({
        run,
        component: shelf.component.name,
        layer,
        position: shelf.view.columns === 'head' ? null : (unitsOf(run)[column]?.positions[0] ?? column),
      });
  }, [looked, document.cables, draft.outline, shelf, unitsOf]);
  const fits = useMemo(() => {
    if (!hand.isCarrying || !hand.picked || !draft.outline) return null;
    const runs = description.parts.map(({ run }) => run);
    const ending = endingRuns(document, hand.picked.run, runs);
    const isWide = hasSameWidth(draft.outline, shelf.component.name, shelf.component.name);
    const { run, layer, columns } = hand.picked;
    return (address: SocketAddress) =>
      isWide &&
      ending.has(address.run) &&
      !(address.run === run && address.layer === layer && columns.includes(address.column));
  }, [hand.isCarrying, hand.picked, draft.outline, description.parts, document, shelf]);
  const wordsOf = (address: SocketAddress) =>
    socketWords({
      component: shelf.component.name,
      address,
      sourceCount: document.sources.length,
      columns: shelf.view.columns,
      units: unitsOf(address.run),
      value: socketValue(sockets, shelf, address.layer, address.column),
    });
  const picked = useMemo((): readonly SocketAddress[] => {
    if (hand.picked === null) return [];
    const { run, layer, columns } = hand.picked;
    return columns.map((column) => ({ run, layer, column }));
  }, [hand.picked]);
  return (
    <>
      {document.cables.length === 0 && hand.shows === 'rack' && (
        <p className="mute small rack-hint">
          A socket is what the model holds at one layer (upwards) and one {shelf.parts ? 'part' : 'token'}{' '}
          (across). Click a socket of the source and then one of the base, or drag from one to the other: the
          colour there says how far that moves the answer.
        </p>
      )}
      {hand.shows === 'heatmap' ? (
        <RackHeatmap rack={description} shelf={shelf} />
      ) : (
        <RackFigure
          description={description}
          cables={cables}
          zoom={hand.zoom}
          label={`Sockets of ${componentWords(shelf.component.name)}: source above, base below, layers up`}
          focus={hand.focus}
          picked={picked}
          isCarrying={hand.isCarrying}
          selected={hand.selected}
          hovered={hand.hovered}
          isReached={isReached}
          fits={fits}
          wordsOf={wordsOf}
          actions={actions}
        />
      )}
      <RackLegend />
      <WhyNoSweep shelf={shelf} />
      {hand.shows === 'rack' && <SocketBar shelf={shelf} wordsOf={wordsOf} />}
    </>
  );
}

export function RackCard() {
  const shelf = useShelf();
  const draft = usePatchDraft();
  const model = useBenchState((state) => state.model);
  const message = useBenchState(({ readings }) => readings[0]?.message ?? null);
  const document = useDocument();
  const missing = missingAt(document, 0, model?.reads ?? null);
  const hasColumns =
    shelf !== null && draft.tokens !== null && draft.unitsOf('base', shelf.component.name).length > 0;
  return (
    <section className="card rack-figure-card" aria-labelledby="rack-title">
      <div className="card-head">
        <h2 id="rack-title">Rack</h2>
        <RackControls shelf={shelf} />
      </div>
      {shelf !== null && hasColumns ? (
        <RackWithFigure shelf={shelf} />
      ) : (
        <p className="mute">
          {draft.model === null
            ? 'The sockets appear once a model is loaded.'
            : missing === null
              ? (message ?? 'The prompts are being read.')
              : model?.reads
                ? `${missing} Each layer then has a socket here for every word and every part.`
                : 'Type a base prompt: each layer and token then has a socket here.'}
        </p>
      )}
    </section>
  );
}
