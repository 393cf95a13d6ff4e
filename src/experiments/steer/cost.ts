// What a steering costs before it runs: rows of texts times the layers that they pass, each new token a row.

import type { Architecture, EncoderStack } from '../../architectures/architecture.ts';
import { stackNamed } from '../../runtime/plan/stacks.ts';
import type { PromptInput } from '../wholePrompt.ts';
import { commonRoom } from './beside.ts';
import { lengthOf, type PassageRun, rowOf } from './passageRun.ts';
import type { ResolvedPrompt, ResolvedSteer } from './resolve.ts';
import { rowsOfSweep, sweepShape } from './sweep.ts';
import { rowsOfPrompt } from './texts.ts';

export interface Cost {
  readonly rowLayers: number;
  readonly tokenLayers: number;
}

/** Layers of the stack that writes. */
function ownLayers(architecture: Architecture): number {
  const { from, to } = stackNamed(architecture, 'main');
  return to - from;
}

/** Of each row one that is steered and one of the unsteered model beside it. */
const beside = 2;

const newTokens = (architecture: Architecture, { tokens, asked }: ResolvedPrompt, wanted: number): number =>
  Math.min(wanted, commonRoom(architecture, [{ tokens, ...(asked ? { plain: rowOf(asked) } : {}) }]));

/** Row-layers of one step of generating so many rows. */
export const stepCost = (architecture: Architecture, rows: number): number =>
  beside * rows * ownLayers(architecture);

/** What encoders read of rows of a prompt, each once: rows that read the same share it, which is not counted. */
function readingBefore(architecture: Architecture, { input }: PassageRun, rows: number): Cost {
  const { encoder } = architecture;
  const of = (stack: EncoderStack | undefined, read: PromptInput | undefined): Cost => {
    const rowLayers = rows * (stack?.layerCount ?? 0);
    return { rowLayers, tokenLayers: rowLayers * (read?.length ?? 0) };
  };
  return sum([of(encoder, input), of(encoder?.encoder, input?.picture)]);
}

/** Generating rows after a prompt. */
function generating(architecture: Architecture, prompt: ResolvedPrompt, rows: number, wanted: number): Cost {
  const steps = newTokens(architecture, prompt, wanted);
  const step = stepCost(architecture, rows);
  return sum([
    { rowLayers: step * (1 + steps), tokenLayers: step * (prompt.tokens.length + steps) },
    readingBefore(architecture, prompt, beside * rows),
  ]);
}

/** Running rows of a prompt once. */
function reading(architecture: Architecture, run: PassageRun, rows: number): Cost {
  const main = ownLayers(architecture);
  const own = { rowLayers: rows * main, tokenLayers: rows * main * lengthOf(run, 'main') };
  return sum([own, readingBefore(architecture, run, rows)]);
}

const sum = (costs: readonly Cost[]): Cost => ({
  rowLayers: costs.reduce((all, { rowLayers }) => all + rowLayers, 0),
  tokenLayers: costs.reduce((all, { tokenLayers }) => all + tokenLayers, 0),
});

export function vectorsCost(architecture: Architecture, { vectors, prompts }: ResolvedSteer): Cost {
  const texts = vectors.flatMap(({ vector, positive, negative }): readonly PassageRun[] =>
    'method' in vector.from ? [...positive, ...negative] : prompts,
  );
  return sum(texts.map((run) => reading(architecture, run, 1)));
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
  const longest = Math.max(
    0,
    ...prompts.map(
      ({ tokens, input }) => tokens.length + (input?.length ?? 0) + (input?.picture?.length ?? 0),
    ),
  );
  return Math.max(
    ...batches.map(
      ({ rows, news }) => 4 * beside * rows * ((longest + news) * 2 * width * layerCount + vocabularySize),
    ),
  );
}
