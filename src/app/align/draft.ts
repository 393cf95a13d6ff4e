// What follows from a document, a model and its tokens: the experiment that a run would be given, the task by itself, and what
// is wrong, by control. Pure: opening a link, an example or an undo needs nothing but the document.

import { type AlignExperiment, readAlignExperiment } from '../../experiments/align/experiment.ts';
import type { AlignTaskRequest } from '../../experiments/align/task.ts';
import { ExperimentError } from '../../experiments/experimentFile.ts';
import { messageOf } from '../../messages/wording.ts';
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
import { type KnownReads, readsIn } from '../prompt/beside.ts';
import { type DeclaredFields, declaredFile, namesOf } from './declaredFields.ts';
import { declaredProblems, variableField } from './declaredProblems.ts';
import type { AlignDocument, TrainingFields } from './document.ts';
import { type AlignRow, exampleOf, rowFieldOf, rowProblems } from './rows.ts';
import { examplesOfTable } from './table.ts';

export interface AlignDraft extends Draft<AlignExperiment> {
  /** The task alone, which can be looked at while sites and settings are still being typed. */
  readonly task: AlignTaskRequest | null;
  /** A prompt of the task. */
  readonly sample: string;
}

const isLearning = (type: AlignDocument['type']): boolean => type !== 'LowRankRotated' && type !== 'Rotated';

/** A layer alone stands by itself in a file. */
function single(layers: 'all' | readonly number[]): 'all' | number | readonly number[] {
  const [first, ...others] = layers === 'all' ? [] : layers;
  return first === undefined || others.length > 0 ? layers : first;
}

type Position = number | string | (number | string)[];

const positionOf = (text: string): number | string => (/^\d+$/.test(text) ? Number(text) : text);

/** Names and numbers; those with `+` between are joined into one site. */
export function positionsOf(text: string, note: Note): number | string | Position[] {
  const positions = namesOf(text).map((part): Position => {
    if (!part.includes('+')) return positionOf(part);
    const joined = part.split('+').map((each) => each.trim());
    if (joined.includes('')) note('positions', `“${part}” joins a position with nothing.`);
    return joined.map(positionOf);
  });
  const [first, ...others] = positions;
  if (first === undefined) {
    note('positions', 'Name at least one position: last, a variable of the prompt, or a number.');
    return 'last';
  }
  const named = positions.map(String);
  const twice = named.find((position, at) => named.indexOf(position) !== at);
  if (twice !== undefined) note('positions', `Position ${twice} is named twice.`);
  return others.length === 0 && typeof first !== 'object' ? first : positions;
}

function interventionOf(document: AlignDocument, note: Note, width: number | null): unknown {
  const { type } = document;
  if (!isLearning(type)) {
    const rank = numberIn(note, 'rank', document.rank, { least: 1, isWhole: true });
    if (width !== null && rank > width)
      note('rank', `There are ${width} directions at this component; give at most ${width}.`);
    return type === 'Rotated' ? { type, dimensions: rank } : { type, rank };
  }
  const penalty = numberIn(note, 'penalty', document.penalty, { least: 0 });
  const rate = document.boundaryRate.trim();
  return {
    type,
    penalty,
    ...(rate === ''
      ? {}
      : { boundaryRate: numberIn(note, 'boundaryRate', rate, { least: 0, isAbove: true }) }),
  };
}

function trainingOf(fields: TrainingFields, note: Note): unknown {
  const positive = { least: 0, isAbove: true } as const;
  const whole = { least: 1, isWhole: true } as const;
  const { optimizer, schedule, shuffle, patience } = fields;
  return {
    batchSize: numberIn(note, 'batchSize', fields.batchSize, whole),
    epochs: numberIn(note, 'epochs', fields.epochs, { ...whole, greatest: 10_000 }),
    learningRate: numberIn(note, 'learningRate', fields.learningRate, positive),
    optimizer,
    schedule,
    warmUp: numberIn(note, 'warmUp', fields.warmUp, { least: 0, greatest: 1 }),
    temperature: [
      numberIn(note, 'temperatureFrom', fields.temperatureFrom, positive),
      numberIn(note, 'temperatureTo', fields.temperatureTo, positive),
    ],
    shuffle,
    ...(patience.trim() === ''
      ? {}
      : {
          earlyStopping: {
            patience: numberIn(note, 'patience', patience, whole),
            least: numberIn(note, 'minDelta', fields.minDelta, { least: 0 }),
          },
        }),
  };
}

interface Judged {
  readonly problems: Problems;
  /** Null while something is wrong. */
  readonly found: { readonly data: unknown; readonly sample: string } | null;
}

/** A run looks at its document with every step: what was judged stays judged. */
const judgedDeclared = new WeakMap<DeclaredFields, Judged>();
let judgedTable: { readonly text: string; readonly judged: Judged } | null = null;

/** Of the examples one by one. */
function judgedRows(rows: readonly AlignRow[], reads: KnownReads): Judged {
  const known = rowsJudged.get(rows);
  if (known !== undefined && known.reads === reads) return known.judged;
  const problems: Problems = new Map(rowProblems(rows, reads));
  if (rows.length === 0) problems.set('rows', 'There is no example. Add one: a base, a source and a label.');
  const found = problems.size > 0 ? null : { data: rows.map(exampleOf), sample: rows[0]?.base.prompt ?? '' };
  const judged = { problems, found };
  rowsJudged.set(rows, { reads, judged });
  return judged;
}

const rowsJudged = new WeakMap<
  readonly AlignRow[],
  { readonly reads: KnownReads; readonly judged: Judged }
>();

function judged(document: AlignDocument, reads: KnownReads): Judged {
  const { declared, table } = document;
  // What is wrong with rows hangs on the model.
  if (document.task === 'rows') return judgedRows(document.rows, reads);
  const known = document.task === 'declared' ? judgedDeclared.get(declared) : undefined;
  if (known !== undefined) return known;
  if (document.task === 'table' && judgedTable?.text === table) return judgedTable.judged;
  const problems: Problems = new Map();
  const found = dataOf(document, noteIn(problems));
  if (document.task === 'declared') judgedDeclared.set(declared, { problems, found });
  else judgedTable = { text: table, judged: { problems, found } };
  return { problems, found };
}

/** A prompt of a document's task; empty while there is none. */
export const sampleOf = (document: AlignDocument): string => judged(document, undefined).found?.sample ?? '';

/** The examples, or null with what is wrong with them noted. */
function dataOf(document: AlignDocument, note: Note): Judged['found'] {
  if (document.task === 'declared') {
    const { problems, sample } = declaredProblems(document.declared);
    for (const [field, problem] of problems) note(field, problem);
    return problems.size > 0 ? null : { data: declaredFile(document.declared), sample };
  }
  if (document.table.trim() === '') {
    note('table', 'Paste a table with the columns base, source and label.');
    return null;
  }
  try {
    const data = examplesOfTable(document.table);
    if (data.length > 0) return { data, sample: String(data[0]?.base ?? '') };
    note('table', 'The table has a first line and no examples below it.');
  } catch (cause) {
    if (!(cause instanceof ExperimentError)) throw cause;
    note('table', cause.message);
  }
  return null;
}

function splitOf({ testData, testShare, splitSeed }: AlignDocument, note: Note): unknown {
  if (testData !== null) return undefined;
  const share = numberIn(note, 'testShare', testShare, { least: 0, greatest: 99.9, isAbove: true });
  const seed = numberIn(note, 'splitSeed', splitSeed, { least: 0, greatest: 2 ** 32 - 1, isWhole: true });
  return share === 20 && seed === 0 ? undefined : { testShare: share / 100, seed };
}

/** Where a sentence of the file or of the engine belongs: the control that puts it right. */
export function fieldOf(
  message: string,
  { variables }: DeclaredFields,
  rows: readonly AlignRow[] = [],
): string {
  const inRow = rowFieldOf(message, rows);
  if (inRow !== null) return inRow;
  // A sentence begins with the field, or says whose prompt or label it is about.
  const [, path = ''] = /^'([^']*)'/.exec(message) ?? /\b(?:prompt|label) '([^']*)'/i.exec(message) ?? [];
  const [, name, part] = /^data\.causalModel\.([^.]+)\.?(\w+)?/.exec(path) ?? [];
  const variable = variables.find((each) => each.name.trim() === name);
  if (variable !== undefined) {
    const parts = ['name', 'values', 'parents', 'table'] as const;
    return variableField(variable.id, parts.find((each) => each === part) ?? 'parents');
  }
  if (/positions' has no|^'[^']*' has no position/.test(message)) return 'positions';
  if (/^All \d+ examples to train with/.test(message)) return 'interchange';
  if (/^All \d+ examples are one pair/.test(message)) return 'prompt';
  if (/^Component '/.test(message)) return 'component';
  const named: readonly (readonly [RegExp, string])[] = [
    [/^data \(declared\), example \d+\.(label|baseLabel|sourceLabel)$|^data\.label$/, 'label'],
    [/^data \(declared\)|^data\.prompt$/, 'prompt'],
    [/^data\.(interchange|count|balanced|distinct)$/, ''],
    [/^(data|testData)(\.|$)/, 'table'],
    [/^split\.testShare/, 'testShare'],
    [/^split\.seed/, 'splitSeed'],
    [/^site\.layer/, 'layers'],
    [/^site\.position/, 'positions'],
    [/^site\.heads/, 'heads'],
    [/^site/, 'component'],
    [/^intervention\.(rank|dimensions)/, 'rank'],
    [/^intervention\.(penalty|boundaryRate)/, ''],
    [/^training\./, ''],
    [/^seed$/, 'seed'],
  ];
  const found = named.find(([form]) => form.test(path));
  if (found === undefined) return 'run';
  return found[1] === '' ? (path.split('.').at(-1) ?? 'run') : found[1];
}

/** The same, of a document. */
export const placeOf = (message: string, { task, declared, rows }: AlignDocument): string =>
  fieldOf(message, declared, task === 'rows' ? rows : []);

/** How wide the vector of a site is, where the model says so: joined positions and heads lie one behind the other. */
function widthOf(
  component: string,
  { position, heads }: { readonly position: number | string | Position[]; readonly heads: number[] },
  model: Surroundings['model'],
): number | null {
  if (model === null || !('components' in model)) return null;
  const width = model.components.find(({ name }) => name === component)?.shape.at(-1);
  const [first] = Array.isArray(position) ? position : [position];
  const joined = Array.isArray(first) ? first.length : 1;
  return typeof width === 'number' ? width * joined * Math.max(1, heads.length) : null;
}

function headsOf(text: string, note: Note): number[] {
  const parts = namesOf(text);
  const foreign = parts.find((part) => !/^\d+$/.test(part));
  if (foreign !== undefined) note('heads', `“${foreign}” is no head. Give numbers, separated by commas.`);
  return parts.map(Number);
}

export function deriveAlign(document: AlignDocument, { model }: Surroundings): AlignDraft {
  const problems: Problems = new Map();
  const note = noteIn(problems);
  const { found, problems: ofData } = judged(document, readsIn(model));
  for (const [field, problem] of ofData) note(field, problem);
  const split = splitOf(document, note);
  const { testData, title } = document;
  const own = {
    ...(testData === null ? {} : { testData }),
    ...(split === undefined ? {} : { split }),
  };
  const isTaskSound = found !== null && !problems.has('testShare') && !problems.has('splitSeed');
  const layerCount =
    model !== null && 'components' in model ? layersOfComponent(model, document.component) : null;
  const position = positionsOf(document.positions, note);
  const heads = headsOf(document.heads, note);
  const width = widthOf(document.component, { position, heads }, model);
  const given = {
    kind: 'align',
    version: 1,
    ...(title === null ? {} : { title }),
    model: model?.label ?? '',
    site: {
      component: document.component,
      layer: single(layersIn(document.layers, layerCount, note)),
      position,
      ...(heads.length === 0 ? {} : { heads }),
    },
    intervention: interventionOf(document, note, width),
    data: found?.data ?? [],
    ...own,
    training: trainingOf(document.training, note),
    seed: numberIn(note, 'seed', document.seed, { least: 0, greatest: 2 ** 32 - 1, isWhole: true }),
  };
  const sample = found?.sample ?? '';
  // What the schema says of it as a whole: a field that is judged here already has its sentence.
  const task = isTaskSound ? taskIn({ ...given, ...neutralSettings }, document, note) : null;
  if (problems.size > 0 || model === null) return { experiment: null, problems, task, sample };
  try {
    return { experiment: readAlignExperiment(given), problems, task, sample };
  } catch (cause) {
    if (!(cause instanceof ExperimentError)) throw cause;
    note(placeOf(cause.message, document), plainSentence(messageOf(cause)));
    return { experiment: null, problems, task, sample };
  }
}

const neutralSettings = {
  site: { component: 'block_output', layer: 0, position: 'last' },
  intervention: { type: 'LowRankRotated', rank: 1 },
  training: {},
  seed: 0,
};

function taskIn(given: unknown, document: AlignDocument, note: Note): AlignTaskRequest | null {
  try {
    const { data, testData, split } = readAlignExperiment(given);
    return { data, ...(testData ? { testData } : {}), ...(split ? { split } : {}) };
  } catch (cause) {
    if (!(cause instanceof ExperimentError)) throw cause;
    note(placeOf(cause.message, document), plainSentence(cause.message));
    return null;
  }
}
