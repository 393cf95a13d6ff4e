// An imported model as the engine's experiments see a model, whether it reads tokens or not. One that does not (an image
// classifier, a sentence encoder, a detector of bytes) runs no plans: its tensors are edited and read by their names.

import type { Architecture, GraphPart, PartScope } from '../architectures/architecture.ts';
import { CheckpointError } from '../checkpoint/checkpoint.ts';
import { type Backend, BackendError } from '../runtime/backends/backend.ts';
import { Model } from '../runtime/model.ts';
import { PlanError } from '../runtime/plan/plan.ts';
import type { BesideFile } from './besideFile.ts';
import { describedStacks } from './describe.ts';
import type { ImportedModel } from './importedModel.ts';
import { rememberOpened } from './openedModels.ts';
import { importedFacts, tokenModel } from './tokenModel.ts';

/** A model whose tensors alone can be asked for. @param noPrompts why, in a sentence */
function tensorModel(
  imported: ImportedModel,
  backend: Backend,
  beside: BesideFile,
  noPrompts: string,
): Model {
  const refuse = (): never => {
    throw new PlanError(noPrompts);
  };
  const noPart: GraphPart<PartScope> = { key: 'imported', weights: {}, build: refuse };
  const architecture: Architecture = {
    family: 'onnx',
    modelType: 'onnx',
    layerCount: describedStacks(imported)[0]?.stack.count ?? 0,
    width: 0,
    headCount: 0,
    vocabularySize: 0,
    maxPositions: 0,
    isCausal: false,
    presentWidth: 0,
    components: [],
    ...(beside.labels ? { labels: beside.labels } : {}),
    embed: noPart,
    blocks: [],
    head: noPart,
    ignoredTensors: [],
  };
  rememberOpened(architecture, { imported, beside, noPrompts });
  return Model.over({
    architecture,
    backend,
    ...importedFacts(imported),
    noPlans: noPrompts,
    runner: { run: async () => refuse(), dispose: async () => {} },
  });
}

/**
 * A model of the engine over an imported one: of prompts where it reads tokens and predicts them, else of tensors.
 * @param backend on which formulas of edits and reductions are computed; it stays open
 */
export async function engineModel(
  imported: ImportedModel,
  backend: Backend,
  beside: BesideFile = {},
): Promise<Model> {
  try {
    return await tokenModel(imported, backend, beside);
  } catch (error) {
    if (!(error instanceof CheckpointError || error instanceof BackendError)) throw error;
    return tensorModel(imported, backend, beside, error.message);
  }
}
