// A steering that is opened as a document: the fields as their controls hold them.

import { ExperimentError } from '../../experiments/experimentFile.ts';
import {
  passageOf,
  type SteerEdit,
  type SteerExperiment,
  type SteerPassage,
  type SteerPrompt,
  type SteerVector,
} from '../../experiments/steer/experiment.ts';
import {
  blankEdit,
  blankGeneration,
  blankSweep,
  type EditField,
  type GenerationField,
  type Passage,
  type PromptField,
  type SteerDocument,
  type SweepField,
  type VectorOrigin,
} from './document.ts';
import { rangesText } from './numberFields.ts';
import { givenPassage } from './passage.ts';
import { wordsField } from './words.ts';

/** @throws ExperimentError for token ids */
function passage(given: SteerPassage): Passage {
  const found = typeof given === 'object' && 'messages' in given ? given : givenPassage(given);
  if (found === undefined)
    throw new ExperimentError(
      'This steering gives a text as token ids, and the page takes text. Run it from the command line: patchbay run FILE.json --out DIR.',
    );
  return found;
}

const text = (value: number | undefined): string => (value === undefined ? '' : String(value));
const layersText = (layers: readonly number[] | undefined): string => rangesText(layers ?? []);

function originOf(from: SteerVector['from']): VectorOrigin {
  if ('numbers' in from) return { kind: 'numbers', numbers: from.numbers };
  if ('random' in from) return { kind: 'random', seed: String(from.random) };
  const { method, positive, negative, token } = from;
  const count = Math.max(positive.length, negative.length);
  return {
    kind: 'texts',
    method,
    token: String(token),
    rows: Array.from({ length: count }, (_, at) => ({
      positive: passage(positive[at] ?? ''),
      negative: passage(negative[at] ?? ''),
    })),
  };
}

function mapFields(map: SteerEdit['map']): Pick<EditField, 'map' | 'amount' | 'mean'> {
  const { kind } = map;
  switch (kind) {
    case 'add':
      return { map: kind, amount: '', mean: null };
    case 'ablate':
      return { map: kind, amount: text(map.keep), mean: null };
    case 'set':
      return { map: kind, amount: String(map.to), mean: null };
    case 'cap':
      return { map: kind, amount: String(map.at), mean: null };
    case 'between':
      return { map: kind, amount: '', mean: map.from ?? null };
    default:
      return kind satisfies never;
  }
}

function editField(edit: SteerEdit, index: number): EditField {
  const { prompt, steps } = edit;
  const range = typeof steps === 'object' ? steps : {};
  return {
    ...blankEdit,
    id: index + 1,
    name: edit.name ?? '',
    on: edit.on,
    vector: edit.vector,
    layers: layersText(edit.layers),
    heads: layersText(edit.heads),
    top: text(edit.top?.sites),
    topBy: edit.top?.by ?? 'vector',
    strength: String(edit.strength),
    unit: edit.unit,
    ...mapFields(edit.map),
    keepNorm: edit.keepNorm,
    whileBelow: text(edit.whileBelow),
    prompt: prompt === undefined ? 'default' : typeof prompt === 'string' ? prompt : 'positions',
    positions: typeof prompt === 'object' ? prompt.join(', ') : blankEdit.positions,
    steps: steps === undefined ? 'default' : typeof steps === 'string' ? steps : 'range',
    firstStep: text(range.from),
    stepCount: text(range.count),
    everyStep: text(range.every),
    specialTokens: edit.specialTokens,
  };
}

function promptField(prompt: SteerPrompt): PromptField {
  const words =
    typeof prompt === 'object' && 'words' in prompt && prompt.words ? wordsField(prompt.words) : null;
  return { passage: passage(passageOf(prompt)), words };
}

function generationField(generation: SteerExperiment['generation']): GenerationField {
  const { maxNewTokens, temperature, topK, topP, minP, seed, samples, stop, ...others } = generation;
  return {
    ...blankGeneration,
    maxNewTokens: String(maxNewTokens),
    temperature: text(temperature),
    topK: text(topK),
    topP: text(topP),
    minP: text(minP),
    seed: String(seed),
    samples: String(samples),
    stop: stop.map((each) => each.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')).join('\n'),
    others,
  };
}

function sweepField(sweep: SteerExperiment['sweep']): SweepField {
  if (sweep === undefined) return blankSweep;
  const { layers, strengths, seeds, maxNewTokens, random, edit, limits } = sweep;
  return {
    isOn: true,
    layers: rangesText(layers),
    strengths: strengths.join(', '),
    seeds: layersText(seeds),
    random: String(random),
    maxNewTokens: text(maxNewTokens),
    others: { ...(edit === undefined ? {} : { edit }), limits },
  };
}

/** @throws ExperimentError for what the page has no controls for, with the way on */
export function documentOf(experiment: SteerExperiment): SteerDocument {
  const { vectors, edits, prompts, words, generation, columns, asked, directions, candidates } = experiment;
  return {
    ...(experiment.title === undefined ? {} : { title: experiment.title }),
    vectors: vectors.map(({ name, component, layers, heads, from, normalize }, index) => ({
      id: index + 1,
      name,
      component,
      layers: layersText(layers),
      heads: layersText(heads),
      normalize,
      origin: originOf(from),
    })),
    edits: edits.map(editField),
    prompts: prompts.map(promptField),
    setAside: [],
    words: words ? wordsField(words) : { towards: '', away: '' },
    generation: generationField(generation),
    columns,
    asked: asked ?? '',
    directions,
    candidates,
    sweep: sweepField(experiment.sweep),
  };
}
