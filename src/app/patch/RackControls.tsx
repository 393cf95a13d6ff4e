// What the rack shows: a component, positions or heads across, one head or all; and the sweep that fills it.

import { formatDuration } from '../quantities.ts';
import { useBench, useBenchState, useDocument, useHand, usePatchDraft, useSockets } from './benchContext.tsx';
import { ComponentOptions } from './ComponentOptions.tsx';
import { type RackView, shownSource, sourceIndex, sourceRun } from './document.ts';
import { zoomSteps } from './handStore.ts';
import type { Shelf } from './sockets.ts';

function ComponentSelect({ shelf }: { readonly shelf: Shelf }) {
  const { page } = useBench();
  const draft = usePatchDraft();
  const names = draft.outline?.components.map(({ name }) => name) ?? [];
  const show = (component: string) =>
    page.edit((document) => {
      const isOfHeads = draft.outline?.components.find(({ name }) => name === component)?.layout !== 'token';
      const view: RackView = isOfHeads
        ? { ...document.view, component, columns: document.view.columns }
        : { component, columns: 'position', head: null };
      return { ...document, view };
    }, 'component');
  return (
    <label className="rack-control">
      <span className="mute small">Component</span>
      <select className="select" value={shelf.component.name} onChange={(event) => show(event.target.value)}>
        <ComponentOptions names={names} />
      </select>
    </label>
  );
}

/** With several sources: the one that sockets, estimates and sweeps are about. */
function AgainstSelect() {
  const { page } = useBench();
  const document = useDocument();
  if (document.sources.length < 2) return null;
  return (
    <label className="rack-control">
      <span className="mute small">Against</span>
      <select
        className="select"
        value={shownSource(document)}
        onChange={({ target }) => page.edit((own) => ({ ...own, against: Number(target.value) }), 'against')}
      >
        {document.sources.map((_, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a source is its number
          <option key={index} value={index}>
            Source {index + 1}
          </option>
        ))}
      </select>
    </label>
  );
}

function HeadControls({ shelf }: { readonly shelf: Shelf }) {
  const { page } = useBench();
  const { heads = 0 } = shelf.component;
  const change = (part: Partial<RackView>) =>
    page.edit((document) => ({ ...document, view: { ...document.view, ...part } }), 'view');
  const value = shelf.view.columns === 'head' ? 'heads' : String(shelf.view.head ?? 'all');
  return (
    <label className="rack-control">
      <span className="mute small">Across</span>
      <select
        className="select"
        value={value}
        onChange={({ target }) =>
          change(
            target.value === 'heads'
              ? { columns: 'head', head: null }
              : { columns: 'position', head: target.value === 'all' ? null : Number(target.value) },
          )
        }
      >
        <option value="heads">Heads, at all positions</option>
        <option value="all">Positions, all heads together</option>
        {Array.from({ length: heads }, (_, head) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a head is its number
          <option key={head} value={String(head)}>
            Positions, head {head}
          </option>
        ))}
      </select>
    </label>
  );
}

const whyNoSweepId = 'rack-why';

/** Why the rack cannot be measured as it stands; waiting for tokens is over before it can be read. */
export function WhyNoSweep({ shelf }: { readonly shelf: Shelf }) {
  const { sockets } = useBench();
  const problem = sockets.whyNoSweep(useDocument(), usePatchDraft(), shelf);
  if (problem === null || problem.isWaiting) return null;
  return (
    <p id={whyNoSweepId} className="mute small">
      Measure all: {problem.why}
    </p>
  );
}

function MeasureAll({ shelf }: { readonly shelf: Shelf }) {
  const { page, sockets, draftOf } = useBench();
  const document = useDocument();
  const draft = usePatchDraft();
  const sweep = useSockets((state) => state.sweep);
  const problem = sockets.whyNoSweep(document, draft, shelf);
  const hasRest = sockets.hasRest(document, draft, shelf);
  if (sweep.status === 'running') {
    const { progress } = sweep;
    const part = progress?.total ? progress.done / progress.total : 0;
    return (
      <span className="rack-sweep">
        <span
          className="progress"
          role="progressbar"
          aria-label="Measuring"
          aria-valuenow={Math.round(part * 100)}
        >
          <span style={{ width: `${part * 100}%` }} />
        </span>
        <button type="button" className="button" onClick={() => sockets.cancel()}>
          Cancel
        </button>
      </span>
    );
  }
  const start = () => {
    const state = page.store.getState();
    void sockets.measureAll(state.document, draftOf(state), shelf);
  };
  return (
    <button
      type="button"
      className="button button-primary"
      aria-disabled={problem !== null}
      aria-describedby={problem === null ? undefined : whyNoSweepId}
      title={problem?.why}
      onClick={() => {
        if (problem === null) start();
      }}
    >
      {hasRest ? 'Measure the rest' : 'Measure all'}
    </button>
  );
}

/** Shows all layers of the sources again, once cables have folded them to those that they touch. */
function FoldButton() {
  const { hand } = useBench();
  const { cables, sources } = useDocument();
  const unfolded = useHand((state) => state.unfolded);
  const isFoldable = cables.some(({ from, to }) =>
    [from?.run, to.run].some((run) => sourceIndex(run ?? '') !== null),
  );
  if (!isFoldable) return null;
  const isOpen = unfolded.size > 0;
  return (
    <button
      type="button"
      className="button"
      aria-pressed={isOpen}
      onClick={() =>
        hand.setState({ unfolded: new Set(isOpen ? [] : sources.map((_, index) => sourceRun(index))) })
      }
    >
      All source layers
    </button>
  );
}

/** Closer and farther; the keys + - and 0 do the same, and Ctrl with the wheel. */
function ZoomButtons() {
  const { hand } = useBench();
  const zoom = useHand((state) => state.zoom);
  const button = (step: 1 | -1, sign: string, label: string) => {
    const isEnd = zoomSteps.at(step === 1 ? -1 : 0) === zoom;
    return (
      <button
        type="button"
        className="button button-icon"
        aria-label={label}
        title={`${label} (key ${sign === '−' ? '-' : sign}, or Ctrl and the wheel)`}
        aria-disabled={isEnd}
        onClick={() => hand.zoomBy(step)}
      >
        {sign}
      </button>
    );
  };
  return (
    <span className="rack-zoom">
      {button(-1, '−', 'Smaller sockets')}
      {button(1, '+', 'Larger sockets')}
    </span>
  );
}

/** The same numbers as sockets, or as a heatmap with its table and files. */
function ShowsSwitch() {
  const { hand } = useBench();
  const shows = useHand((state) => state.shows);
  return (
    <button
      type="button"
      className="button"
      aria-pressed={shows === 'heatmap'}
      title="The sockets of the base as a heatmap, with its numbers, pins and files"
      onClick={() => hand.setState({ shows: shows === 'rack' ? 'heatmap' : 'rack' })}
    >
      Heatmap
    </button>
  );
}

export function RackControls({ shelf }: { readonly shelf: Shelf | null }) {
  const isEstimating = useSockets((state) => state.isEstimating);
  const hasEstimates = useSockets((state) => state.estimates.size > 0);
  const model = useBenchState((state) => state.model);
  const elapsed = useSockets((state) =>
    shelf ? state.estimates.get(shelf.component.name)?.elapsedMs : undefined,
  );
  if (shelf === null || model === null) return null;
  return (
    <div className="rack-controls">
      <ComponentSelect shelf={shelf} />
      {shelf.component.layout !== 'token' && <HeadControls shelf={shelf} />}
      <AgainstSelect />
      <FoldButton />
      <span className="mute small rack-standing">
        {isEstimating
          ? 'estimating'
          : hasEstimates && elapsed !== undefined
            ? `estimated in ${formatDuration(elapsed)}`
            : ''}
      </span>
      <ShowsSwitch />
      <ZoomButtons />
      <MeasureAll shelf={shelf} />
    </div>
  );
}
