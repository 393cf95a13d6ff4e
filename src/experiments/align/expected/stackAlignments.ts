// For tests: small alignments of models that read more than a text, of committed folders, on prompts that are drawn here.

import type { Architecture } from '../../../architectures/architecture.ts';
import { firstInput } from '../../../architectures/architecture.ts';
import { openModel } from '../../../checkpoint/openNode.ts';
import type { Backend } from '../../../runtime/backends/backend.ts';
import { seededRandom } from '../../../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../../../runtime/model.ts';
import type { ExampleInputs } from '../../exampleInputs.ts';
import { expectedModel } from '../../fixtures/maskedModel.ts';
import type { AlignExampleFile } from '../example.ts';
import { type AlignExperimentFile, readAlignExperiment } from '../experiment.ts';
import { type ResolvedAlign, resolveAlign } from '../resolve.ts';
import { runAlign } from '../run.ts';

export interface StackCase {
  readonly model: string;
  readonly site: AlignExperimentFile['site'];
  readonly jointly?: NonNullable<AlignExperimentFile['jointly']>;
  readonly intervention: AlignExperimentFile['intervention'];
  readonly training: Pick<NonNullable<AlignExperimentFile['training']>, 'optimizer' | 'learningRate'>;
}

const rotated = { type: 'LowRankRotated', rank: 2 } as const;
const mask = { type: 'SigmoidMask' } as const;
const sgd = (learningRate: number) => ({ optimizer: 'sgd', learningRate }) as const;
const adam = { optimizer: 'adam', learningRate: 0.02 } as const;

export const cases: readonly StackCase[] = [
  {
    model: 't5-gated',
    site: { component: 'encoder.block_output', layer: 1, position: 1 },
    intervention: rotated,
    training: sgd(0.5),
  },
  {
    model: 't5-gated',
    site: { component: 'encoder.mlp_output', layer: 2, position: 'last' },
    intervention: mask,
    training: adam,
  },
  {
    model: 't5-gated',
    site: { component: 'block_output', layer: 0, position: 'last' },
    intervention: rotated,
    training: sgd(0.5),
  },
  {
    model: 't5-gated',
    site: { component: 'cross_value_output', layer: 1, position: 'word' },
    intervention: mask,
    training: adam,
  },
  {
    model: 't5-gated',
    site: { component: 'encoder.block_output', layer: 0, position: 2 },
    jointly: [{ component: 'mlp_output', layer: 1, position: 1 }],
    intervention: rotated,
    training: sgd(0.5),
  },
  {
    model: 'vit-unbiased',
    site: { component: 'block_output', layer: 0, position: 3 },
    intervention: rotated,
    training: sgd(0.5),
  },
  {
    model: 'vit-unbiased',
    site: { component: 'head_attention_value_output', layer: 1, position: 0, heads: [3, 1] },
    intervention: mask,
    training: adam,
  },
  {
    model: 'blip-wide',
    site: { component: 'vision.block_output', layer: 1, position: [[2, 'last']] },
    intervention: rotated,
    training: sgd(0.5),
  },
  {
    model: 'blip-wide',
    site: { component: 'block_output', layer: 0, position: 'last' },
    intervention: mask,
    training: adam,
  },
  {
    model: 'whisper-heads',
    site: { component: 'encoder.block_output', layer: 0, position: 4 },
    intervention: rotated,
    training: sgd(0.5),
  },
  {
    model: 'whisper-heads',
    site: { component: 'mlp_output', layer: 0, position: 1 },
    intervention: mask,
    training: adam,
  },
  {
    model: 'blip-answers',
    site: { component: 'vision.mlp_output', layer: 1, position: 3 },
    intervention: rotated,
    training: sgd(0.5),
  },
  {
    model: 'blip-answers',
    site: { component: 'question.block_output', layer: 0, position: 'last' },
    jointly: [{ component: 'block_output', layer: 0, position: 0 }],
    intervention: rotated,
    training: sgd(0.5),
  },
];

const count = 6;

interface Pictures {
  readonly shape: readonly number[];
  readonly numbers: readonly Float32Array[];
  readonly inputs: ExampleInputs;
}

const known = new WeakMap<Architecture, Pictures>();

/** Numbers of a few pictures or sounds, by their names, the same whenever they are asked for; none for a model of tokens. */
export function picturesOf(architecture: Architecture): Pictures {
  const found = known.get(architecture) ?? drawnPictures(architecture);
  known.set(architecture, found);
  return found;
}

function drawnPictures(architecture: Architecture): Pictures {
  const { shape = [] } = firstInput(architecture) ?? {};
  const next = seededRandom(11);
  const size = shape.reduce((product, side) => product * side, 1);
  const numbers =
    shape.length === 0
      ? []
      : Array.from({ length: 4 }, () =>
          Float32Array.from({ length: size }, () => Math.round(200 * next()) / 100),
        );
  const inputs: ExampleInputs = ({ image, sound }) => {
    const given = image ?? sound;
    const data = given && 'name' in given ? numbers[Number(given.name)] : undefined;
    return data && { data, notices: [] };
  };
  return { shape, numbers, inputs };
}

/** Prompts of unequal lengths where they are texts; labels of one token and of two, and of a classifier classes. */
function examplesOf({ input, encoder, labels }: Architecture): readonly AlignExampleFile[] {
  const next = seededRandom(7);
  const token = () => 4 + Math.floor(((next() + 1) / 2) * 24);
  const tokens = (length: number) => Array.from({ length }, token);
  const read = firstInput({ ...(input ? { input } : {}), ...(encoder ? { encoder } : {}) });
  const file = (at: number) => {
    const given = { name: String(at % 4) };
    return read ? { [read.kind]: given } : {};
  };
  const prompt = (at: number) => {
    if (input) return { prompt: [], ...file(at) };
    if (encoder?.input) return { prompt: tokens(1 + (at % 3)), ...file(at) };
    return { prompt: tokens(4 + (at % 3)), target: tokens(1 + (at % 2)), ...file(at) };
  };
  return Array.from({ length: count }, (_, at) => ({
    base: prompt(at),
    source: prompt(at + 1),
    label: labels ? (at % 2 === 0 ? (labels[3 * at] ?? '') : 2 * at + 1) : tokens(1 + (at % 2)),
    positions: { word: [at % 3, (at + 1) % 3] },
  }));
}

export function alignmentOf(
  architecture: Architecture,
  { model, site, jointly, intervention, training }: StackCase,
): ResolvedAlign {
  const examples = examplesOf(architecture);
  const data = jointly
    ? examples.map((example, at) => ({
        ...example,
        furtherSources: jointly.map((_, further) => examples[(at + 2 + further) % count]?.base ?? []),
      }))
    : examples;
  return resolveAlign(
    architecture,
    undefined,
    readAlignExperiment({
      kind: 'align',
      version: 1,
      model,
      site,
      ...(jointly ? { jointly } : {}),
      intervention,
      data,
      testData: data.slice(0, 2),
      training: {
        batchSize: 3,
        epochs: 2,
        shuffle: false,
        schedule: 'constant',
        temperature: [2, 0.5],
        ...training,
      },
    }),
    picturesOf(architecture).inputs,
  );
}

/** Models that are opened once, and closed together. */
export function openedModels() {
  const models = new Map<string, Promise<Model>>();
  const closing: (() => Promise<void>)[] = [];
  return {
    models,
    closing,
    close: async () => {
      for (const close of closing.splice(0)) await close();
    },
  };
}

export function modelOn(
  { models, closing }: ReturnType<typeof openedModels>,
  name: string,
  backend: Backend,
): Promise<Model> {
  const key = `${backend.kind} ${name}`;
  const opening = async () => {
    const checkpoint = await openModel(expectedModel(name));
    const model = await Model.load(checkpoint, backend);
    closing.push(async () => {
      await model.dispose();
      await checkpoint.close();
    });
    return model;
  };
  const model = models.get(key) ?? opening();
  models.set(key, model);
  return model;
}

/** What a training makes of a case: losses of its steps, and the parameters before the first and after the last. */
export async function trainedOn(model: Model, given: StackCase) {
  const losses: number[] = [];
  const listed = (numbers: Readonly<Record<string, Float32Array>>) =>
    Object.fromEntries(Object.entries(numbers).map(([name, data]) => [name, [...data]]));
  let parameters: Readonly<Record<string, readonly number[]>> = {};
  let initial: Readonly<Record<string, readonly number[]>> = {};
  for await (const update of runAlign(model, alignmentOf(model.architecture, given))) {
    if (update.kind === 'begin')
      initial = listed(
        Object.fromEntries(Object.entries(update.initial).map(([name, { data }]) => [name, data])),
      );
    if (update.kind === 'step') losses.push(update.loss);
    if (update.kind === 'end') parameters = listed(update.numbers);
  }
  return { losses, parameters, initial };
}
