// The library: `import { IntervenableModel, loadModel } from 'patchbay'`, in a browser or on Node. What stands here is
// what others may build on; all else may change.

import { openPlatformModel, type PlatformOptions } from '#platform';
import { firstInput } from '../architectures/architecture.ts';
import { type Checkpoint, CheckpointError, type Tokenizer } from '../checkpoint/checkpoint.ts';
import { idsOnlyTokenizer } from '../checkpoint/tokenizer/idsOnly.ts';
import { requireChoice, requireNames } from '../interventions/arguments.ts';
import { MediaError } from '../media/mediaError.ts';
import type { Backend } from '../runtime/backends/backend.ts';
import { Model } from '../runtime/model.ts';

export type { Tokenizer } from '../checkpoint/checkpoint.ts';
export { CheckpointError } from '../checkpoint/checkpoint.ts';
export { type AlignResult, readAlignResult } from '../experiments/align/result.ts';
export {
  type TrainedIntervention,
  trainedFolder,
  trainedIntervention,
} from '../experiments/align/trained.ts';
export { ExperimentError } from '../experiments/experimentFile.ts';
export { type FinetuneResult, readFinetuneResult } from '../experiments/finetune/result.ts';
export { type TrainedAdapter, trainedAdapter } from '../experiments/finetune/saved.ts';
export {
  accuracyOf,
  cosine,
  differenceOfMeans,
  type PrincipalKind,
  principalDirection,
  projectionSpread,
  type States,
  splitHalfCosine,
  thresholdOf,
} from '../experiments/steer/directions.ts';
export { logisticProbe, type Probe } from '../experiments/steer/logisticProbe.ts';
export { activationAddition, readStates } from '../experiments/steer/states.ts';
export {
  type ConfigurationInput,
  interventionKeys,
  readConfiguration,
} from '../interventions/configuration/configuration.ts';
export type { SideLocations, Subspaces, UnitLocations } from '../interventions/configuration/locations.ts';
export type { GeneratedOutput, GenerationPlacement } from '../interventions/execution/generation.ts';
export type { Inputs, ReadInputs } from '../interventions/execution/prompts.ts';
export type { ExportedCode } from '../interventions/export/exported.ts';
export {
  type CodeLanguage,
  type GenerateArguments,
  IntervenableModel,
  type IntervenableOptions,
  type IntervenableOutput,
  type ModelOutputs,
  type RunArguments,
  type Tensor,
} from '../interventions/intervenableModel.ts';
export {
  type Intervention,
  InterventionError,
  type InterventionType,
  type Parameters,
} from '../interventions/intervention.ts';
export type { PyveneFiles } from '../interventions/pyvene/pyveneFolder.ts';
export { interventionTypes } from '../interventions/types/registry.ts';
export { MediaError } from '../media/mediaError.ts';
export { BackendError } from '../runtime/backends/backend.ts';
export type { EditSpan, StepRange } from '../runtime/generation/editSpan.ts';
export type { EndReason, GenerateStep, NewToken } from '../runtime/generation/generate.ts';
export type { SamplingOptions } from '../runtime/generation/sampling/sampling.ts';
export { PlanError, UnknownComponentError } from '../runtime/plan/plan.ts';
export type { Model };

export interface LoadedModel {
  readonly model: Model;
  /** Of a model that brings no tokenizer that can be read, one that shows ids and refuses text with the reason. */
  readonly tokenizer: Tokenizer;
  /**
   * What the model reads of a PNG or JPEG picture, as its preprocessor_config.json has it: [channels, height, width], for
   * `pixelValues` of a prompt.
   * @param name what to call the file in messages
   * @throws MediaError for a file that is no picture, and a preprocessor that is not honoured
   */
  pixelValues(file: Uint8Array, name?: string): Promise<Float32Array>;
  /** As `pixelValues`, of a WAV file: [bands, frames], for `inputFeatures` of a prompt. */
  inputFeatures(file: Uint8Array, name?: string): Promise<Float32Array>;
  /** What it runs on: `onnxruntime-node, 2 threads`. */
  readonly device: string;
  /** Free weights, programs and the device. */
  dispose(): Promise<void>;
}

export interface LoadModelOptions extends PlatformOptions {
  readonly signal?: AbortSignal;
  readonly onBytes?: (done: number, total: number) => void;
}

/**
 * Open a model and make it ready to run.
 *
 * @param source on Node a folder, a `.gguf` file or a Hub id; in a browser a Hub id, a URL of a folder (ending with a
 *   slash) or of a `.gguf` file, or a list of files that a person has picked
 * @throws CheckpointError or UnsupportedModelError that says what was wrong and what would be right, InterventionError
 *   for an option that does not exist, BackendError where the backend cannot be opened or the model is too large for it
 */
export async function loadModel(
  source: string | readonly File[],
  options: LoadModelOptions = {},
): Promise<LoadedModel> {
  requireNames('options', options, ['backend', 'threads', 'device', 'signal', 'onBytes']);
  requireChoice("'backend'", options.backend, ['node', 'wasm', 'webgpu']);
  const opened: { readonly checkpoint: Checkpoint; readonly backend: Backend } = await openPlatformModel(
    source,
    options,
  );
  const { checkpoint, backend } = opened;
  try {
    const tokenizer = await checkpoint.tokenizer(options.signal).catch((error: unknown) => {
      if (error instanceof CheckpointError) return idsOnlyTokenizer(error);
      throw error;
    });
    const model = await Model.load(checkpoint, backend, options);
    return {
      model,
      tokenizer,
      pixelValues: async (file, name = 'The picture') => {
        const { architecture } = model;
        const input = firstInput(architecture);
        if (input?.kind !== 'image') throw new MediaError(`A ${architecture.family} model reads no picture.`);
        // Only who has a picture pays for what unpacks it.
        const { pixelValues, readPicture } = await import('../media/pictures.ts');
        return pixelValues(
          readPicture(file, name),
          await checkpoint.preprocessor?.(options.signal),
          input.shape,
          architecture.family,
        );
      },
      inputFeatures: async (file, name = 'The sound') => {
        const { encoder, family } = model.architecture;
        if (encoder?.input?.kind !== 'sound') throw new MediaError(`A ${family} model hears no sound.`);
        const { logMel, readWav } = await import('../media/sounds.ts');
        return logMel(
          readWav(file, name),
          await checkpoint.preprocessor?.(options.signal),
          encoder.input.shape,
        );
      },
      device: backend.description,
      dispose: async () => {
        await model.dispose();
        await backend.close();
        await checkpoint.close();
      },
    };
  } catch (error) {
    await backend.close();
    await checkpoint.close();
    throw error;
  }
}
