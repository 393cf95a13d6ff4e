// What a person sets for an alignment, as one value: the fields as their controls hold them. Numbers stay text until they are
// read, so that a half-typed one is neither lost nor run.

import type { AlignExperiment, AlignIntervention } from '../../experiments/align/experiment.ts';
import { ExperimentError } from '../../experiments/experimentFile.ts';
import type { ModelInfo } from '../../worker/protocol.ts';
import { maskText } from '../prompt/mask.ts';
import { type DeclaredFields, declaredFieldsOf, emptyDeclared } from './declaredFields.ts';
import { type AlignRow, blankRows, fitTable, rowsIn } from './rows.ts';
import { tableOf } from './table.ts';

export type InterventionType = AlignIntervention['type'];
type Training = AlignExperiment['training'];

export interface TrainingFields {
  readonly batchSize: string;
  readonly epochs: string;
  readonly learningRate: string;
  readonly optimizer: Training['optimizer'];
  readonly schedule: Training['schedule'];
  readonly warmUp: string;
  readonly temperatureFrom: string;
  readonly temperatureTo: string;
  readonly shuffle: boolean;
  /** Epochs without a lower loss after which training ends; empty for never. */
  readonly patience: string;
  readonly minDelta: string;
}

export interface AlignDocument {
  readonly title: string | null;
  readonly task: 'declared' | 'table' | 'rows';
  readonly declared: DeclaredFields;
  /** A pasted table of examples. */
  readonly table: string;
  /** Examples with what the model reads beside their texts. */
  readonly rows: readonly AlignRow[];
  /** From a file; the page has no control for them. */
  readonly testData: AlignExperiment['testData'] | null;
  /** In percent. */
  readonly testShare: string;
  readonly splitSeed: string;
  readonly component: string;
  /** `all`, or numbers and ranges: `0, 2-5`. */
  readonly layers: string;
  /** Names and numbers, separated by commas; joined into one site by `+`. */
  readonly positions: string;
  /** Of a component with heads: numbers, separated by commas. */
  readonly heads: string;
  readonly type: InterventionType;
  /** Of LowRankRotated, or the dimensions of Rotated. */
  readonly rank: string;
  readonly penalty: string;
  /** Empty for ten times the learning rate. */
  readonly boundaryRate: string;
  readonly training: TrainingFields;
  readonly seed: string;
}

export const blankAlign: AlignDocument = {
  title: null,
  task: 'declared',
  declared: emptyDeclared,
  table: '',
  rows: blankRows,
  testData: null,
  testShare: '20',
  splitSeed: '0',
  component: 'block_output',
  layers: 'all',
  positions: 'last',
  heads: '',
  type: 'LowRankRotated',
  rank: '1',
  penalty: '1',
  boundaryRate: '',
  training: {
    batchSize: '16',
    epochs: '5',
    learningRate: '0.01',
    optimizer: 'adam',
    schedule: 'linear',
    warmUp: '0.1',
    temperatureFrom: '50',
    temperatureTo: '0.1',
    shuffle: true,
    patience: '',
    minDelta: '0',
  },
  seed: '0',
};

/** The same for a model that fills masks. */
const blankMasked: AlignDocument = { ...blankAlign, positions: 'mask' };

/** The same for one that reads a picture or a sound, whose examples are listed. */
const blankListed: AlignDocument = { ...blankAlign, task: 'rows' };

/** The same for one that names the class of a picture, which it does at the first position. */
const blankClasses: AlignDocument = { ...blankListed, positions: '0' };

/** An empty page for a model: of one model always the same. */
export const blankFor = (model: Pick<ModelInfo, 'isCausal' | 'mask' | 'reads'> | null): AlignDocument => {
  if (model?.reads?.isAlone) return blankClasses;
  if (model?.reads && model.reads.kind !== 'text') return blankListed;
  return maskText(model) === null ? blankAlign : blankMasked;
};

/** Twelve digits are more than a share in percent was typed with. */
const percentOf = (share: number): string => String(Number((share * 100).toPrecision(12)));

const listed = <T>(given: T | readonly T[]): readonly T[] => (Array.isArray(given) ? given : [given as T]); // What is no array is one.

function interventionFields(intervention: AlignIntervention): Partial<AlignDocument> {
  switch (intervention.type) {
    case 'LowRankRotated':
      return { type: intervention.type, rank: String(intervention.rank) };
    case 'Rotated':
      return { type: intervention.type, rank: String(intervention.dimensions) };
    default: {
      const { type, penalty, boundaryRate } = intervention;
      return {
        type,
        penalty: String(penalty),
        boundaryRate: boundaryRate === undefined ? '' : String(boundaryRate),
      };
    }
  }
}

function trainingFields(training: Training): TrainingFields {
  const { batchSize, epochs, learningRate, optimizer, schedule, warmUp, temperature, shuffle } = training;
  const { patience, least } = training.earlyStopping ?? {};
  return {
    batchSize: String(batchSize),
    epochs: String(epochs),
    learningRate: String(learningRate),
    optimizer,
    schedule,
    warmUp: String(warmUp),
    temperatureFrom: String(temperature[0]),
    temperatureTo: String(temperature[1]),
    shuffle,
    patience: patience === undefined ? '' : String(patience),
    minDelta: String(least ?? 0),
  };
}

/** @throws ExperimentError for what the page has no controls for, with the way on */
export function documentOf(experiment: AlignExperiment): AlignDocument {
  const { title, data, testData, split, site, intervention, training, seed } = experiment;
  const positions = listed(site.position);
  const awkward = positions.flat().find((each) => typeof each === 'string' && /[,+\s]/.test(each));
  if (awkward !== undefined)
    throw new ExperimentError(
      `Its position '${awkward}' has a comma, a plus or a space in its name, and the page separates positions by them. Run it from the command line: patchbay run FILE.json --out DIR.`,
    );
  const isDeclared = 'causalModel' in data;
  const isTable = !isDeclared && fitTable(data);
  return {
    ...blankAlign,
    title: title ?? null,
    task: isDeclared ? 'declared' : isTable ? 'table' : 'rows',
    declared: isDeclared ? declaredFieldsOf(data) : emptyDeclared,
    table: isTable ? tableOf(data) : '',
    rows: isDeclared || isTable ? blankRows : rowsIn(data),
    testData: testData ?? null,
    testShare: percentOf(split?.testShare ?? 0.2),
    splitSeed: String(split?.seed ?? 0),
    component: site.component,
    layers: site.layer === 'all' ? 'all' : listed(site.layer).join(', '),
    positions: positions
      .map((position) => (typeof position === 'object' ? position.join('+') : position))
      .join(', '),
    heads: site.heads?.join(', ') ?? '',
    ...interventionFields(intervention),
    training: trainingFields(training),
    seed: String(seed),
  };
}
