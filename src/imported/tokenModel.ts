// An imported model that reads tokens, as the engine's experiments see a model: an architecture to ask, and plans to run.

import type { Architecture, GraphPart, PartScope } from '../architectures/architecture.ts';
import { CheckpointError } from '../checkpoint/checkpoint.ts';
import type { Backend } from '../runtime/backends/backend.ts';
import { Model, type RunnerModel } from '../runtime/model.ts';
import { PlanError } from '../runtime/plan/plan.ts';
import type { BesideFile } from './besideFile.ts';
import { tableReads } from './exampleInputs.ts';
import { placesText } from './gpuStages.ts';
import type { ImportedModel } from './importedModel.ts';
import { rememberOpened } from './openedModels.ts';
import { tokenComponents } from './tokenComponents.ts';
import { TokenGradients } from './tokenGradients.ts';
import { type TokenInputs, tokenInputs } from './tokenInputs.ts';
import { TokenPlans } from './tokenPlans.ts';
import { UnitGraphs } from './unitGraphs.ts';

/** Where a table of positions says nothing of the longest prompt. */
const farAway = 2 ** 20;
/** Tables with more rows hold tokens. */
const longestTried = 2 ** 17;

const noPart: GraphPart<PartScope> = {
  key: 'imported',
  weights: {},
  build: () => {
    throw new PlanError('A model brought as ONNX is not built by the engine.');
  },
};

/** Whether a change of the last token leaves what comes before it as it was. */
async function looksBackOnly(model: ImportedModel, inputs: TokenInputs, output: string): Promise<boolean> {
  const tokens = [1, 2, 3, 1, 2, 3].map((id) => id % inputs.vocabularySize);
  const changed = [...tokens.slice(0, -1), (3 + 1) % inputs.vocabularySize];
  const rows = [tokens, changed].map((ids) => ({ inputs: inputs.of(ids), edits: [], reads: [output] }));
  const [one, two] = await model.run(rows);
  const [a, b] = [one?.[output]?.data, two?.[output]?.data];
  if (!a || !b) throw new CheckpointError(`${model.label} did not compute its output.`);
  const before = (a.length / tokens.length) * (tokens.length - 1);
  const gap = (from: number, to: number): number => {
    let most = 0;
    for (let i = from; i < to; i++) most = Math.max(most, Math.abs(Number(a[i]) - Number(b[i])));
    return most;
  };
  // The last position moves by far more than what batches and orders of addition do.
  return gap(0, before) <= 1e-4 * gap(before, a.length);
}

/** The longest prompt: a sequence one longer than a table of positions has rows does not find its last one. */
async function longestSequence(model: ImportedModel, inputs: TokenInputs): Promise<number> {
  const { graph } = model;
  const ofTokens = new Set(tableReads(graph, inputs.ids).map(({ node }) => node));
  const tables = graph.nodes
    .filter((node) => node.op === 'Gather' && !ofTokens.has(node) && !graph.weights.has(node.inputs[1] ?? ''))
    .flatMap((node) => {
      const rows = graph.weights.get(node.inputs[0] ?? '')?.shape[0];
      const [output] = node.outputs;
      return rows === undefined || rows > longestTried || output === undefined ? [] : [{ rows, output }];
    })
    .sort((a, b) => a.rows - b.rows);
  for (const { rows, output } of tables) {
    const longer = Array.from({ length: rows + 1 }, () => 0);
    if (!(await model.admits(output, inputs.of(longer)))) return rows;
  }
  return farAway;
}

/** How much of a file a GPU runs, where there is one. */
function gpuNotices({ placedStages }: ImportedModel): readonly string[] {
  if (!placedStages) return [];
  const places = placedStages.map(({ stage, placement }) => ({ stage, placement, edits: '' }));
  const off = places.filter(({ placement }) => placement.on === 'wasm');
  const on = places.length - off.length;
  return [
    `${on} of its ${places.length} stages run on the GPU${off.length === 0 ? '.' : `; ${placesText(off)}.`}`,
  ];
}

/** What the engine tells of a file, however it is asked. */
export function importedFacts(
  model: ImportedModel,
): Pick<RunnerModel, 'label' | 'notices' | 'fingerprint' | 'sizes'> {
  const { weightBytes, label, graph, probe, fingerprint, parameterCount } = model;
  return {
    label,
    notices: [
      'Opened as ONNX: rows fork by layer only, so a sweep over positions computes whole sequences.',
      ...(probe.reason === undefined ? [] : [probe.reason]),
      ...gpuNotices(model),
      ...Object.entries(graph.fixed).map(([name, value]) => `Input ${name} is fixed to ${value}.`),
    ],
    fingerprint,
    sizes: {
      parameterCount,
      expandedBytes: weightBytes,
      packedBytes: weightBytes,
      largestTensor: { name: '', bytes: 0 },
      largestPartBytes: weightBytes,
    },
  };
}

/**
 * @param backend on which formulas of edits and reductions are computed; it stays open
 * @param beside  what lies beside the file
 * @throws CheckpointError where the model reads no tokens, or has no logits
 */
export async function tokenModel(
  model: ImportedModel,
  backend: Backend,
  beside: BesideFile = {},
): Promise<Model> {
  const inputs = tokenInputs(model);
  const parts = tokenComponents(model, inputs);
  const logits = parts.components.find(({ description }) => description.name === 'logits')?.tensors[0];
  const missing = ['embedding_output', 'block_output', 'logits'].find(
    (name) => !parts.components.some(({ description }) => description.name === name),
  );
  if (missing !== undefined || logits === undefined)
    throw new CheckpointError(
      `${model.label} has no ${missing ?? 'logits'} that could be found, so prompts cannot be traced or patched by their predictions. Its tensors can be read and overridden by name.`,
    );
  const architecture: Architecture = {
    family: 'onnx',
    modelType: 'onnx',
    layerCount: parts.layerCount,
    width: parts.width,
    headCount: parts.headCount,
    vocabularySize: parts.vocabularySize,
    maxPositions: await longestSequence(model, inputs),
    isCausal: await looksBackOnly(model, inputs, logits),
    presentWidth: 2 * parts.width,
    components: parts.components.map(({ description }) => description),
    embed: noPart,
    blocks: Array.from({ length: parts.layerCount }, () => noPart),
    head: noPart,
    ignoredTensors: [],
  };
  const graphs = new UnitGraphs(backend);
  const plans = new TokenPlans(model, inputs, parts, graphs);
  const gradients = new TokenGradients(model, plans, backend);
  rememberOpened(architecture, { imported: model, beside });
  return Model.over({
    architecture,
    backend,
    ...importedFacts(model),
    runner: {
      run: (plan, schedule, options) => plans.run(plan, schedule, options),
      gradients: (request, options) => gradients.run(request, options),
      dispose: () => graphs.dispose(),
    },
  });
}
