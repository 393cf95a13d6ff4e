// What is wrong in a field of the Steer page, in a sentence that says what would be right. Each gives pairs of a field's name
// and its sentence.

import type { VectorMethod } from '../../experiments/steer/experiment.ts';
import {
  type EditField,
  type GenerationField,
  hasStrength,
  type SweepField,
  type TextRow,
  type VectorField,
} from './document.ts';
import { numberIn, numbersIn, positionsIn, unclearNumber, wholeIn, wholeNumbersIn } from './numberFields.ts';
import { countTexts, emptySide, isOfPairs } from './pairs.ts';

type Problem = readonly [field: string, sentence: string];

export const mostNewTokens = 10_000;

const layersProblem = (field: string, text: string): readonly Problem[] =>
  wholeNumbersIn(text) === null
    ? [[field, `The ${field} must be whole numbers and ranges, such as 3-6, 9; empty for all.`]]
    : [];

function textProblems({ origin }: VectorField): readonly Problem[] {
  if (origin.kind === 'numbers') return [];
  if (origin.kind === 'random')
    return wholeIn(origin.seed) < 2 ** 32
      ? []
      : [['seed', 'The seed must be a whole number from 0 to 4,294,967,295.']];
  const { method, rows, token } = origin;
  const problems: Problem[] = [];
  const { pairs, lone } = countTexts(rows);
  const [positive, negative] = [pairs + lone.positive, pairs + lone.negative];
  if (positive === 0 || negative === 0)
    problems.push([
      'texts',
      positive === 0 && negative === 0
        ? 'Write texts of both kinds: the vector points from the one to the other.'
        : `All texts are of one kind. Write some ${positive === 0 ? 'towards' : 'away'} as well: the vector points from the one kind to the other.`,
    ]);
  else if (isOfPairs(method)) problems.push(...pairProblems(method, rows, pairs));
  if (token !== 'mean' && !Number.isInteger(numberIn(token)))
    problems.push(['token', 'The token is a whole number: -1 the last, -2 the one before, 0 the first.']);
  return problems;
}

/** At the line where it is. */
function pairProblems(method: VectorMethod, rows: readonly TextRow[], pairs: number): readonly Problem[] {
  const halves = rows.flatMap((row, at): readonly Problem[] => {
    const empty = emptySide(row);
    if (empty === null) return [];
    const side = empty === 'positive' ? 'towards' : 'away';
    return [
      [
        `row ${at}`,
        `Line ${at + 1} has no text ${side}, and this method is of pairs. Write it, or take the line away.`,
      ],
    ];
  });
  if (halves.length > 0) return halves;
  if (method === 'activation-addition')
    return pairs === 1
      ? []
      : [
          [
            'texts',
            `This method takes one pair of texts, and there are ${pairs}. Leave one, or choose another method.`,
          ],
        ];
  const least = method === 'pca-differences' ? 3 : 2;
  return pairs >= least
    ? []
    : [['texts', `PCA needs at least ${least} pairs here. Add some, or take the difference of means.`]];
}

export function vectorProblems(vector: VectorField, isTwice: boolean): readonly Problem[] {
  return [
    ...(vector.name.trim() === ''
      ? ([['name', 'Give the vector a name.']] as const)
      : isTwice
        ? ([['name', `Two vectors are called “${vector.name}”. Give each a name of its own.`]] as const)
        : []),
    ...textProblems(vector),
    ...layersProblem('layers', vector.layers),
    ...layersProblem('heads', vector.heads),
  ];
}

const amountNames = { set: 'to', cap: 'at', ablate: 'keep' } as const;

function amountProblem({ map, amount }: EditField): readonly Problem[] {
  if (map === 'add' || map === 'between') return [];
  if (map === 'ablate' && amount.trim() === '') return [];
  return Number.isNaN(numberIn(amount))
    ? [['amount', `Write a number, such as 0: “${amountNames[map]}” of the map.`]]
    : [];
}

/** A strength that overflows the model's numbers is run: the engine says at which step it did. */
const strengthProblem = (text: string): readonly Problem[] =>
  Number.isNaN(numberIn(text)) ? [['strength', 'The strength must be a number, such as 0.5.']] : [];

function whereProblems(edit: EditField): readonly Problem[] {
  const problems: Problem[] = [];
  const positions = positionsIn(edit.positions);
  if (edit.prompt === 'positions' && (positions === null || positions.length === 0))
    problems.push([
      'positions',
      'Positions are whole numbers, such as 0, 3, -1; negative ones from the end.',
    ]);
  if (edit.steps !== 'range') return problems;
  const isCount = (text: string, least: number) => text.trim() === '' || wholeIn(text) >= least;
  if (!isCount(edit.firstStep, 0))
    problems.push(['firstStep', 'Steps begin at a whole number: 0 makes the first new token.']);
  if (!isCount(edit.stepCount, 1))
    problems.push(['stepCount', 'It acts at a whole number of steps from 1 on; empty for all.']);
  if (!isCount(edit.everyStep, 1))
    problems.push(['everyStep', 'It acts at every n-th step, n a whole number from 1 on.']);
  return problems;
}

export function editProblems(edit: EditField, isTwice: boolean): readonly Problem[] {
  const { top, whileBelow } = edit;
  return [
    ...(isTwice ? ([['name', 'Another edit has this name. Give each a name of its own.']] as const) : []),
    ...layersProblem('layers', edit.layers),
    ...layersProblem('heads', edit.heads),
    ...(top.trim() === '' || wholeIn(top) >= 1
      ? []
      : ([['top', 'The number of sites is a whole one from 1 on; empty for all.']] as const)),
    ...(hasStrength(edit) ? strengthProblem(edit.strength) : []),
    ...amountProblem(edit),
    ...(whileBelow.trim() === '' || !Number.isNaN(numberIn(whileBelow))
      ? []
      : ([['whileBelow', 'The bound must be a number; empty for none.']] as const)),
    ...whereProblems(edit),
  ];
}

function wholeProblem(
  field: string,
  text: string,
  least: number,
  most: number,
  what: string,
): readonly Problem[] {
  const value = wholeIn(text);
  if (value >= least && value <= most) return [];
  const range = `from ${least.toLocaleString('en')} to ${most.toLocaleString('en')}`;
  return [[field, `${what} must be a whole number ${range}.`]];
}

function rangeProblem(
  field: string,
  text: string,
  isRight: (value: number) => boolean,
  sentence: string,
): readonly Problem[] {
  return text.trim() === '' || isRight(numberIn(text)) ? [] : [[field, sentence]];
}

export function generationProblems(generation: GenerationField): readonly Problem[] {
  const { temperature, stop } = generation;
  const isGreedy = temperature.trim() === '' || numberIn(temperature) === 0;
  const filtered = (['topK', 'topP', 'minP'] as const).find((name) => generation[name].trim() !== '');
  return [
    ...wholeProblem('maxNewTokens', generation.maxNewTokens, 1, mostNewTokens, 'The number of new tokens'),
    ...rangeProblem(
      'temperature',
      temperature,
      (value) => value >= 0,
      'The temperature is a number from 0 on; 0 or empty takes the most probable token.',
    ),
    ...rangeProblem(
      'topK',
      generation.topK,
      (value) => Number.isInteger(value) && value >= 0,
      'Top k is a whole number; empty for all tokens.',
    ),
    ...rangeProblem(
      'topP',
      generation.topP,
      (value) => value > 0 && value <= 1,
      'Top p is above 0 and at most 1.',
    ),
    ...rangeProblem('minP', generation.minP, (value) => value >= 0 && value <= 1, 'Min p is from 0 to 1.'),
    ...(isGreedy && filtered !== undefined
      ? ([
          [
            filtered,
            'Without a temperature the most probable token is taken, and this would do nothing. Give a temperature, or clear it.',
          ],
        ] as const)
      : []),
    ...wholeProblem('seed', generation.seed, 0, 2 ** 32 - 1, 'The seed'),
    ...wholeProblem('samples', generation.samples, 1, 64, 'The number of samples'),
    ...(stop !== '' && stop.split('\n').some((line) => line === '')
      ? ([
          ['stop', 'A stop string is empty, and every text would end at once. Take the empty line away.'],
        ] as const)
      : []),
  ];
}

/** More cells than this are a long wait, and a map that no screen holds. */
const mostCells = 2000;

export function sweepProblems(sweep: SweepField): readonly Problem[] {
  if (!sweep.isOn) return [];
  const [layers, strengths, seeds] = [
    wholeNumbersIn(sweep.layers),
    numbersIn(sweep.strengths),
    wholeNumbersIn(sweep.seeds),
  ];
  const problems: Problem[] = [];
  if (layers === null || layers.length === 0)
    problems.push(['sweep layers', 'Write the layers of the sweep, such as 0-7.']);
  const unclear = unclearNumber(sweep.strengths);
  if (unclear !== null)
    problems.push([
      'sweep strengths',
      `“${unclear}” is one number or two. Write ${unclear.replace(',', '.')}, or a space after the comma.`,
    ]);
  else if (strengths === null || strengths.length === 0)
    problems.push(['sweep strengths', 'Write the strengths of the sweep, such as -1, -0.5, 0.5, 1.']);
  else if (new Set(strengths).size < strengths.length)
    problems.push(['sweep strengths', 'A strength is there twice. Leave one.']);
  if (seeds === null || seeds.some((seed) => seed >= 2 ** 32))
    problems.push(['sweep seeds', 'Seeds are whole numbers, such as 0-3; empty for the one of the texts.']);
  if ((layers?.length ?? 0) * (strengths?.length ?? 0) > mostCells)
    problems.push([
      'sweep layers',
      `The sweep has more than ${mostCells} cells. Leave out layers or strengths.`,
    ]);
  if (!(wholeIn(sweep.random) <= 16))
    problems.push(['sweep random', 'The number of random directions is a whole one from 0 to 16.']);
  if (sweep.maxNewTokens.trim() !== '')
    problems.push(
      ...wholeProblem('sweep maxNewTokens', sweep.maxNewTokens, 1, mostNewTokens, 'The number of new tokens'),
    );
  return problems;
}
