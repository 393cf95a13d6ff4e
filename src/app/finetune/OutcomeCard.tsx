// What came of it in numbers, before and after, and the ways that lead on from a trained adapter.

import { useState } from 'react';
import { type FinetuneResult, isAdapterDone } from '../../experiments/finetune/result.ts';
import { endWords } from '../../experiments/finetune/words.ts';
import { messageOf } from '../../messages/wording.ts';
import { download } from '../experiment/exports.ts';
import { formatCount, formatPercent } from '../quantities.ts';
import { useWorkbench } from '../workbenchContext.tsx';
import { folderOf, numbersFileOf, steeringOf, zipOf } from './handOver.ts';
import { useBench, useLooked, useOwn, useResult } from './hooks.ts';

interface PartProps {
  readonly result: FinetuneResult;
  readonly looked: number;
}

function Pair({ held, taught }: { readonly held: string | undefined; readonly taught: string | undefined }) {
  return (
    <td className="number">
      {held}
      {taught !== undefined && (
        <span className="mute tune-taught">
          <span className="visually-hidden">, taught </span>
          {taught}
        </span>
      )}
    </td>
  );
}

function Measures({ result, looked }: PartProps) {
  const { set } = useBench();
  const { names, adapters, before } = result;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="table-scroll tune-measures" aria-label="Before and after, table" tabIndex={0}>
      <table className="numbers">
        <caption className="visually-hidden">Exact match and loss, before and after</caption>
        <thead>
          <tr>
            <th scope="col">With</th>
            <th scope="col">Exact match</th>
            <th scope="col">Loss</th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">nothing</th>
            <Pair held={formatPercent(before.test.match)} taught={formatPercent(before.train.match)} />
            <Pair held={before.test.loss.toFixed(3)} taught={before.train.loss.toFixed(3)} />
          </tr>
          {names.map((name, index) => {
            const adapter = adapters[index];
            const final = adapter?.final;
            const test = final?.test ?? adapter?.epochs.at(-1)?.test;
            return (
              <tr key={name}>
                <th scope="row">
                  {names.length === 1 ? (
                    name
                  ) : (
                    <button
                      type="button"
                      className="button-plain"
                      aria-pressed={index === looked}
                      title="Look at its curves and its answers"
                      onClick={() => set({ looked: index })}
                    >
                      {name}
                    </button>
                  )}
                </th>
                <Pair
                  held={test && formatPercent(test.match)}
                  taught={final && formatPercent(final.train.match)}
                />
                <Pair held={test?.loss.toFixed(3)} taught={final?.train.loss.toFixed(3)} />
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function Ways({ result, looked }: PartProps) {
  const { opening, pages } = useWorkbench();
  const [said, setSaid] = useState<string | null>(null);
  // The Steer page writes texts that go on.
  const model = useOwn(({ world }) => world.model);
  const isContinued = model?.isCausal !== false && !model?.reads?.isAlone;
  const adapter = result.experiment.adapters[looked];
  const own = result.adapters[looked];
  if (!adapter || !own || Object.keys(own.parameters).length === 0) return null;
  const act = (work: () => Promise<string | null> | string) => async () => {
    try {
      setSaid(await work());
    } catch (cause) {
      setSaid(messageOf(cause));
    }
  };
  const save = (bytes: Uint8Array<ArrayBuffer>, name: string, words = ''): string => {
    download(new Blob([bytes]), name);
    const part = isAdapterDone(own) ? '' : ', as far as it is trained';
    return `Saved ${name}${part}.${words}`;
  };
  const folder = act(() => {
    const { name, reader } = folderOf(result, looked);
    return save(
      zipOf(result, looked),
      `${name}.zip`,
      reader === null
        ? ' It holds the numbers by their names; no folder for pyreft, pyvene or PEFT is written of this adapter.'
        : ` It is for ${reader}; docs/finetuning.md says how it is loaded.`,
    );
  });
  const numbers = act(() =>
    save(numbersFileOf(result, looked), `${folderOf(result, looked).name}.safetensors`),
  );
  const steer = act(async () => {
    await opening.getState().openValue(steeringOf(result, looked, model));
    return null;
  });
  return (
    <div className="align-ways">
      <div className="share-line">
        <button
          type="button"
          className="button"
          title="A zip of what pyreft, pyvene or PEFT loads, as far as they can, with the result"
          onClick={() => void folder()}
        >
          Save its folder
        </button>
        <button
          type="button"
          className="button"
          title="The trained numbers by their names"
          onClick={() => void numbers()}
        >
          Save as safetensors
        </button>
        {adapter.type === 'SteeringVector' && isContinued && pages.some(({ name }) => name === 'steer') && (
          <button type="button" className="button" onClick={() => void steer()}>
            Steer with it
          </button>
        )}
      </div>
      <span role="status" className="mute small">
        {said}
      </span>
    </div>
  );
}

function Standing({ result, looked }: PartProps) {
  const adapter = result.adapters[looked];
  const name = result.names[looked] ?? '';
  if (!adapter) return <p className="mute small">{name}: not begun.</p>;
  return (
    <p className="small">
      {name}: {formatCount(adapter.parameterCount)} numbers, {formatCount(adapter.steps.loss.length)} steps (
      {endWords[adapter.end]}).
    </p>
  );
}

export function OutcomeCard() {
  const result = useResult();
  return (
    <section className="card tune-outcome" aria-labelledby="tune-outcome-title">
      <div className="card-head">
        <h2 id="tune-outcome-title">Before and after</h2>
      </div>
      {result === null ? (
        <p className="mute">
          How often the whole continuation is said, without the finetuning and with it, stands here.
        </p>
      ) : (
        <Outcome result={result} />
      )}
    </section>
  );
}

function Outcome({ result }: { readonly result: FinetuneResult }) {
  const looked = useLooked(result);
  return (
    <>
      <Measures result={result} looked={looked} />
      <p className="mute small">
        Of the held-out examples, and below of those that were taught. Exact: every token of the continuation
        is the most probable of all. Loss in nats a token.
      </p>
      <Standing result={result} looked={looked} />
      <Ways key={looked} result={result} looked={looked} />
    </>
  );
}
