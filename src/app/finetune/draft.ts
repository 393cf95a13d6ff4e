// What follows from a document and a model: the experiment that a run would be given, the adapters by themselves, and what is
// wrong, by control. Pure: opening a link, an example or an undo needs nothing but the document.

import { ExperimentError } from '../../experiments/experimentFile.ts';
import {
  type FinetuneAdapter,
  type FinetuneExperiment,
  readFinetuneExperiment,
} from '../../experiments/finetune/experiment.ts';
import { messageOf } from '../../messages/wording.ts';
import type { ModelInfo } from '../../worker/protocol.ts';
import type { Draft, Surroundings } from '../experiment/definition.ts';
import {
  layersIn,
  type Note,
  noteIn,
  numberIn,
  type Problems,
  plainSentence,
} from '../experiment/typedFields.ts';
import { layersOfComponent } from '../model/componentLayers.ts';
import { readsIn } from '../prompt/beside.ts';
import { maskText } from '../prompt/mask.ts';
import type { AdapterFields, FinetuneDocument, TrainingFields } from './document.ts';
import { listProblems, type RowPart, rowField, rowParts } from './rowProblems.ts';
import { exampleOf, rowsOf } from './rows.ts';

export interface FinetuneDraft extends Draft<FinetuneExperiment> {
  /** Those that stand there, to mark where they act; null while one of them is half typed. */
  readonly adapters: readonly FinetuneAdapter[] | null;
}

export type AdapterField = Exclude<keyof AdapterFields, 'id' | 'sharedWeights'>;

export const adapterField = (id: number, part: AdapterField): string => `adapter ${id} ${part}`;

/** The width of a component; null where the model does not say. */
const widthOf = (component: string, model: Surroundings['model']): number | null => {
  if (model === null || !('components' in model)) return null;
  const width = model.components.find(({ name }) => name === component)?.shape.at(-1);
  return typeof width === 'number' ? width : null;
};

const whole = { least: 1, isWhole: true } as const;
const positive = { least: 0, isAbove: true } as const;

/** Entries of a position's first and last that a file may have. */
const mostPositions = 1000;

function adapterOf(fields: AdapterFields, model: Surroundings['model'], note: Note): unknown {
  const { id, name, type, component, where, sharedWeights } = fields;
  const at = (part: AdapterField) => adapterField(id, part);
  const layerCount = model !== null && 'components' in model ? layersOfComponent(model, component) : null;
  const place = {
    ...(name.trim() === '' ? {} : { name }),
    component,
    layers: layersIn(fields.layers, layerCount, note, at('layers')),
    positions: positionsOf(fields, note),
    sharedWeights,
  };
  if (name.length > 60) note(at('name'), 'A name has at most 60 characters.');
  if (where === 'prompt' && fields.first.trim() === '0' && fields.last.trim() === '0')
    note(at('last'), 'Name at least one position, of the first or of the last.');
  if (type === 'SteeringVector') return { type, ...place };
  const rank = numberIn(note, at('rank'), fields.rank, whole);
  const width = widthOf(component, model);
  if (width !== null && rank > width)
    note(at('rank'), `${component} has ${width} directions; give at most ${width}.`);
  const alpha = fields.alpha.trim();
  if (type !== 'LoRA' || alpha === '') return { type, rank, ...place };
  return { type, rank, alpha: numberIn(note, at('alpha'), alpha, positive), ...place };
}

function positionsOf({ id, where, first, last }: AdapterFields, note: Note): unknown {
  if (where !== 'prompt') return where;
  const bounds = { least: 0, greatest: mostPositions, isWhole: true } as const;
  return {
    first: numberIn(note, adapterField(id, 'first'), first, bounds),
    last: numberIn(note, adapterField(id, 'last'), last, bounds),
  };
}

function trainingOf(fields: TrainingFields, note: Note): unknown {
  const { optimizer, schedule, shuffle } = fields;
  const micro = fields.microBatch.trim();
  const clip = fields.clip.trim();
  return {
    batchSize: numberIn(note, 'batchSize', fields.batchSize, whole),
    ...(micro === '' ? {} : { microBatch: numberIn(note, 'microBatch', micro, whole) }),
    epochs: numberIn(note, 'epochs', fields.epochs, { ...whole, greatest: 10_000 }),
    learningRate: numberIn(note, 'learningRate', fields.learningRate, positive),
    optimizer,
    weightDecay: numberIn(note, 'weightDecay', fields.weightDecay, { least: 0 }),
    clip: clip === '' ? null : numberIn(note, 'clip', clip, positive),
    schedule,
    warmUp: numberIn(note, 'warmUp', fields.warmUp, { least: 0, greatest: 1 }),
    shuffle,
    testEvery: numberIn(note, 'testEvery', fields.testEvery, whole),
  };
}

const anySeed = { least: 0, greatest: 2 ** 32 - 1, isWhole: true } as const;

function splitOf({ testData, testShare, splitSeed }: FinetuneDocument, note: Note): unknown {
  if (testData !== null) return undefined;
  const share = numberIn(note, 'testShare', testShare, { least: 0, greatest: 99.9, isAbove: true });
  const seed = numberIn(note, 'splitSeed', splitSeed, anySeed);
  return share === 20 && seed === 0 ? undefined : { testShare: share / 100, seed };
}

/** Fields of an adapter whose sentences stand at another control. */
const shownAt: Readonly<Record<string, AdapterField>> = {
  positions: 'last',
  sharedWeights: 'last',
  type: 'rank',
};
export const adapterParts = [
  'name',
  'type',
  'rank',
  'alpha',
  'component',
  'layers',
  'where',
  'first',
  'last',
] as const;

const rowPath = /'(data|testData)\.(\d+)\.?([\w.]*)'/;

/** The field of a row that a sentence about it is for. */
function partIn(message: string): RowPart {
  const [, , , path = ''] = rowPath.exec(message) ?? [];
  const named = path.split('.').findLast((each) => rowParts.some((part) => part === each));
  const part = rowParts.find((each) => each === named) ?? 'prompt';
  return part === 'prompt' && /\bthe target of the prompt\b/i.test(message) ? 'target' : part;
}

/** Where a sentence of the file or of the engine belongs: the control that puts it right. */
export function fieldOf(message: string, document: FinetuneDocument): string {
  const [, list, place] = rowPath.exec(message) ?? [];
  if (list === 'data' || list === 'testData') {
    const row = rowsOf(document, list)[Number(place)];
    return row === undefined ? list : rowField(list, row.id, partIn(message));
  }
  const [, index, field = ''] = /'adapters\.(\d+)\.?(\w*)/.exec(message) ?? [];
  const adapter = index === undefined ? undefined : document.adapters[Number(index)];
  // Without ends of the prompt their fields are not there.
  const isPlace = field === 'positions' && adapter?.where !== 'prompt';
  if (adapter !== undefined)
    return adapterField(
      adapter.id,
      isPlace ? 'where' : (shownAt[field] ?? adapterParts.find((each) => each === field) ?? 'name'),
    );
  const [, named] = /^Component '([^']*)'/.exec(message) ?? [];
  const unknown = document.adapters.find(({ component }) => component === named);
  if (unknown !== undefined) return adapterField(unknown.id, 'component');
  if (/^'adapters'/.test(message)) return 'adapters';
  const [, path = ''] = /^'([^']*)'/.exec(message) ?? [];
  if (path === 'split.testShare') return 'testShare';
  if (path === 'split.seed') return 'splitSeed';
  if (path.startsWith('training.')) return path.slice('training.'.length);
  return path === 'data' || path === 'testData' || path === 'seed' ? path : 'run';
}

/** What the file calls things, as the page calls them. */
const pageWords = (message: string): string =>
  plainSentence(
    message
      .replace(/^'(data|testData)\.\d+\.prompt' has/, 'The prompt has')
      .replace(/ '(data|testData)\.\d+\.(prompt|continuation)'/g, '')
      .replace(
        /'adapters\.(\d+)\.(\w+)'/g,
        (_, index: string, field: string) => `the ${field} of method ${Number(index) + 1}`,
      )
      .replace(/^'training\.batchSize'/, 'The batch')
      .replace(/^'split\.testShare': /, ''),
  );

/** A sentence of the engine, at the control that puts it right. */
export const placedSentence = (
  message: string,
  document: FinetuneDocument,
): readonly [field: string, sentence: string] => [fieldOf(message, document), pageWords(message)];

/**
 * A sentence of the engine about one row that it was asked about: which row it counts is no row of the document, and the part
 * is read from the sentence alone.
 */
export const sentenceOfRow = (message: string): readonly [part: RowPart, sentence: string] => [
  partIn(message),
  pageWords(message),
];

export function deriveFinetune(document: FinetuneDocument, { model }: Surroundings): FinetuneDraft {
  const problems: Problems = new Map();
  const note = noteIn(problems);
  const mask = model !== null && 'components' in model ? maskText(model) : null;
  const reading = { mask, reads: readsIn(model) };
  for (const list of ['data', 'testData'] as const)
    for (const [field, problem] of listProblems(document, list, reading)) note(field, problem);
  const split = splitOf(document, note);
  if (document.adapters.length === 0) note('adapters', 'Add a method: what is to be trained.');
  const ofAdapters: Problems = new Map();
  const adapters = document.adapters.map((fields) => adapterOf(fields, model, noteIn(ofAdapters)));
  for (const [field, problem] of ofAdapters) note(field, problem);
  const { title, data, testData } = document;
  const given = {
    kind: 'finetune',
    version: 1,
    ...(title === null ? {} : { title }),
    model: model?.label ?? '',
    adapters,
    data: data.map(exampleOf),
    ...(testData === null ? {} : { testData: testData.map(exampleOf) }),
    ...(split === undefined ? {} : { split }),
    training: trainingOf(document.training, note),
    seed: numberIn(note, 'seed', document.seed, anySeed),
  };
  const sound = ofAdapters.size === 0 && adapters.length > 0 ? adaptersIn(adapters, document, note) : null;
  if (problems.size > 0 || model === null) return { experiment: null, problems, adapters: sound };
  try {
    return { experiment: readFinetuneExperiment(given), problems, adapters: sound };
  } catch (cause) {
    if (!(cause instanceof ExperimentError)) throw cause;
    note(...placedSentence(messageOf(cause), document));
    return { experiment: null, problems, adapters: sound };
  }
}

/** The adapters alone, which can be marked in the examples while those are still being typed. */
function adaptersIn(
  adapters: readonly unknown[],
  document: FinetuneDocument,
  note: Note,
): readonly FinetuneAdapter[] | null {
  try {
    const data = [{ prompt: 'a', continuation: 'b' }];
    return readFinetuneExperiment({ kind: 'finetune', version: 1, model: '', adapters, data }).adapters;
  } catch (cause) {
    if (!(cause instanceof ExperimentError)) throw cause;
    note(...placedSentence(cause.message, document));
    return null;
  }
}

/** Whether a component is one of a layer with a vector for each position. */
export const isTrainable = ({ layers, shape }: ModelInfo['components'][number]): boolean =>
  layers !== null && shape.length === 2 && shape[0] === 'position';
