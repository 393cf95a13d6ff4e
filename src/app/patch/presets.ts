// Sweeps that make the figures people know, each an experiment of the kinds `patch` and `path` of the page's prompts.

import { counterpartsOf } from '../../experiments/counterparts.ts';
import { ExperimentError } from '../../experiments/experimentFile.ts';
import { partedPair } from '../../experiments/pairs.ts';
import { type PatchExperiment, readPatchExperiment } from '../../experiments/patch/experiment.ts';
import { type PathExperiment, readPathExperiment } from '../../experiments/patch/pathExperiment.ts';
import type { PatchDocument, RackView } from './document.ts';
import type { PatchDraft } from './draft.ts';
import { type SweepProblem, shownPair, waiting, whyNoPair } from './sweeps.ts';

export const presetNames = [
  'streams',
  'windows',
  'heads',
  'headPositions',
  'paths',
  'queryPaths',
  'ablation',
] as const;
export type PresetName = (typeof presetNames)[number];

export const presetTitles: Readonly<Record<PresetName, string>> = {
  streams: 'Residual stream, attention and MLP, by layer and position',
  windows: 'Attention and MLP in windows of layers',
  heads: 'Heads by layer: outputs, queries, keys, values, patterns',
  headPositions: 'Head outputs, by head and position',
  paths: 'Paths from every head to the prediction',
  queryPaths: 'Paths from every head to what one head reads',
  ablation: 'Ablation of the source prompt',
};

/** What takes an activation's place: nothing, its mean over the prompts, or what another prompt has there. */
export type AblationName = 'zero' | 'mean' | 'resample';

export interface SweepSettings {
  readonly preset: PresetName;
  /** `denoise` puts the source into the base; `noise` the base into the source. */
  readonly direction: 'denoise' | 'noise';
  /** Layers patched together, for `windows`. */
  readonly window: number;
  /** The head that reads, for `queryPaths`. */
  readonly receiver: { readonly layer: number; readonly head: number };
  /** For `ablation`. */
  readonly ablation: AblationName;
  readonly ablated: 'heads' | 'streams' | 'rack';
}

export const initialSweep: SweepSettings = {
  preset: 'streams',
  direction: 'denoise',
  window: 3,
  receiver: { layer: 1, head: 0 },
  ablation: 'mean',
  ablated: 'heads',
};

export type PresetExperiment =
  | { readonly ok: true; readonly experiment: PatchExperiment | PathExperiment }
  | SweepProblem;

const byPosition = (window: number, ...components: readonly string[]) =>
  components.map((component) => ({ component, by: 'position', window }));
const byHead = (...components: readonly string[]) =>
  components.map((component) => ({ component, by: 'head' }));

/**
 * What of a preset is its own, beside model and pairs.
 * @param shown the component of the rack, and what has a column there
 */
export function presetParts(settings: SweepSettings, prompts: readonly unknown[], shown: RackView) {
  const { preset, direction, window, receiver, ablation, ablated } = settings;
  const heads = [[receiver.layer, receiver.head]];
  switch (preset) {
    case 'streams':
      return {
        kind: 'patch',
        direction,
        sweeps: byPosition(1, 'block_output', 'attention_output', 'mlp_output'),
      };
    case 'windows':
      return { kind: 'patch', direction, sweeps: byPosition(window, 'attention_output', 'mlp_output') };
    case 'heads':
      return {
        kind: 'patch',
        direction,
        sweeps: byHead(
          'head_attention_value_output',
          'head_query_output',
          'head_key_output',
          'head_value_output',
          'attention_weight',
        ),
      };
    case 'paths':
      return { kind: 'path', direction, receivers: [{ component: 'logits' }] };
    case 'queryPaths':
      return {
        kind: 'path',
        direction,
        receivers: ['head_query_output', 'head_key_output', 'head_value_output'].map((component) => ({
          component,
          heads,
        })),
      };
    case 'headPositions':
      return {
        kind: 'patch',
        direction,
        sweeps: [{ component: 'head_attention_value_output', by: 'head-position' }],
      };
    case 'ablation':
      return {
        kind: 'patch',
        ablation: ablation === 'zero' ? { kind: ablation } : { kind: ablation, prompts },
        sweeps: {
          heads: byHead('head_attention_value_output'),
          streams: byPosition(1, 'attention_output', 'mlp_output'),
          rack: [
            {
              component: shown.component,
              by: shown.columns,
              ...(shown.head === null ? {} : { heads: [shown.head] }),
            },
          ],
        }[ablated],
      };
    default:
      return preset satisfies never;
  }
}

/** The same of the stacks that the predicting one reads. */
const ofEncoders = <Sweep extends { readonly component: string }>(
  sweep: Sweep,
  components: readonly { readonly name: string }[],
): readonly Sweep[] =>
  components.flatMap(({ name }) =>
    name !== sweep.component && name.replace(/^[a-z]+\./, '') === sweep.component
      ? [{ ...sweep, component: name }]
      : [],
  );

const no = (why: string): SweepProblem => ({ ok: false, why });

/** The experiment of a preset; of an ablation the source's prompts are what is ablated. */
export function presetExperiment(
  document: PatchDocument,
  draft: PatchDraft,
  settings: SweepSettings,
): PresetExperiment {
  const { model, answer } = draft;
  const why = whyNoPair(document, draft);
  if (why !== null) return no(why);
  if (!model || !answer) return waiting;
  const pairs = document.pairs ?? [shownPair(document, draft)];
  const prompts = pairs.flatMap(({ clean, corrupted }) => [
    clean,
    ...(corrupted === undefined ? [] : [corrupted]),
  ]);
  const { kind, ...parts } = presetParts(settings, prompts, document.view);
  const isAblation = 'ablation' in parts;
  const own = parts.sweeps && counterpartsOf(parts.sweeps, model.components);
  const sweeps =
    settings.preset === 'streams'
      ? own?.flatMap((sweep) => {
          // Of three stacks, all three of each would be more than a file holds.
          const isTaken = !model.reads?.isAsked || sweep.component === 'block_output';
          return [sweep, ...(isTaken ? ofEncoders(sweep, model.components) : [])];
        })
      : own;
  const given = {
    kind,
    version: 1,
    model: model.label,
    pairs: isAblation ? pairs.map((pair) => partedPair(pair).clean) : pairs,
    ...parts,
    ...(sweeps && { sweeps }),
  };
  try {
    return { ok: true, experiment: kind === 'path' ? readPathExperiment(given) : readPatchExperiment(given) };
  } catch (error) {
    if (error instanceof ExperimentError) return no(error.message);
    throw error;
  }
}
