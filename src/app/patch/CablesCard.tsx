// The cables as a list, and the properties of the one that is selected: type and formula, ends, rank, subspace, link, order.

import type { InterventionType } from '../../interventions/intervention.ts';
import { interventionTypes } from '../../interventions/types/registry.ts';
import { useBench, useDocument, useHand, usePatchDraft } from './benchContext.tsx';
import { NumberField, PartitionField, PlaceFields } from './CableFields.tsx';
import {
  type Cable,
  cableLetter,
  movedCable,
  type PatchDocument,
  sourceIndex,
  sourceRun,
} from './document.ts';
import { formulas, needsOf, whyNotType } from './formulas.ts';
import { cableWords, typeName } from './spoken.ts';
import { whyNotSerial } from './wiring.ts';

const typeOf = (name: string): InterventionType | undefined =>
  interventionTypes.find((type) => type.name === name);

function TypeSelect({ cable }: { readonly cable: Cable }) {
  const { changeCable } = useBench();
  const { outline } = usePatchDraft();
  const change = (name: string) => {
    const type = typeOf(name);
    if (!type) return;
    const { from, to, constant, settings } = cable;
    const needs = needsOf(type);
    const takes = type.source === 'run' || type.source === 'otherInput';
    changeCable(cable.id, {
      type: name,
      // An end that the type has no use for goes; one that it needs is taken from the same place of the source.
      from: takes && constant === undefined ? (from ?? { ...to, run: 'source_0' }) : null,
      settings: {
        ...(settings.link === undefined ? {} : { link: settings.link }),
        ...(needs.rank ? { lowRankDimension: settings.lowRankDimension ?? 1 } : {}),
        ...(needs.latent ? { latentDimension: settings.latentDimension ?? 16 } : {}),
        ...(type.subspaceWidth && settings.partition ? { partition: settings.partition } : {}),
      },
    });
  };
  return (
    <label className="field">
      Type
      <select className="select" value={cable.type} onChange={(event) => change(event.target.value)}>
        {interventionTypes.map((type) => {
          const why = outline && whyNotType(outline, cable, type);
          return (
            <option key={type.name} value={type.name} disabled={why !== null} title={why ?? undefined}>
              {typeName(type.name)}
              {why === null ? '' : ` — ${why}`}
            </option>
          );
        })}
      </select>
    </label>
  );
}

/** The source that a cable takes from: cables of one source are a group, which pyvene runs together. */
function GroupField({ cable }: { readonly cable: Cable }) {
  const { changeCable } = useBench();
  const { sources } = useDocument();
  const { from } = cable;
  const index = from && sourceIndex(from.run);
  const why =
    index === null
      ? from
        ? 'It takes from the base'
        : 'It takes nothing from a run'
      : sources.length < 2
        ? 'There is one source, and all cables are one group'
        : null;
  return (
    <label className="field">
      Group
      <select
        className="select"
        value={index ?? ''}
        aria-disabled={why !== null}
        title={why ?? 'Cables that take from one source are a group'}
        onChange={({ target }) => {
          if (from && why === null)
            changeCable(cable.id, { from: { ...from, run: sourceRun(Number(target.value)) } });
        }}
      >
        {index === null && <option value="">none</option>}
        {sources.map((_, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a source is its number
          <option key={place} value={place} disabled={why !== null && place !== index}>
            group {place}: source {place + 1}
          </option>
        ))}
      </select>
      {why !== null && <span className="small mute">{why}</span>}
    </label>
  );
}

function Properties({ cable, index }: { readonly cable: Cable; readonly index: number }) {
  const { changeCable, removeCable, page } = useBench();
  const document = useDocument();
  const type = typeOf(cable.type);
  if (!type) return null;
  const needs = needsOf(type);
  const { settings } = cable;
  const set = (change: Partial<Cable['settings']>) =>
    changeCable(cable.id, { settings: { ...settings, ...change } });
  const others = document.cables.filter(({ id }) => id !== cable.id);
  const move = (by: -1 | 1) => page.edit((own) => movedCable(own, cable.id, by));
  return (
    <div className="cable-properties">
      <TypeSelect cable={cable} />
      <p className="mono small cable-formula">{formulas[cable.type] ?? ''}</p>
      <PlaceFields cable={cable} />
      <GroupField cable={cable} />
      {needs.rank && (
        <NumberField
          label={cable.type.startsWith('Jump') ? 'Latents' : 'Rank'}
          value={settings.lowRankDimension ?? 1}
          least={1}
          onChange={(value) => set({ lowRankDimension: value })}
        />
      )}
      {needs.latent && (
        <NumberField
          label="Latents"
          value={settings.latentDimension ?? 16}
          least={1}
          onChange={(value) => set({ latentDimension: value })}
        />
      )}
      <PartitionField cable={cable} why={type.subspaceWidth ? null : 'This type chooses its width itself.'} />
      {type.isTrainable && (
        <p className="mute small">
          {cable.parameters
            ? 'Its parameters are those of the folder that was opened.'
            : `Its parameters are drawn from the seed ${document.seed}; open a pyvene folder to bring trained ones.`}
        </p>
      )}
      <label className="field">
        Linked with
        <select
          className="select"
          value={settings.link ?? ''}
          aria-disabled={!type.isTrainable}
          title={type.isTrainable ? undefined : 'A link shares parameters, and this type has none'}
          onChange={({ target }) => {
            const { link: _, ...rest } = settings;
            changeCable(cable.id, {
              settings: target.value === '' ? rest : { ...rest, link: Number(target.value) },
            });
          }}
        >
          <option value="">none</option>
          {Array.from({ length: Math.max(1, others.length) }, (_, key) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a link is its number
            <option key={key} value={key} disabled={!type.isTrainable}>
              link {key}
            </option>
          ))}
        </select>
      </label>
      <div className="cable-buttons">
        <button
          type="button"
          className="button"
          aria-disabled={index === 0}
          title={index === 0 ? 'It is the first' : undefined}
          onClick={() => move(-1)}
        >
          Earlier
        </button>
        <button
          type="button"
          className="button"
          aria-disabled={index === document.cables.length - 1}
          title={index === document.cables.length - 1 ? 'It is the last' : undefined}
          onClick={() => move(1)}
        >
          Later
        </button>
        <button type="button" className="button" onClick={() => removeCable(cable.id)}>
          Remove
        </button>
      </div>
    </div>
  );
}

function Mode({ document }: { readonly document: PatchDocument }) {
  const { page } = useBench();
  const why = whyNotSerial(document.cables);
  return (
    <label className="check-line small">
      <input
        type="checkbox"
        checked={document.mode === 'serial'}
        aria-disabled={why !== null}
        title={why ?? undefined}
        onChange={({ target }) => {
          if (why === null || document.mode === 'serial')
            page.edit((own) => ({ ...own, mode: target.checked ? 'serial' : 'parallel' }));
        }}
      />
      In series, each source into the next
      {why !== null && document.sources.length > 1 && <span className="mute">: {why}</span>}
    </label>
  );
}

export function CablesCard() {
  const { hand, removeCable } = useBench();
  const document = useDocument();
  const selected = useHand((state) => state.selected);
  const { unitsOf } = usePatchDraft();
  const { misfits } = usePatchDraft();
  const { cables, sources } = document;
  const index = cables.findIndex(({ id }) => id === selected);
  const cable = cables[index];
  return (
    <section className="card cables-card" aria-labelledby="cables-title">
      <div className="card-head">
        <h2 id="cables-title">Cables</h2>
        <span className="mute small">{cables.length === 0 ? 'none yet' : ''}</span>
      </div>
      {cables.length === 0 ? (
        <p className="mute">
          Click a socket of the source and then one of the base: what the source computed there goes into the
          base.
        </p>
      ) : (
        <ul className="cable-list">
          {cables.map((each, place) => {
            const words = cableWords(each, place, unitsOf, sources.length);
            return (
              <li key={each.id}>
                <button
                  type="button"
                  className="cable-item"
                  aria-pressed={each.id === selected}
                  aria-label={words}
                  onClick={() => hand.setState({ selected: each.id === selected ? null : each.id })}
                  onPointerEnter={() => hand.setState({ hovered: each.id })}
                  onPointerLeave={() => hand.setState({ hovered: null })}
                  onKeyDown={(event) => {
                    if (event.key === 'Delete' || event.key === 'Backspace') removeCable(each.id);
                  }}
                >
                  <span className="cable-letter">{cableLetter(place)}</span>
                  <span>{words.replace(/^Cable \w+, /, '')}</span>
                </button>
              </li>
            );
          })}
        </ul>
      )}
      {misfits.length > 0 && (
        <div className="cable-misfits" role="status">
          <p>These hang unused: they do not fit this model and these prompts.</p>
          <ul>
            {misfits.map(({ id, why }) => (
              <li key={id} className="small">
                <b>{cableLetter(cables.findIndex((each) => each.id === id))}</b> {why}{' '}
                <button type="button" className="button-plain small" onClick={() => removeCable(id)}>
                  Take it away
                </button>
              </li>
            ))}
          </ul>
        </div>
      )}
      {cable && <Properties cable={cable} index={index} />}
      {sources.length > 1 && cables.length > 0 && <Mode document={document} />}
    </section>
  );
}
