// What was learned at the site that is looked at: how the prompts lie along it, which tokens it promotes, how it compares with the
// difference of means and with other layers; and the ways that lead on from it.

import { useEffect, useState } from 'react';
import type { LearnedSite, TokenShift } from '../../experiments/align/learned.ts';
import { learnedBasis, shareIn } from '../../experiments/align/learnedBasis.ts';
import { messageOf } from '../../messages/wording.ts';
import { download } from '../experiment/exports.ts';
import { TokenText } from '../prompt/TokenText.tsx';
import { formatCount, formatLogit, formatPercent } from '../quantities.ts';
import { useWorkbench } from '../workbenchContext.tsx';
import { cableOf, pyveneZipOf, safetensorsOf, siteStem, steeringOf } from './handOver.ts';
import { useBench, useBenchState, useChosenSite, useOwn, useVariants } from './hooks.ts';
import { ProjectionPlot } from './ProjectionPlot.tsx';
import { choiceWords, placeKey, type SiteChoice, type Variant } from './variants.ts';

function Shifts({ title, shifts }: { readonly title: string; readonly shifts: readonly TokenShift[] }) {
  const most = Math.max(...shifts.map(({ logit }) => Math.abs(logit)), 1e-9);
  return (
    <table className="align-shifts">
      <caption>{title}</caption>
      <thead className="visually-hidden">
        <tr>
          <th scope="col">Token</th>
          <th scope="col">As a bar</th>
          <th scope="col">Logits</th>
        </tr>
      </thead>
      <tbody>
        {shifts.map(({ text, logit }, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: two tokens may have one text
          <tr key={place}>
            <th scope="row" className="mono">
              <TokenText text={text} />
            </th>
            <td className="align-bar">
              <span style={{ width: `${(100 * Math.abs(logit)) / most}%` }} />
            </td>
            <td className="number">{formatLogit(logit)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The same position at other layers of the variant: how much of the direction lies in what was learned there. */
function Layers({
  choice,
  variant,
  learned,
}: {
  readonly choice: SiteChoice;
  readonly variant: Variant | undefined;
  readonly learned: LearnedSite;
}) {
  const others = choice.result.layers.flatMap((layer) => {
    const other = variant?.sites.get(placeKey(layer, choice.site.position));
    if (other === undefined || layer === choice.site.layer) return [];
    const basis = learnedBasis(other.result, other.site);
    if (basis === null || basis.columns.length / basis.rank !== learned.direction.length) return [];
    return [{ layer, cosine: shareIn(basis, learned.direction) }];
  });
  if (others.length === 0) return null;
  return (
    <table className="align-shifts">
      <caption>Cosine with what was learned at other layers, without its sign</caption>
      <thead className="visually-hidden">
        <tr>
          <th scope="col">Layer</th>
          <th scope="col">As a bar</th>
          <th scope="col">Cosine</th>
        </tr>
      </thead>
      <tbody>
        {others.map(({ layer, cosine }) => (
          <tr key={layer}>
            <th scope="row">layer {layer}</th>
            <td className="align-bar">
              <span style={{ width: `${100 * Math.min(1, cosine)}%` }} />
            </td>
            <td className="number">{cosine.toFixed(2)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Separation({ learned }: { readonly learned: LearnedSite }) {
  const { values, means, separation, meansCosine, points, promptCount } = learned;
  const named = values.map((value, at) => `${value.trim()} ${(means[at] ?? 0).toFixed(2).replace('-', '−')}`);
  return (
    <p className="small">
      {promptCount > points.length
        ? `The first ${formatCount(points.length)} of ${formatCount(promptCount)} prompts`
        : `${formatCount(points.length)} prompts`}
      . Means: {named.slice(0, 8).join(', ')}
      {named.length > 8 && ` and ${named.length - 8} more`}.
      {separation !== null &&
        ` The nearest two stand ${separation.distance.toFixed(1)} standard deviations apart (d′); ${formatPercent(separation.nearest)} of the prompts lie nearest the mean of their own value; ${formatPercent(separation.between)} of the variance lies between values.`}
      {Number.isFinite(meansCosine) &&
        ` Cosine with the difference of means: ${meansCosine.toFixed(2).replace('-', '−')}.`}
    </p>
  );
}

function Ways({ choice, learned }: { readonly choice: SiteChoice; readonly learned: LearnedSite | null }) {
  const { engine, opening, pages } = useWorkbench();
  const [said, setSaid] = useState<string | null>(null);
  // The Steer page writes texts that go on.
  const isContinued = useOwn(({ world }) => world.model?.isCausal !== false);
  const { data, testData, split } = choice.result.experiment;
  const task = () =>
    engine.alignTask({ data, ...(testData ? { testData } : {}), ...(split ? { split } : {}) });
  const act = (work: () => Promise<string | null> | string) => async () => {
    try {
      setSaid(await work());
    } catch (cause) {
      setSaid(messageOf(cause));
    }
  };
  const save = (bytes: Uint8Array<ArrayBuffer>, name: string): string => {
    download(new Blob([bytes]), name);
    return `Saved ${name}.`;
  };
  const cable = act(async () => {
    await opening.getState().openValue(cableOf(choice, await task()));
    return null;
  });
  const steer = act(async () => {
    if (learned === null) return 'The direction has not been read yet.';
    await opening.getState().openValue(steeringOf(choice, learned, await task()));
    return null;
  });
  const stem = siteStem(choice);
  return (
    <div className="align-ways">
      <div className="share-line">
        <button type="button" className="button" onClick={() => void cable()}>
          Hang it as a cable
        </button>
        {isContinued && pages.some(({ name }) => name === 'steer') && (
          <button
            type="button"
            className="button"
            aria-disabled={learned === null}
            onClick={() => void steer()}
          >
            Steer with it
          </button>
        )}
        <button
          type="button"
          className="button"
          title="A zip of the folder that pyvene loads; unpacked, it opens here again"
          onClick={() => void act(() => save(pyveneZipOf(choice), `${stem}.zip`))()}
        >
          Save for pyvene
        </button>
        <button
          type="button"
          className="button"
          title="The trained parameters by name, and the direction"
          onClick={() => void act(() => save(safetensorsOf(choice, learned), `${stem}.safetensors`))()}
        >
          Save as safetensors
        </button>
      </div>
      <span role="status" className="mute small">
        {said}
      </span>
    </div>
  );
}

export function LearnedCard() {
  const bench = useBench();
  const choice = useChosenSite();
  const found = useVariants();
  const learned = useBenchState((state) => state.learned);
  const model = useOwn((state) => state.world.model);
  const isOfModel =
    choice !== null &&
    model !== null &&
    (choice.result.model.fingerprint === undefined ||
      model.fingerprint === undefined ||
      choice.result.model.fingerprint === model.fingerprint);
  const isTrained = choice?.site.final !== undefined;
  useEffect(() => {
    if (choice !== null && isTrained && isOfModel) bench.askLearned(choice);
  }, [bench, choice, isTrained, isOfModel]);
  if (choice === null || !isTrained) return null;
  const value = learned?.status === 'known' ? learned.value : null;
  const variant = found?.variants.find(({ sites }) =>
    [...sites.values()].some(({ site }) => site === choice.site),
  );
  return (
    <section className="card learned-card" aria-labelledby="learned-title">
      <div className="card-head">
        <h2 id="learned-title">What was learned at {choiceWords(choice)}</h2>
      </div>
      {!isOfModel ? (
        <p className="mute">Load the model of this result to read what was learned.</p>
      ) : value === null ? (
        <p className={learned?.status === 'refused' ? 'run-problem' : 'mute'}>
          {learned?.status === 'refused'
            ? learned.message
            : 'The prompts are read along the learned direction.'}
        </p>
      ) : (
        <>
          <ProjectionPlot learned={value} />
          <Separation learned={value} />
          <div className="align-tables">
            {value.tokens !== null && (
              <>
                <Shifts
                  title={`Promoted towards ${value.values.at(-1)?.trim() ?? 'the last value'}, logits`}
                  shifts={value.tokens.promoted}
                />
                <Shifts
                  title={`Demoted towards ${value.values.at(-1)?.trim() ?? 'the last value'}, logits`}
                  shifts={value.tokens.demoted}
                />
              </>
            )}
            <Layers choice={choice} variant={variant} learned={value} />
          </div>
          {value.tokens !== null && (
            <p className="mute small">
              Logits that one standard deviation along the direction adds when the mean state is read straight
              through the final norm and the unembedding; what later layers make of it is not in them.
            </p>
          )}
        </>
      )}
      <Ways choice={choice} learned={isOfModel ? value : null} />
    </section>
  );
}
