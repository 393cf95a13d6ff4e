// What a path patch follows: which run is edited, the heads that send, and what receives: the prediction, or what heads read.

import type { HeadName } from '../../experiments/patch/outline.ts';
import type { PathExperiment, PathReceiver } from '../../experiments/patch/pathExperiment.ts';
import { reachedFrom, sendersIn } from '../../experiments/patch/sublayers.ts';
import { Choice } from '../experiment/Choice.tsx';
import { usePageOf } from '../experiment/pageContext.tsx';
import { presetTitles } from '../patch/presets.ts';
import { DirectionField } from './DirectionField.tsx';
import { settledIn } from './document.ts';
import { useSweepDocument, useTypeInto } from './hooks.ts';
import { receiversNotation, sendersNotation } from './notations.ts';
import { pathPresets, presetOfReceivers, presetReceivers } from './ownPresets.ts';
import type { PathTypes } from './page.ts';
import { Problem, SweepField } from './SweepField.tsx';
import { useComponents } from './useComponents.ts';

const mostReceivers = 8;
const usualSender = 'head_attention_value_output';

/** What one who reads a name in the list should know of it; other names stand as they are. */
const words: Readonly<Record<string, string>> = {
  logits: 'The prediction',
  head_query_output: 'Queries of heads',
  head_key_output: 'Keys of heads',
  head_value_output: 'Values of heads',
  head_cross_query_output: 'Queries of cross-attention',
  head_cross_key_output: 'Keys of cross-attention',
  head_cross_value_output: 'Values of cross-attention',
  head_attention_value_output: 'Self-attention',
  head_cross_attention_value_output: 'Cross-attention',
};
const choiceOf = (name: string) => [name, words[name] ?? name] as const;

const plainReceivers = ['logits', 'head_query_output', 'head_key_output', 'head_value_output'];

/** What the model's heads send and receive, and how many layers a component has; before there is a model, those of a decoder. */
function usePathSites() {
  const { names, componentOf, layerCount } = useComponents();
  const model = { components: names.flatMap((name) => componentOf(name) ?? []) };
  const senders = sendersIn(model);
  return {
    senders,
    receiversOf: (sender: string) => (senders.includes(sender) ? reachedFrom(model, sender) : plainReceivers),
    layersOf: (name: string) => componentOf(name)?.place?.count ?? layerCount,
  };
}

const usePathPage = () => usePageOf<PathTypes>('path');

const changedReceiver = (experiment: PathExperiment, at: number, next: PathReceiver): unknown => ({
  ...experiment,
  receivers: experiment.receivers.map((receiver, index) => (index === at ? next : receiver)),
});

/** The heads that another receiver names, else the first of the last layer. */
const usualHeads = ({ receivers }: PathExperiment, layerCount: number | null): readonly HeadName[] =>
  receivers.flatMap(({ heads }) => (heads ? [heads] : []))[0] ?? [[Math.max(1, (layerCount ?? 2) - 1), 0]];

interface ReceiverFieldsProps {
  readonly receiver: PathReceiver;
  readonly at: number;
  readonly sending: string;
}

function ReceiverFields({ receiver, at, sending }: ReceiverFieldsProps) {
  const type = useTypeInto(usePathPage());
  const { receiversOf, layersOf } = usePathSites();
  const name = (part: string) => `receivers.${at}.${part}`;
  const { component, heads } = receiver;
  const known = receiversOf(sending);
  return (
    <div className="fields">
      <div>
        <Choice
          label="What receives"
          value={component}
          choices={(known.includes(component) ? known : [...known, component]).map(choiceOf)}
          onChange={(next) =>
            type(
              name('component'),
              next,
              (own) =>
                changedReceiver(own, at, {
                  component: next,
                  ...(next === 'logits' ? {} : { heads: heads ?? usualHeads(own, layersOf(next)) }),
                }),
              name('heads'),
            )
          }
        />
        <Problem name={name('component')} />
      </div>
      {component === 'logits' ? (
        <Problem name={name('heads')} />
      ) : (
        <SweepField
          label="Heads that receive"
          hint="layer.head, such as 7.0; several receive together"
          name={name('heads')}
          placeholder="7.0"
          notation={receiversNotation}
          value={heads ?? []}
          onText={(field, text, read) =>
            type(field, text, (own) => changedReceiver(own, at, { component, heads: read() }))
          }
        />
      )}
    </div>
  );
}

function PresetField({ experiment }: { readonly experiment: PathExperiment }) {
  const page = usePathPage();
  const layerCount = usePathSites().layersOf(usualSender);
  const preset = presetOfReceivers(experiment, layerCount ?? 2);
  return (
    <Choice
      label="Preset"
      value={preset ?? 'own'}
      choices={[
        ...pathPresets.map((name) => [name, presetTitles[name]] as const),
        ...(preset === null ? [['own', 'Own receivers'] as const] : []),
      ]}
      onChange={(name) => {
        if (name === 'own') return;
        page.edit(
          (document) =>
            document && {
              ...settledIn(document, 'receivers.'),
              experiment: {
                ...document.experiment,
                receivers: presetReceivers(name, layerCount ?? 2),
              },
            },
        );
      }}
    />
  );
}

export function PathFields() {
  const page = usePathPage();
  const document = useSweepDocument(page);
  const type = useTypeInto(page);
  const { senders: known } = usePathSites();
  if (document === null) return null;
  const { experiment } = document;
  const { receivers, direction, senders, mlps, sending = usualSender } = experiment;
  const withReceivers = (next: readonly PathReceiver[]) =>
    page.edit(
      (own) => own && { ...settledIn(own, 'receivers.'), experiment: { ...own.experiment, receivers: next } },
    );
  const [last] = receivers.slice(-1);
  return (
    <>
      <fieldset className="fieldset sweep-what">
        <legend>What is sent</legend>
        <div className="fields">
          <DirectionField
            value={direction}
            usual="corrupt"
            onChange={(next) => type('direction', next, (own) => ({ ...own, direction: next }))}
          />
          {(known.length > 1 || sending !== usualSender) && (
            <div>
              <Choice
                label="What sends"
                value={sending}
                choices={(known.includes(sending) ? known : [...known, sending]).map(choiceOf)}
                onChange={(next) =>
                  type('sending', next, ({ sending: _, ...own }) => ({
                    ...own,
                    ...(next === usualSender ? {} : { sending: next }),
                  }))
                }
              />
              <Problem name="sending" />
            </div>
          )}
          <SweepField
            label="Heads that send"
            hint="One after another; default all; layer.head, such as 3.1, 5.0"
            name="senders"
            placeholder="all"
            notation={sendersNotation}
            value={senders}
            onText={(field, text, read) => type(field, text, (own) => ({ ...own, senders: read() }))}
          />
          <Choice
            label="MLPs between"
            value={mlps}
            choices={[
              ['recompute', 'Compute anew'],
              ['freeze', 'Keep what they have'],
            ]}
            hint={
              mlps === 'recompute' ? 'Default. A path may lead through them' : 'Closes paths through them'
            }
            onChange={(next) => type('mlps', next, (own) => ({ ...own, mlps: next }))}
          />
          <PresetField experiment={experiment} />
        </div>
      </fieldset>
      {receivers.map((receiver, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a receiver is its place in the list
        <fieldset key={at} className="fieldset">
          <legend>{receivers.length === 1 ? 'Receiver' : `Receiver ${at + 1}`}</legend>
          <ReceiverFields receiver={receiver} at={at} sending={sending} />
          {receivers.length > 1 && (
            <button
              type="button"
              className="button-plain small"
              aria-label={`Remove receiver ${at + 1}`}
              onClick={() => withReceivers(receivers.filter((each) => each !== receiver))}
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
          aria-disabled={receivers.length >= mostReceivers}
          title={
            receivers.length >= mostReceivers ? `There can be at most ${mostReceivers} receivers` : undefined
          }
          onClick={() => {
            if (last && receivers.length < mostReceivers) withReceivers([...receivers, { ...last }]);
          }}
        >
          Add a receiver
        </button>
      </div>
    </>
  );
}
