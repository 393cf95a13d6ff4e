// Beside the task its examples: tokens with the variables' places, what the interchange does, counts and balance; and first of
// all whether the model can do the task at all.

import type { AlignTask, OwnAnswers, TaskExample, TaskPrompt } from '../../experiments/align/task.ts';
import type { ModelInfo } from '../../worker/protocol.ts';
import { hasTarget } from '../prompt/hasTarget.ts';
import { TokenText } from '../prompt/TokenText.tsx';
import { formatCount, formatPercent } from '../quantities.ts';
import type { DeclaredFields } from './declaredFields.ts';
import { namesOf } from './declaredFields.ts';
import { useBench, useBenchState, useDocument, useDraft, useOwn } from './hooks.ts';

const shownExamples = 4;
const unmarked: ReadonlyMap<number, string> = new Map();
/** Below this a task is not one that the model can be said to do. */
const goodAccuracy = 0.9;

function Chips({
  prompt,
  places,
  side,
}: {
  readonly prompt: TaskPrompt;
  readonly places: ReadonlyMap<number, string>;
  readonly side: string;
}) {
  return (
    <div className="align-prompt">
      <span className="mute small">{side}</span>
      <span className="align-chips">
        {prompt.reads !== undefined && <span className="mute small">{prompt.reads}</span>}
        {prompt.tokens.map(({ text }, position) => {
          const names = places.get(position);
          return (
            <span
              // biome-ignore lint/suspicious/noArrayIndexKey: a token is known by its position
              key={position}
              className="chip mono"
              data-subject={names !== undefined}
              title={names === undefined ? `position ${position}` : `${names}, position ${position}`}
            >
              <TokenText text={text} />
              {names !== undefined && <span className="chip-name">{names}</span>}
            </span>
          );
        })}
        {prompt.target !== undefined && (
          <>
            <span className="mute small">then</span>
            {prompt.target.tokens.map(({ text }, position) => (
              <span
                // biome-ignore lint/suspicious/noArrayIndexKey: a token is known by its position
                key={position}
                className="chip mono"
                title={`position ${position} of what is written`}
              >
                <TokenText text={text} />
              </span>
            ))}
          </>
        )}
      </span>
    </div>
  );
}

/** Whether a component's positions are those of the prompts' own tokens, and not of a picture, a sound or what is written. */
function isOfPrompt(component: string, model: ModelInfo | null): boolean {
  const { reads, components } = model ?? {};
  const stack = components?.find(({ name }) => name === component)?.place?.stack ?? 'main';
  return stack === (hasTarget(reads) ? 'encoder' : 'main');
}

/** Names of the positions on one side, by the token they are at. */
function placesOf({ positions }: TaskExample, side: 0 | 1): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  for (const [name, at] of Object.entries(positions)) {
    const known = found.get(at[side]);
    found.set(at[side], known === undefined ? name : `${known}, ${name}`);
  }
  return found;
}

/** `gender comes from the source: female, so the answer becomes she` */
function interchangeWords(
  { settings, label, baseLabel }: TaskExample,
  { interchange }: DeclaredFields,
): string {
  const before = baseLabel === null || baseLabel === label ? null : baseLabel.trim();
  const answer =
    before === null
      ? `the answer ${baseLabel === null ? 'becomes' : 'stays'} “${label.trim()}”`
      : `the answer “${before}” becomes “${label.trim()}”`;
  if (settings === null) return `With the source's value, ${answer}.`;
  const names = namesOf(interchange);
  const values = names.map((name) => settings.source[name] ?? '').join(', ');
  return `${names.join(' and ')} ${names.length === 1 ? 'comes' : 'come'} from the source: ${values}, so ${answer}.`;
}

function Counts({ task }: { readonly task: AlignTask }) {
  const { trainCount, testCount, pairCount, promptCount, labels, changedCount, notices } = task;
  const all = trainCount + testCount;
  const [most] = labels.toSorted((a, b) => b.train - a.train);
  const shown = labels.slice(0, 6);
  return (
    <>
      <p className="small">
        {formatCount(all)} examples, {formatCount(trainCount)} to train with and {formatCount(testCount)} to
        test; {formatCount(pairCount)} distinct pairs of {formatCount(promptCount)} prompts.
        {changedCount !== null && ` In ${formatCount(changedCount)} the answer changes.`}
      </p>
      <table className="align-balance">
        <caption className="visually-hidden">How often each label comes</caption>
        <thead>
          <tr>
            <th scope="col">Label</th>
            <th scope="col">
              <span className="visually-hidden">Share</span>
            </th>
            <th scope="col">Train</th>
            <th scope="col">Test</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ text, train, test }) => (
            <tr key={text}>
              <th scope="row" className="mono">
                <TokenText text={text} />
              </th>
              <td className="align-bar">
                <span style={{ width: `${(100 * (train + test)) / all}%` }} />
              </td>
              <td className="number">{formatCount(train)}</td>
              <td className="number">{formatCount(test)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {labels.length > shown.length && (
        <p className="mute small">and {labels.length - shown.length} other labels</p>
      )}
      {most !== undefined && testCount > 0 && (
        <p className="small">
          Majority: always “{most.text.trim()}” would be right for {formatPercent(most.test / testCount)} of
          the test.
        </p>
      )}
      {notices.length > 0 && (
        <ul className="warnings">
          {notices.map(({ code, text }) => (
            <li key={code}>{text}</li>
          ))}
        </ul>
      )}
    </>
  );
}

function Own() {
  const { askOwn } = useBench();
  const own = useBenchState((state) => state.own);
  const task = useBenchState((state) => state.task);
  const hasModel = useOwn(({ world }) => world.model !== null);
  if (task?.status !== 'known' || !hasModel) return null;
  if (own === null || own.key !== task.key)
    return (
      <p className="small">
        Whether the model does the task by itself is not known yet.{' '}
        <button type="button" className="button-plain" onClick={askOwn}>
          Measure it
        </button>
      </p>
    );
  if (own.status === 'asking')
    return <p className="mute small">The model is asked what it answers by itself.</p>;
  if (own.value === null) return <p className="run-problem">{own.message}</p>;
  return <OwnAccuracy own={own.value} />;
}

function OwnAccuracy({ own: { right, of, wrong } }: { readonly own: OwnAnswers }) {
  if (of === 0)
    return (
      <p className="small">
        The examples do not say what follows their prompts, so it is not known whether the model can do the
        task.
      </p>
    );
  const isGood = right / of >= goodAccuracy;
  return (
    <>
      <p>
        <b>{formatPercent(right / of)}</b> By itself the model answers {formatCount(right)} of{' '}
        {formatCount(of)} prompts as the task has it.
      </p>
      {!isGood && (
        <p className="problem" role="status">
          That is below 90 %: what is found by training says little about a task that the model cannot do.
        </p>
      )}
      {wrong.length > 0 && (
        <details className="small">
          <summary>What it answers otherwise</summary>
          <ul className="align-wrong">
            {wrong.map(({ prompt, label, said }, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: prompts of one wording, such as pictures, are told apart by their order
              <li key={index}>
                “{prompt}” {'→'}{' '}
                <span className="mono">
                  <TokenText text={said} />
                </span>
                , not{' '}
                <span className="mono">
                  <TokenText text={label} />
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

export function ExamplesCard() {
  const task = useBenchState((state) => state.task);
  const { task: request } = useDraft();
  const { declared, component } = useDocument();
  const isMarked = useOwn(({ world }) => isOfPrompt(component, world.model));
  const isStale = request === null || task?.status !== 'known';
  const value = task?.value ?? null;
  return (
    <>
      <section className="card own-card" aria-labelledby="own-title" data-stale={isStale}>
        <div className="card-head">
          <h2 id="own-title">Can the model do it?</h2>
        </div>
        {value === null ? (
          <p className="mute">Once there is a task, the model's own accuracy on it stands here.</p>
        ) : (
          <Own />
        )}
      </section>
      <section className="card examples-card" aria-labelledby="examples-title" data-stale={isStale}>
        <div className="card-head">
          <h2 id="examples-title">Examples</h2>
          {value !== null && isStale && <span className="mute small">of an earlier input</span>}
        </div>
        {request !== null && task?.status === 'refused' && <p className="run-problem">{task.message}</p>}
        {value === null ? (
          <p className="mute">The first pairs appear here, with the places of the variables.</p>
        ) : (
          <>
            <ul className="align-examples">
              {value.examples.slice(0, shownExamples).map((example, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: examples have an order and nothing else
                <li key={index}>
                  <Chips
                    prompt={example.base}
                    places={isMarked ? placesOf(example, 0) : unmarked}
                    side="base"
                  />
                  <Chips
                    prompt={example.source}
                    places={isMarked ? placesOf(example, 1) : unmarked}
                    side="source"
                  />
                  <p className="small">{interchangeWords(example, declared)}</p>
                </li>
              ))}
            </ul>
            <Counts task={value} />
          </>
        )}
      </section>
    </>
  );
}
