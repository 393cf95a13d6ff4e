// What a person edits on the Steer page, as one value: vectors and what they are made of, edits that put them somewhere, the
// prompts, and what is compared. Numbers stay text until they are read, so that a half-typed one is neither lost nor run.

import type {
  SteerChat,
  SteerColumn,
  SteerEdit,
  SteerExperiment,
  StrengthUnit,
  VectorMethod,
} from '../../experiments/steer/experiment.ts';
import type { Beside } from '../prompt/beside.ts';

/** A text, or a chat as the model's template writes it; ids have no place on the page. */
export type ChatPassage = SteerChat;
/** A text with what a model reads beside it. */
export interface BesidePassage extends Beside {
  readonly prompt: string;
}
export type Passage = string | BesidePassage | ChatPassage;
export type Turn = ChatPassage['messages'][number];

/** One line of the table that a vector is made of. Where the classes have different numbers of texts, a side is empty. */
export interface TextRow {
  readonly positive: Passage;
  readonly negative: Passage;
}

export type VectorOrigin =
  | {
      readonly kind: 'texts';
      readonly method: VectorMethod;
      readonly rows: readonly TextRow[];
      /** A position, negative ones from the end, or `mean`. */
      readonly token: string;
    }
  /** For each layer (and head) a vector, from a file. */
  | { readonly kind: 'numbers'; readonly numbers: readonly (readonly number[])[] }
  | { readonly kind: 'random'; readonly seed: string };

export interface VectorField {
  /** Stays with a vector while others come and go. */
  readonly id: number;
  readonly name: string;
  readonly component: string;
  /** `3-6, 9`; empty for all. */
  readonly layers: string;
  /** Of a per-head component; empty for all. */
  readonly heads: string;
  readonly normalize: boolean;
  readonly origin: VectorOrigin;
}

export type MapKind = SteerEdit['map']['kind'];

export interface EditField {
  readonly id: number;
  /** Empty for the vector's. */
  readonly name: string;
  readonly on: boolean;
  /** The name of the vector that is put there. */
  readonly vector: string;
  readonly layers: string;
  readonly heads: string;
  /** Only so many of the sites, the best by held-out accuracy; empty for all. */
  readonly top: string;
  readonly topBy: 'vector' | 'probe';
  readonly strength: string;
  readonly unit: StrengthUnit;
  readonly map: MapKind;
  /** `keep`, `to` or `at` of the map; empty where it has none. */
  readonly amount: string;
  /** Of the map `between`, from a file. */
  readonly mean: readonly number[] | null;
  readonly keepNorm: boolean;
  /** Empty for no bound. */
  readonly whileBelow: string;
  readonly prompt: 'default' | 'none' | 'all' | 'positions';
  readonly positions: string;
  readonly steps: 'default' | 'none' | 'all' | 'range';
  readonly firstStep: string;
  readonly stepCount: string;
  readonly everyStep: string;
  readonly specialTokens: boolean;
}

/** Whether the map multiplies the vector by the strength. */
export const hasStrength = ({ map }: Pick<EditField, 'map'>): boolean => map === 'add' || map === 'between';

/** Words that an effect is measured on, as one types them. */
export interface WordsField {
  readonly towards: string;
  readonly away: string;
}

export interface PromptField {
  readonly passage: Passage;
  /** Its own words; null for those of the page. */
  readonly words: WordsField | null;
}

export interface GenerationField {
  readonly maxNewTokens: string;
  readonly temperature: string;
  readonly topK: string;
  readonly topP: string;
  readonly minP: string;
  readonly seed: string;
  readonly samples: string;
  /** One a line. */
  readonly stop: string;
  /** From a file or a link; the page has no control for them. */
  readonly others: Partial<SteerExperiment['generation']>;
}

export interface SweepField {
  readonly isOn: boolean;
  readonly layers: string;
  readonly strengths: string;
  /** Empty for the one of the texts. */
  readonly seeds: string;
  readonly random: string;
  readonly maxNewTokens: string;
  /** Likewise, from a file. */
  readonly others: Partial<Pick<NonNullable<SteerExperiment['sweep']>, 'edit' | 'limits'>>;
}

export interface SteerDocument {
  readonly title?: string;
  readonly vectors: readonly VectorField[];
  readonly edits: readonly EditField[];
  readonly prompts: readonly PromptField[];
  /** Prompts of the other kind, texts or chats, for the way back. No part of what is run. */
  readonly setAside: readonly PromptField[];
  readonly words: WordsField;
  readonly generation: GenerationField;
  readonly columns: readonly SteerColumn[];
  readonly asked: string;
  readonly directions: number;
  readonly candidates: number;
  readonly sweep: SweepField;
}

export const methodTitles: Readonly<Record<VectorMethod, string>> = {
  difference: 'Difference of means',
  'pca-centred': 'PCA of centred pairs',
  'pca-differences': 'PCA of differences',
  probe: 'Logistic probe',
  'activation-addition': 'One pair, position by position',
};

export const columnTitles: Readonly<Record<SteerColumn, string>> = {
  unsteered: 'Unsteered',
  steered: 'Steered',
  negative: 'Other way',
  random: 'Random direction',
  asked: 'Asked in words',
};

const emptyWords: WordsField = { towards: '', away: '' };

export const blankGeneration: GenerationField = {
  maxNewTokens: '20',
  temperature: '',
  topK: '',
  topP: '',
  minP: '',
  seed: '0',
  samples: '1',
  stop: '',
  others: {},
};

export const blankSweep: SweepField = {
  isOn: false,
  layers: '',
  strengths: '-1, -0.5, 0.5, 1',
  seeds: '',
  random: '1',
  maxNewTokens: '',
  others: {},
};

export const blankSteering: SteerDocument = {
  vectors: [],
  edits: [],
  prompts: [{ passage: '', words: null }],
  setAside: [],
  words: emptyWords,
  generation: blankGeneration,
  columns: ['unsteered', 'steered', 'negative', 'random'],
  asked: '',
  directions: 1,
  candidates: 10,
  sweep: blankSweep,
};

export const blankOrigin: VectorOrigin = {
  kind: 'texts',
  method: 'difference',
  rows: [
    { positive: '', negative: '' },
    { positive: '', negative: '' },
  ],
  token: '-1',
};

/** As it usually acts: from the state that makes the first new token on. */
export const blankEdit: Omit<EditField, 'id' | 'vector'> = {
  name: '',
  on: true,
  layers: '',
  heads: '',
  top: '',
  topBy: 'vector',
  strength: '0.5',
  unit: 'relative',
  map: 'add',
  amount: '',
  mean: null,
  keepNorm: false,
  whileBelow: '',
  prompt: 'default',
  positions: '-1',
  steps: 'default',
  firstStep: '0',
  stepCount: '',
  everyStep: '1',
  specialTokens: false,
};
