// What a steering costs before it runs: rows of texts times the layers that they pass, each new token a row.

import type { Architecture } from '../../architectures/architecture.ts';
import { commonRoom } from './beside.ts';
import type { ResolvedPrompt, ResolvedSteer } from './resolve.ts';
import { rowsOfSweep, sweepShape } from './sweep.ts';
import { rowsOfPrompt } from './texts.ts';

export interface Cost {
  readonly rowLayers: number;
  readonly tokenLayers: number;
}

/** Of each row one that is steered and one of the unsteered model beside it. */
const beside = 2;

const newTokens = (architecture: Architecture, { tokens, asked }: ResolvedPrompt, wanted: number): number =>
  Math.min(wanted, commonRoom(architecture, [{ tokens, ...(asked ? { plain: asked } : {}) }]));

/** Row-layers of one step of generating so many rows. */
export const stepCost = ({ layerCount }: Architecture, rows: number): number => beside * rows * layerCount;

/** Generating rows after a prompt. */
function generating(architecture: Architecture, prompt: ResolvedPrompt, rows: number, wanted: number): Cost {
  const steps = newTokens(architecture, prompt, wanted);
  const step = stepCost(architecture, rows);
  return { rowLayers: step * (1 + steps), tokenLayers: step * (prompt.tokens.length + steps) };
}

/** Running rows of a prompt once. */
const reading = ({ layerCount }: Architecture, { tokens }: ResolvedPrompt, rows: number): Cost => ({
  rowLayers: rows * layerCount,
  tokenLayers: rows * tokens.length * layerCount,
});

const sum = (costs: readonly Cost[]): Cost => ({
  rowLayers: costs.reduce((all, { rowLayers }) => all + rowLayers, 0),
  tokenLayers: costs.reduce((all, { tokenLayers }) => all + tokenLayers, 0),
});

export function vectorsCost({ layerCount }: Architecture, { vectors, prompts }: ResolvedSteer): Cost {
  const texts = vectors.flatMap(({ vector, positive, negative }) =>
    'method' in vector.from ? [...positive, ...negative] : prompts.map(({ tokens }) => tokens),
  );
  return {
    rowLayers: texts.length * layerCount,
    tokenLayers: texts.reduce((all, { length }) => all + length, 0) * layerCount,
  };
}

export function promptCost(architecture: Architecture, steer: ResolvedSteer, prompt: ResolvedPrompt): Cost {
  const rows = rowsOfPrompt(steer);
  const { maxNewTokens } = steer.experiment.generation;
  return sum([generating(architecture, prompt, rows, maxNewTokens), reading(architecture, prompt, rows)]);
}

/** Of one layer of the sweep. */
export function layerCost(architecture: Architecture, steer: ResolvedSteer): Cost {
  const shape = sweepShape(steer);
  if (!shape) return sum([]);
  const rows = rowsOfSweep(shape);
  return sum(
    steer.prompts.flatMap((prompt) => [
      reading(architecture, prompt, rows),
      ...shape.seeds.map(() => generating(architecture, prompt, rows, shape.maxNewTokens)),
    ]),
  );
}

export function wholeCost(architecture: Architecture, steer: ResolvedSteer): Cost {
  const layers = steer.experiment.sweep?.layers ?? [];
  return sum([
    vectorsCost(architecture, steer),
    ...steer.prompts.map((prompt) => promptCost(architecture, steer, prompt)),
    ...layers.map(() => layerCost(architecture, steer)),
  ]);
}

/** Of the keys, values and logits of the largest batch. */
export function mostBytes({ width, layerCount, vocabularySize }: Architecture, steer: ResolvedSteer): number {
  const { experiment, prompts } = steer;
  const shape = sweepShape(steer);
  const batches = [
    { rows: rowsOfPrompt(steer), news: experiment.generation.maxNewTokens },
    ...(shape ? [{ rows: rowsOfSweep(shape), news: shape.maxNewTokens }] : []),
  ];
  const longest = Math.max(0, ...prompts.map(({ tokens }) => tokens.length));
  return Math.max(
    ...batches.map(
      ({ rows, news }) => 4 * beside * rows * ((longest + news) * 2 * width * layerCount + vocabularySize),
    ),
  );
}
