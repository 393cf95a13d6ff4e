// What a person sets for a finetuning, as one value: the examples and the fields as their controls hold them. Numbers stay
// text until they are read, so that a half-typed one is neither lost nor run.

import type {
  FinetuneAdapter,
  FinetuneExperiment,
  FinetuneTraining,
} from '../../experiments/finetune/experiment.ts';
import type { ModelInfo } from '../../worker/protocol.ts';
import { nextId } from '../experiment/nextId.ts';
import { maskText } from '../prompt/mask.ts';
import { type ExampleRow, type RowLists, rowsIn } from './rows.ts';

export type AdapterType = FinetuneAdapter['type'];

export interface AdapterFields {
  readonly id: number;
  /** Empty for one of type, rank and place. */
  readonly name: string;
  readonly type: AdapterType;
  readonly rank: string;
  /** Of LoRA; empty for the rank. */
  readonly alpha: string;
  readonly component: string;
  /** `all`, or numbers and ranges: `0, 2-5`. */
  readonly layers: string;
  readonly where: 'prompt' | 'all' | 'mask';
  /** Positions of the prompt, from either end. */
  readonly first: string;
  readonly last: string;
  readonly sharedWeights: boolean;
}

export interface TrainingFields {
  readonly batchSize: string;
  /** Empty for as many as fit the memory. */
  readonly microBatch: string;
  readonly epochs: string;
  readonly learningRate: string;
  readonly optimizer: FinetuneTraining['optimizer'];
  readonly weightDecay: string;
  /** Empty for no bound. */
  readonly clip: string;
  readonly schedule: FinetuneTraining['schedule'];
  readonly warmUp: string;
  readonly shuffle: boolean;
  readonly testEvery: string;
}

export interface FinetuneDocument extends RowLists {
  readonly title: string | null;
  /** Held-out examples that were there when a share was chosen in their place. */
  readonly testAside: readonly ExampleRow[] | null;
  /** In percent. */
  readonly testShare: string;
  readonly splitSeed: string;
  readonly adapters: readonly AdapterFields[];
  readonly training: TrainingFields;
  readonly seed: string;
}

export const emptyAdapter: Omit<AdapterFields, 'id'> = {
  name: '',
  type: 'LoReFT',
  rank: '1',
  alpha: '',
  component: 'block_output',
  layers: 'all',
  where: 'prompt',
  first: '0',
  last: '1',
  sharedWeights: true,
};

export const blankFinetune: FinetuneDocument = {
  title: null,
  data: [{ id: 1, prompt: '', continuation: '' }],
  testData: null,
  testAside: null,
  testShare: '20',
  splitSeed: '0',
  adapters: [{ id: 1, ...emptyAdapter }],
  training: {
    batchSize: '8',
    microBatch: '',
    epochs: '3',
    learningRate: '0.004',
    optimizer: 'adamw',
    weightDecay: '0',
    clip: '1',
    schedule: 'linear',
    warmUp: '0',
    shuffle: true,
    testEvery: '1',
  },
  seed: '0',
};

/** The same for a model that fills masks. */
const blankMasked: FinetuneDocument = {
  ...blankFinetune,
  adapters: [{ id: 1, ...emptyAdapter, where: 'mask' }],
};

/** The same for one that names the class of a picture, which it does at the first position. */
const blankClasses: FinetuneDocument = {
  ...blankFinetune,
  adapters: [{ id: 1, ...emptyAdapter, first: '1', last: '0' }],
};

/** An empty page for a model: of one model always the same. */
export const blankFor = (model: Pick<ModelInfo, 'isCausal' | 'mask' | 'reads'> | null): FinetuneDocument => {
  if (model?.reads?.isAlone) return blankClasses;
  return maskText(model) === null ? blankFinetune : blankMasked;
};

/** A copy of the last one, to be changed. */
export function withAdapter(document: FinetuneDocument): FinetuneDocument {
  const last = document.adapters.at(-1) ?? emptyAdapter;
  const added: AdapterFields = { ...last, id: nextId(document.adapters), name: '' };
  return { ...document, adapters: [...document.adapters, added] };
}

export const withoutAdapter = (document: FinetuneDocument, id: number): FinetuneDocument => ({
  ...document,
  adapters: document.adapters.filter((each) => each.id !== id),
});

/** LoRA stands beside a module, and the others act on the residual stream: the usual place comes with the type. */
function placedFor(type: AdapterType, before: AdapterFields): Partial<AdapterFields> {
  if (type === 'LoRA' && before.component === emptyAdapter.component)
    return { component: 'query_output', layers: 'all', where: 'all' };
  if (type !== 'LoRA' && before.type === 'LoRA' && before.component === 'query_output')
    return { component: emptyAdapter.component, where: 'prompt' };
  return {};
}

export const changedAdapter = (
  document: FinetuneDocument,
  id: number,
  change: Partial<AdapterFields>,
): FinetuneDocument => ({
  ...document,
  adapters: document.adapters.map((each) => {
    if (each.id !== id) return each;
    const placed = change.type === undefined ? {} : placedFor(change.type, each);
    return { ...each, ...placed, ...change, id };
  }),
});

function layersWords(layers: string): string {
  if (layers === 'all') return 'all layers';
  return /^\d+$/.test(layers) ? `layer ${layers}` : `layers ${layers}`;
}

/** `LoReFT, rank 1, block_output, layers 3, last 1`, of what stands in the fields. */
export function adapterWords({ name, type, rank, component, layers, where, ...ends }: AdapterFields): string {
  if (name.trim() !== '') return name;
  const { first, last } = ends;
  const sides = [
    ...(first.trim() === '0' ? [] : [`first ${first}`]),
    ...(last.trim() === '0' ? [] : [`last ${last}`]),
  ];
  return [
    type === 'SteeringVector' ? 'Plain vector' : `${type}, rank ${rank}`,
    component,
    layersWords(layers.trim()),
    where === 'all' ? 'all positions' : where === 'mask' ? 'the mask' : sides.join(' and '),
  ].join(', ');
}

/** Twelve digits are more than a share in percent was typed with. */
const percentOf = (share: number): string => String(Number((share * 100).toPrecision(12)));

const optional = (value: number | null | undefined): string =>
  value === undefined || value === null ? '' : String(value);

function adapterFields(adapter: FinetuneAdapter, index: number): AdapterFields {
  const { name = '', type, component, layers, positions, sharedWeights } = adapter;
  const ends =
    typeof positions === 'string' ? {} : { first: String(positions.first), last: String(positions.last) };
  return {
    ...emptyAdapter,
    id: index + 1,
    name,
    type,
    rank: 'rank' in adapter ? String(adapter.rank) : emptyAdapter.rank,
    alpha: adapter.type === 'LoRA' ? optional(adapter.alpha) : '',
    component,
    layers: layers === 'all' ? 'all' : layers.join(', '),
    where: typeof positions === 'string' ? positions : 'prompt',
    ...ends,
    sharedWeights,
  };
}

/** @throws ExperimentError for what the page has no controls for, with the way on */
export function documentOf(experiment: FinetuneExperiment): FinetuneDocument {
  const { title, data, testData, split, adapters, training, seed } = experiment;
  return {
    title: title ?? null,
    data: rowsIn(data),
    testData: testData === undefined ? null : rowsIn(testData),
    testAside: null,
    testShare: percentOf(split?.testShare ?? 0.2),
    splitSeed: String(split?.seed ?? 0),
    adapters: adapters.map(adapterFields),
    training: {
      batchSize: String(training.batchSize),
      microBatch: optional(training.microBatch),
      epochs: String(training.epochs),
      learningRate: String(training.learningRate),
      optimizer: training.optimizer,
      weightDecay: String(training.weightDecay),
      clip: optional(training.clip),
      schedule: training.schedule,
      warmUp: String(training.warmUp),
      shuffle: training.shuffle,
      testEvery: String(training.testEvery),
    },
    seed: String(seed),
  };
}
