// The Tensors page: sweeps over the tensors of a model that was brought as ONNX. Its document is the experiment itself; a form
// changes it, and its text can be edited as well.

import type { TensorsExperiment } from '../../experiments/tensors/experiment.ts';
import { tensorsFigures } from '../../experiments/tensors/figure.ts';
import { cellOf } from '../../experiments/tensors/grid.ts';
import { tensorsKind } from '../../experiments/tensors/kind.ts';
import type { TensorsResult } from '../../experiments/tensors/result.ts';
import type { ImportedStructure } from '../../imported/describe.ts';
import { withoutDefaults } from '../../share/link.ts';
import type { Draft, PageDefinition, Surroundings } from '../experiment/definition.ts';
import { initialView } from '../experiment/figureView.ts';
import { tensorsFace } from './face.ts';
import { begunExperiment, briefInputs } from './formed.ts';

export interface TensorsTypes {
  readonly document: TensorsExperiment | null;
  readonly experiment: TensorsExperiment;
  readonly result: TensorsResult;
  readonly draft: Draft<TensorsExperiment>;
}

/** The structure of the model in use, where it was brought as ONNX. */
export const structureIn = (model: Surroundings['model']): ImportedStructure | undefined =>
  model !== null && 'imported' in model ? model.imported : undefined;

function problemsOf(
  document: TensorsExperiment,
  structure: ImportedStructure | undefined,
): ReadonlyMap<string, string> {
  const problems = new Map<string, string>();
  for (const { name, use, dtype, axes } of structure?.inputs ?? [])
    if (use !== 'companion' && document.clean[name] === undefined)
      problems.set(`clean ${name}`, `Give the input ${name} (${dtype} ${axes}): text, numbers or a file.`);
  if (document.corrupted && Object.keys(document.corrupted).length === 0)
    problems.set(
      'contrast',
      'Give what an input holds in the corrupted run, or choose noise or an ablation.',
    );
  return problems;
}

function derived(document: TensorsExperiment | null, { model }: Surroundings): Draft<TensorsExperiment> {
  const nothing = (field: string, why: string): Draft<TensorsExperiment> => ({
    experiment: null,
    problems: new Map([[field, why]]),
  });
  const structure = structureIn(model);
  if (model !== null && 'components' in model && !structure)
    return nothing('model', 'This page is for models brought as ONNX. Choose a .onnx file.');
  if (model === null) return { experiment: null, problems: new Map() };
  const begun = document ?? ('components' in model ? begunExperiment(model) : null);
  if (begun === null) return nothing('document', 'Give the model something to read.');
  const problems = problemsOf(begun, structure);
  if (problems.size > 0) return { experiment: null, problems };
  const { revision, ...experiment } = begun;
  // A revision is one of the model that the file names.
  const kept = revision !== undefined && begun.model === model.label ? { revision } : {};
  return { experiment: { ...experiment, ...kept, model: model.label }, problems };
}

const means = ({ panels }: TensorsResult): readonly (number | null)[] =>
  panels.flatMap(({ cells }) => cells.map((samples) => samples && cellOf(samples).mean));

export const tensorsPage: PageDefinition<TensorsTypes> = {
  title: tensorsFace.title,
  noun: tensorsFace.noun,
  tab: 'Patch',
  kind: tensorsKind,
  examples: [],
  look: { ...initialView, colours: 'streams' },
  blank: null,
  prompts: () => [],
  withPrompt: (document) => document,
  derive: derived,
  documentOf: (experiment) => experiment,
  experimentOf: ({ experiment }) => experiment,
  shared: (experiment) => experiment,
  brief: ({ clean, corrupted, reference, ...rest }) =>
    withoutDefaults(
      {
        ...rest,
        clean: briefInputs(clean),
        ...(corrupted ? { corrupted: briefInputs(corrupted) } : {}),
        ...(reference ? { reference: briefInputs(reference) } : {}),
      },
      { by: 'position', patches: [8, 8] },
    ),
  standIn: ({ experiment, panels }) => ({
    model: {
      label: experiment.model,
      layerCount: panels[0]?.layers.length ?? 0,
      maxPositions: Number.POSITIVE_INFINITY,
    },
    prompts: [],
  }),
  difference: (a, b) => {
    const other = means(b);
    return means(a).reduce<number>((most, value, index) => {
      const beside = other[index] ?? null;
      const apart = value === null || beside === null ? 0 : Math.abs(value - beside);
      return Number.isFinite(apart) ? Math.max(most, apart) : most;
    }, 0);
  },
  sheets: (result) =>
    tensorsFigures(result).map(
      ({ panels: [first, ...others] }) =>
        `${first?.title ?? ''}${others.length > 0 ? ` and ${others.length} more` : ''}`,
    ),
  figure: (result, { sheet, colours, orientation, sharing, pins }) => {
    const all = tensorsFigures(result);
    const description = all[sheet] ?? all[0];
    if (description === undefined) throw new Error('A result without a panel has no figure.');
    const inside = pins.filter(
      ({ panel, location, layer }) =>
        description.panels[panel]?.values[location] !== undefined && layer < description.layers.length,
    );
    const panels = description.panels.map((panel) => ({
      ...panel,
      colours: colours === 'streams' ? panel.colours : colours,
    }));
    return {
      kind: 'heatmap',
      name: 'figure',
      description: { ...description, panels, orientation, sharing, pins: inside },
    };
  },
  fileStem: ({ experiment }) => {
    const title = (experiment.title ?? '').toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-');
    return ['tensors', title.replace(/^-|-$/g, '').slice(0, 40)].filter((part) => part !== '').join('-');
  },
};
