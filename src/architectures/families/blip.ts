// BLIP as it writes captions, a ViT whose patches a text decoder reads by cross-attention, and as it answers questions: then the
// question, whose positions all see each other, reads the patches, and the decoder reads the question.

import { type Architecture, type EncoderStack, UnsupportedModelError } from '../architecture.ts';
import { ConfigurationReader } from '../configuration.ts';
import { encoderDecoderComponents } from '../stackComponents.ts';
import { textHead, textStack } from './blipText.ts';
import { visionStack } from './blipVision.ts';

/** The part of the configuration that describes one of the stacks. */
function sectionOf(read: ConfigurationReader, name: string): ConfigurationReader {
  return new ConfigurationReader({ ...read.section(name), model_type: `${read.modelType} (${name})` });
}

const upTo = <T>(count: number, make: (layer: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, layer) => make(layer));

/** @param names of the tensors in the checkpoint: they tell which of BLIP's models it is */
export function blip(read: ConfigurationReader, names: ReadonlySet<string>): Architecture {
  // Inside a larger model all names have a prefix.
  const has = (part: string) => [...names].some((name) => `.${name}`.includes(`.${part}.`));
  if (has('itm_head') || (has('text_encoder') && !has('text_decoder'))) {
    throw new UnsupportedModelError(
      'This BLIP model tells how well a text fits a picture, and writes none, which Patchbay does not run; use one that writes captions or answers questions.',
    );
  }
  const vision = visionStack(sectionOf(read, 'vision_config'));
  const section = sectionOf(read, 'text_config');
  const stack = (base: string, prefix: string, memoryWidth: number) =>
    textStack(section, { base, prefix, memoryWidth, isBidirectional: prefix !== '' });
  const question = has('text_encoder') ? stack('text_encoder', 'question.', vision.width) : undefined;
  const text = stack('text_decoder.bert', '', question?.width ?? vision.width);
  const { startToken, endToken } = text;
  const reader = question ?? text;
  const seen: EncoderStack = {
    layerCount: vision.layerCount,
    width: vision.width,
    maxPositions: vision.input.positions,
    input: vision.input,
    embed: vision.embed,
    memory: upTo(reader.layerCount, reader.memory),
    startToken,
    endToken,
  };
  const asked: EncoderStack | undefined = question && {
    encoder: seen,
    layerCount: question.layerCount,
    width: question.width,
    maxPositions: question.maxPositions,
    embed: question.embed,
    memory: upTo(text.layerCount, text.memory),
    startToken,
    endToken,
  };
  const stacks = [vision, ...(question ? [question] : []), text];
  const encoders = [
    { prefix: 'vision.', layerCount: vision.layerCount, shape: vision.shape },
    ...(question
      ? [{ prefix: 'question.', layerCount: question.layerCount, shape: question.shape, isUnnormed: true }]
      : []),
  ];
  return {
    family: 'blip',
    modelType: read.modelType,
    layerCount: stacks.reduce((sum, { layerCount }) => sum + layerCount, 0),
    width: text.width,
    headCount: Math.max(text.heads, vision.shape.heads),
    vocabularySize: text.vocabularySize,
    maxPositions: text.maxPositions,
    isCausal: true,
    presentWidth: 2 * text.width,
    components: encoderDecoderComponents({
      encoders,
      decoder: { layerCount: text.layerCount, shape: text.shape },
    }),
    encoder: asked ?? seen,
    embed: text.embed,
    blocks: [
      ...upTo(vision.layerCount, vision.block),
      ...(question ? upTo(question.layerCount, question.block) : []),
      ...upTo(text.layerCount, text.block),
    ],
    ...textHead(section, text.table),
    ignoredTensors: [/\.position_ids$/, /(^|\.)cls\.predictions\.decoder\.bias$/],
  };
}
