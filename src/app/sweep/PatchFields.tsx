// What a patch does: which run is edited or what is ablated with, and its sweeps: component, what has a cell, how many layers
// together, which heads and positions.

import { usualParts } from '../../experiments/inputParts.ts';
import type { PatchExperiment, Sweep } from '../../experiments/patch/experiment.ts';
import { Choice } from '../experiment/Choice.tsx';
import { usePageOf } from '../experiment/pageContext.tsx';
import { presetTitles } from '../patch/presets.ts';
import { componentWords } from '../patch/spoken.ts';
import { AblationFields } from './AblationFields.tsx';
import { ComponentField } from './ComponentField.tsx';
import { DirectionField } from './DirectionField.tsx';
import { type SweepExperiment, settledIn } from './document.ts';
import { useSweepDocument, useSweepPage, useTypeInto } from './hooks.ts';
import { headsNotation, partsNotation, positionsNotation, wholeNotation } from './notations.ts';
import { patchPresets, presetOfSweeps, presetSweeps } from './ownPresets.ts';
import { useReads } from './PairBeside.tsx';
import type { PatchTypes } from './page.ts';
import { Problem, SweepField } from './SweepField.tsx';
import { useComponents } from './useComponents.ts';

const mostSweeps = 8;
const windowNotation = wholeNotation('A window', 'layers, such as 3');
const across = {
  position: 'A position',
  head: 'A head',
  'head-position': 'A head at a position',
} as const;

const usePatchPage = () => usePageOf<PatchTypes>('patch');

type SweepChange = { readonly [Name in keyof Sweep]?: Sweep[Name] | undefined };

/** A sweep changed; what is undefined is left out. */
const changedSweep = (experiment: PatchExperiment, at: number, change: SweepChange): unknown => ({
  ...experiment,
  sweeps: experiment.sweeps.map((sweep, index) => {
    if (index !== at) return sweep;
    const { by, heads, ...rest } = { ...sweep, ...change };
    return { ...rest, ...(by === undefined ? {} : { by }), ...(heads === undefined ? {} : { heads }) };
  }),
});

function SweepFields({ sweep, at }: { readonly sweep: Sweep; readonly at: number }) {
  const page = usePatchPage();
  const type = useTypeInto(page);
  const { componentOf } = useComponents();
  const name = (part: string) => `sweeps.${at}.${part}`;
  const known = componentOf(sweep.component);
  const hasHeads = known === undefined ? sweep.by !== 'position' : known.layout !== 'token';
  const by = sweep.by ?? (hasHeads ? 'head' : 'position');
  const set =
    <Part extends keyof Sweep>(part: Part) =>
    (field: string, text: string, read: () => Sweep[Part] | undefined) =>
      type(field, text, (experiment) => changedSweep(experiment, at, { [part]: read() }));
  return (
    <div className="fields">
      <ComponentField
        name={name('component')}
        value={sweep.component}
        onChange={(component) => {
          const isOfHeads = componentOf(component)?.layout !== 'token';
          const kept = isOfHeads
            ? { by: hasHeads ? by : ('head' as const) }
            : { by: undefined, heads: undefined };
          type(
            name('component'),
            component,
            (experiment) => changedSweep(experiment, at, { component, ...kept }),
            name('heads'),
          );
        }}
      />
      <div>
        <Choice
          label="A cell is"
          value={by}
          choices={(hasHeads
            ? (['position', 'head', 'head-position'] as const)
            : (['position'] as const)
          ).map((each) => [each, across[each]] as const)}
          {...(hasHeads ? {} : { hint: `${componentWords(sweep.component)} has no heads` })}
          onChange={(next) =>
            type(name('by'), next, (experiment) => changedSweep(experiment, at, { by: next }))
          }
        />
        <Problem name={name('by')} />
      </div>
      <SweepField
        label="Layers together"
        hint="Default 1; more around the layer of the cell"
        name={name('window')}
        isNumber
        notation={windowNotation}
        value={sweep.window}
        onText={set('window')}
      />
      {hasHeads && (
        <SweepField
          label="Heads"
          hint={by === 'position' ? 'Patched together; default all' : 'That have cells; default all'}
          name={name('heads')}
          placeholder="all"
          notation={headsNotation}
          value={sweep.heads}
          onText={set('heads')}
        />
      )}
      <SweepField
        label="Positions"
        hint={
          by === 'head' ? 'Patched together; default all; or last' : 'That have cells; default all; or last'
        }
        name={name('positions')}
        placeholder="all"
        notation={positionsNotation}
        value={sweep.positions}
        onText={set('positions')}
      />
    </div>
  );
}

function PresetField({ experiment }: { readonly experiment: PatchExperiment }) {
  const page = usePatchPage();
  const { components } = useComponents();
  const preset = presetOfSweeps(experiment, components);
  return (
    <Choice
      label="Preset"
      value={preset ?? 'own'}
      choices={[
        ...patchPresets.map((name) => [name, presetTitles[name]] as const),
        ...(preset === null ? [['own', 'Own sweeps'] as const] : []),
      ]}
      onChange={(name) => {
        if (name === 'own') return;
        page.edit(
          (document) =>
            document && {
              ...settledIn(document, 'sweeps.'),
              experiment: { ...document.experiment, sweeps: presetSweeps(name, components) },
            },
        );
      }}
    />
  );
}

const partsHints = {
  text: 'A text is taken token by token; leave this empty',
  image: `Squares across and down that are patched together; default ${usualParts.image}`,
  sound: `Stretches that are patched together; default ${usualParts.sound}`,
} as const;

/** An experiment that says into how many parts a picture or a sound is cut. */
type Parted = SweepExperiment & { readonly parts?: number | undefined };

/** Into how many parts a picture or a sound is cut. */
export function PartsField({ experiment }: { readonly experiment: Parted }) {
  const type = useTypeInto(useSweepPage());
  const reads = useReads(experiment.pairs[0]);
  const kind = reads?.kind ?? 'text';
  // What a text is refused for is said where it can be taken away.
  if (kind === 'text' && experiment.parts === undefined) return null;
  return (
    <SweepField
      label="Parts"
      hint={partsHints[kind]}
      name="parts"
      isNumber
      notation={partsNotation}
      value={experiment.parts}
      onText={(field, text, read) =>
        type(field, text, ({ parts: _, ...own }: Parted) => {
          const parts = read();
          return { ...own, ...(parts === undefined ? {} : { parts }) };
        })
      }
    />
  );
}

export function PatchFields() {
  const page = usePatchPage();
  const document = useSweepDocument(page);
  const type = useTypeInto(page);
  if (document === null) return null;
  const { experiment } = document;
  const { sweeps, ablation, direction = 'restore' } = experiment;
  const withSweeps = (next: readonly Sweep[]) =>
    page.edit(
      (own) => own && { ...settledIn(own, 'sweeps.'), experiment: { ...own.experiment, sweeps: next } },
    );
  const [last] = sweeps.slice(-1);
  return (
    <>
      <fieldset className="fieldset sweep-what">
        <legend>What is put in</legend>
        <div className="fields">
          <AblationFields document={document} />
          {ablation === undefined && (
            <DirectionField
              value={direction}
              usual="restore"
              onChange={(next) => type('direction', next, (own) => ({ ...own, direction: next }))}
            />
          )}
          <PresetField experiment={experiment} />
          <PartsField experiment={experiment} />
        </div>
        <Problem name="direction" />
      </fieldset>
      {sweeps.map((sweep, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a sweep is its place in the list
        <fieldset key={at} className="fieldset">
          <legend>{sweeps.length === 1 ? 'Sweep' : `Sweep ${at + 1}`}</legend>
          <SweepFields sweep={sweep} at={at} />
          {sweeps.length > 1 && (
            <button
              type="button"
              className="button-plain small"
              aria-label={`Remove sweep ${at + 1}`}
              onClick={() => withSweeps(sweeps.filter((each) => each !== sweep))}
            >
              Remove
            </button>
          )}
        </fieldset>
      ))}
      <div className="share-line">
        <button
          type="button"
          className="button"
          aria-disabled={sweeps.length >= mostSweeps}
          title={sweeps.length >= mostSweeps ? `There can be at most ${mostSweeps} sweeps` : undefined}
          onClick={() => {
            if (last && sweeps.length < mostSweeps) withSweeps([...sweeps, { ...last }]);
          }}
        >
          Add a sweep
        </button>
      </div>
    </>
  );
}
