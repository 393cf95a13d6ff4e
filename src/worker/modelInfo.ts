// What the page is told of a model that has been loaded: its size, its components, and what it reads.

import { type Architecture, type ComponentDescription, firstInput } from '../architectures/architecture.ts';
import type { Checkpoint, ModelConfiguration, Tokenizer } from '../checkpoint/checkpoint.ts';
import type { ImportedStructure } from '../imported/describe.ts';
import type { Model } from '../runtime/model.ts';
import type { ComponentInfo, ModelInfo } from './protocol.ts';

function shapeOf({ layout, width, heads = 1 }: ComponentDescription): readonly (string | number)[] {
  if (layout === 'pair') return [heads, 'position', 'position'];
  return layout === 'head' ? ['position', heads, width] : ['position', width];
}

function componentInfo(architecture: Architecture, component: ComponentDescription): ComponentInfo {
  return {
    name: component.name,
    layers: component.scope === 'layer' ? (component.place?.count ?? architecture.layerCount) : null,
    shape: shapeOf(component),
    description: component.description,
    feeds: component.feeds,
    ...(component.place ? { place: component.place } : {}),
    ...(component.isCross ? { isCross: true } : {}),
    ...(component.place && component.headsOf !== undefined ? { headsOf: component.headsOf } : {}),
    ...(component.layers ? { onlyLayers: component.layers } : {}),
    ...(component.positions ? { positions: component.positions } : {}),
  };
}

/**
 * @param settings of preprocessor_config.json
 * @param seconds  that a sound lasts of which the model hears all
 */
export function readsOf(
  architecture: Pick<Architecture, 'input' | 'encoder' | 'family'>,
  settings: ModelConfiguration | undefined,
  seconds?: number,
): Pick<ModelInfo, 'reads'> {
  const { input, encoder, family } = architecture;
  const read = firstInput(architecture);
  if (!read) return encoder ? { reads: { kind: 'text' } } : {};
  const { kind, patches, shape, positions } = read;
  return {
    reads: {
      kind,
      positions,
      ...(seconds === undefined ? {} : { seconds }),
      ...(patches ? { patches } : {}),
      ...(patches && settings ? { picture: { settings, shape, family } } : {}),
      ...(input ? { isAlone: true } : {}),
      ...(encoder?.encoder ? { isAsked: true } : {}),
    },
  };
}

/** How long a sound is of which the model hears all. Where its settings are not honoured, a sound is refused when one is given. */
export async function heardBy(
  architecture: Pick<Architecture, 'input' | 'encoder'>,
  settings: ModelConfiguration | undefined,
): Promise<Pick<DescribedModel, 'seconds'>> {
  const read = firstInput(architecture);
  if (read?.kind !== 'sound') return {};
  const { heardSeconds, MediaError } = await import('../media/sounds.ts');
  try {
    return { seconds: heardSeconds(settings, read.shape) };
  } catch (error) {
    if (error instanceof MediaError) return {};
    throw error;
  }
}

export interface DescribedModel {
  readonly model: Pick<
    Model,
    'architecture' | 'parameterCount' | 'heldBytes' | 'residencyReason' | 'fingerprint'
  >;
  readonly checkpoint: Pick<Checkpoint, 'label'>;
  readonly tokenizer: Pick<Tokenizer, 'maskId' | 'tokenText'>;
  /** What a person should know of the load. */
  readonly notices: readonly string[];
  /** Of a model brought as ONNX. */
  readonly structure?: ImportedStructure;
  /** How a picture becomes numbers. */
  readonly preprocessor?: ModelConfiguration | undefined;
  /** That a sound lasts of which it hears all. */
  readonly seconds?: number;
}

export function modelInfo({
  model,
  checkpoint,
  tokenizer,
  notices,
  structure,
  preprocessor,
  seconds,
}: DescribedModel): ModelInfo {
  const { maskId } = tokenizer;
  const { architecture, residencyReason, fingerprint } = model;
  return {
    label: checkpoint.label,
    family: architecture.modelType,
    architecture: architecture.family,
    isCausal: architecture.isCausal,
    ...readsOf(architecture, preprocessor, seconds),
    ...(maskId === undefined ? {} : { mask: { id: maskId, text: tokenizer.tokenText(maskId) } }),
    layerCount: architecture.layerCount,
    width: architecture.width,
    headCount: architecture.headCount,
    vocabularySize: architecture.vocabularySize,
    maxPositions: architecture.maxPositions,
    parameterCount: model.parameterCount,
    ...(fingerprint === undefined ? {} : { fingerprint }),
    weightBytes: model.heldBytes,
    ...(residencyReason === undefined ? {} : { weightsNote: residencyReason }),
    ...(notices.length === 0 ? {} : { notices }),
    components: architecture.components.map((component) => componentInfo(architecture, component)),
    ...(structure ? { imported: structure } : {}),
  };
}
