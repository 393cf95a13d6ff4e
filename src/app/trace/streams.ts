// The streams that a trace of a model may put back: the document's, and those of what a model of two stacks reads.

import { counterpartOf } from '../../experiments/counterparts.ts';
import type { ModelInfo } from '../../worker/protocol.ts';
import type { KnownModel } from '../experiment/definition.ts';
import { layersOfComponent } from '../model/componentLayers.ts';
import type { StreamField, TraceDocument } from './document.ts';

/** Windows are those of a small model until there is one. */
const layersBeforeModel = 8;

/** Layers of a component's stack. */
export function layersOf(component: string, model: KnownModel | ModelInfo | null): number {
  if (model !== null && 'components' in model) return layersOfComponent(model, component);
  return model?.layerCount ?? layersBeforeModel;
}

/** What the components of the stack that the decoder reads begin with: `encoder.`, `vision.`; undefined for one stack. */
function encoderPrefix(model: KnownModel | ModelInfo | null): string | undefined {
  if (model === null || !('components' in model) || !model.reads) return undefined;
  const found = model.components.findLast(({ name }) => name.endsWith('.block_output'));
  return found?.name.slice(0, -'block_output'.length);
}

/** A file that was made for such a model says which streams it wants; an example of a model of text does not know them. */
const areGiven = ({ streamsFor }: Streams, model: KnownModel | ModelInfo | null): boolean =>
  streamsFor !== null && (streamsFor.model === 'any' || streamsFor.model === model?.label);

type Streams = Pick<TraceDocument, 'streams' | 'streamsFor'> & Partial<Pick<TraceDocument, 'subject'>>;

/** The states of the picture that a question is about: put back too where its patches are corrupted. */
function pictureStreams({ subject }: Streams, model: KnownModel | ModelInfo | null) {
  const isAsked = model !== null && 'reads' in model && model.reads?.isAsked === true;
  if (!isAsked) return [];
  return [
    { component: 'vision.block_output', isOn: subject?.kind === 'patches' },
    { component: 'vision.mlp_output', isOn: false },
    { component: 'vision.attention_output', isOn: false },
  ];
}

/** The document's streams; where nobody has chosen them for this model, what it has in the place of those that it lacks. */
function streamsInModel(document: Streams, model: KnownModel | ModelInfo | null): readonly StreamField[] {
  const { streams } = document;
  if (model === null || !('components' in model) || areGiven(document, model)) return streams;
  const { components } = model;
  return streams.map((stream) => ({ ...stream, component: counterpartOf(stream.component, components) }));
}

/** Of a model of two stacks the states of what it reads are put back too, unless a person or a file says otherwise. */
export function streamsOf(document: Streams, model: KnownModel | ModelInfo | null): readonly StreamField[] {
  const streams = streamsInModel(document, model);
  const prefix = encoderPrefix(model);
  if (prefix === undefined) return streams;
  const areOpen = !areGiven(document, model);
  const offered = [
    ...pictureStreams(document, model).map((stream) => ({ ...stream, isOn: stream.isOn && areOpen })),
    { component: `${prefix}block_output`, isOn: areOpen },
    { component: `${prefix}mlp_output`, isOn: false },
    { component: `${prefix}attention_output`, isOn: false },
    { component: 'cross_attention_output', isOn: false },
  ];
  const known = new Set(streams.map(({ component }) => component));
  return [
    ...streams,
    ...offered
      .filter(({ component }) => !known.has(component))
      .map((stream): StreamField => ({ ...stream, window: null })),
  ];
}
