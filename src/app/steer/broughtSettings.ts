// What a file or a link brings that acts without a control of its own on the page: named in words, each with what the document
// is without it. Nothing that numbers depend on stays unseen.

import { changedEdit } from './changes.ts';
import { blankSteering, type EditField, type SteerDocument } from './document.ts';

export interface BroughtSetting {
  /** `repetition penalty 1.1` */
  readonly words: string;
  readonly drop: (document: SteerDocument) => SteerDocument;
}

type Generation = Required<SteerDocument['generation']['others']>;

/** Those that the page has fields for do not come here. */
const generationWords: Readonly<Partial<Record<keyof Generation, string>>> = {
  typicalP: 'typical p',
  repetitionPenalty: 'repetition penalty',
  frequencyPenalty: 'frequency penalty',
  presencePenalty: 'presence penalty',
  noRepeatNgramSize: 'no repeated sequences of this many tokens:',
  eos: 'a text ends at the tokens',
};

function without<Value extends object>(value: Value, name: keyof Value): Value {
  const { [name]: _, ...rest } = value;
  // A partial record without one of its names.
  return rest as Value;
}

export const broughtByGeneration = ({ generation }: SteerDocument): readonly BroughtSetting[] =>
  Object.entries(generation.others)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ({
      words: `${generationWords[name as keyof Generation] ?? name} ${[value].flat().join(', ')}`, // Names of that record.
      drop: (document) => ({
        ...document,
        generation: {
          ...document.generation,
          others: without(document.generation.others, name as keyof Generation), // Likewise.
        },
      }),
    }));

export function broughtByColumns({
  columns,
  directions,
  candidates,
}: Pick<SteerDocument, 'columns' | 'directions' | 'candidates'>): readonly BroughtSetting[] {
  const { directions: one, candidates: usual } = blankSteering;
  return [
    ...(directions === one || !columns.includes('random')
      ? []
      : [
          {
            words: `${directions} random directions`,
            drop: (document: SteerDocument) => ({ ...document, directions: one }),
          },
        ]),
    ...(candidates === usual
      ? []
      : [
          {
            words: candidates === 0 ? 'no candidates are kept' : `${candidates} candidates at each token`,
            drop: (document: SteerDocument) => ({ ...document, candidates: usual }),
          },
        ]),
  ];
}

export function broughtByEdit({ id, map, mean, top, topBy }: EditField): readonly BroughtSetting[] {
  return [
    ...(top.trim() !== '' && topBy === 'probe'
      ? [
          {
            words: 'the best sites by their logistic probes',
            drop: (document: SteerDocument) => changedEdit(document, id, { topBy: 'vector' }),
          },
        ]
      : []),
    ...(map === 'between' && mean !== null
      ? [
          {
            words: `a mean of ${mean.length} numbers to move from, in the place of that of the texts away`,
            drop: (document: SteerDocument) => changedEdit(document, id, { mean: null }),
          },
        ]
      : []),
  ];
}

export function broughtBySweep({ sweep }: SteerDocument): readonly BroughtSetting[] {
  const { edit, limits } = sweep.others;
  if (!sweep.isOn) return [];
  const withOthers = (others: SteerDocument['sweep']['others']) => (document: SteerDocument) => ({
    ...document,
    sweep: { ...document.sweep, others },
  });
  return [
    ...(edit === undefined
      ? []
      : [{ words: `the edit “${edit}” is moved`, drop: withOthers(without(sweep.others, 'edit')) }]),
    ...Object.entries(limits ?? {}).map(([name, limit]) => ({
      words: `a ${name} of at most ${limit} for the cell that is chosen`,
      drop: withOthers({
        ...sweep.others,
        limits: without(limits ?? {}, name as keyof NonNullable<typeof limits>), // A name of them.
      }),
    })),
  ];
}
