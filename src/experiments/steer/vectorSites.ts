// Where the vectors of a steering are: each has a site for every layer, and of a per-head component for every head of it.
// What can be refused without running the model is refused here.

import type { Architecture, ComponentDescription, StackName } from '../../architectures/architecture.ts';
import { describeComponent, stageOf } from '../../runtime/plan/sites.ts';
import { stackOf } from '../../runtime/plan/stacks.ts';
import { ExperimentError } from '../experimentFile.ts';
import type { Notice } from '../notice.ts';
import type { SteerVector } from './experiment.ts';
import { lengthOf, type PassageRun } from './passageRun.ts';
import type { PassageReader } from './passages.ts';

export interface VectorSite {
  readonly layer: number | null;
  readonly head: number | null;
}

export interface ResolvedVector {
  readonly vector: SteerVector;
  /** Width of one site. */
  readonly width: number;
  /** Heads that a read of the component gives side by side; 1 without heads. */
  readonly headCount: number;
  readonly layers: readonly (number | null)[];
  /** Layer by layer, head by head. */
  readonly sites: readonly VectorSite[];
  /** Whose positions it has. */
  readonly stack: StackName;
  /** The texts that it is made of, as runs; empty where it is not made of texts. */
  readonly positive: readonly PassageRun[];
  readonly negative: readonly PassageRun[];
}

function layersOf(
  architecture: Architecture,
  { name, component, layers }: SteerVector,
  description: ComponentDescription,
): readonly (number | null)[] {
  if (description.scope === 'model') {
    if (layers)
      throw new ExperimentError(
        `The vector '${name}': component '${component}' exists once in the model, not in every layer. Leave "layers" out.`,
      );
    if (!/(^|\.)embedding_output$/.test(component))
      throw new ExperimentError(
        `The vector '${name}': '${component}' is after the last layer, and nothing is steered there. Choose a component of the layers.`,
      );
    return [null];
  }
  const count = description.place?.count ?? architecture.layerCount;
  const all = description.layers ?? Array.from({ length: count }, (_, layer) => layer);
  const chosen = layers ?? all;
  const twice = chosen.find((layer, at) => chosen.indexOf(layer) !== at);
  if (twice !== undefined) throw new ExperimentError(`The vector '${name}' names layer ${twice} twice.`);
  for (const layer of chosen) stageOf(architecture, { component, layer });
  return chosen;
}

function headsOf(
  { name, component, heads }: SteerVector,
  description: ComponentDescription,
): readonly (number | null)[] {
  if (description.layout === 'pair')
    throw new ExperimentError(
      `The vector '${name}': '${component}' has a number for each pair of positions, and no vector. Choose a component with one, such as 'block_output'.`,
    );
  if (description.layout === 'token') {
    if (heads)
      throw new ExperimentError(
        `The vector '${name}': '${component}' has no heads. Leave "heads" out, or choose 'head_attention_value_output'.`,
      );
    return [null];
  }
  const count = description.heads ?? 1;
  const chosen = heads ?? Array.from({ length: count }, (_, head) => head);
  const wrong = chosen.find((head, at) => head >= count || chosen.indexOf(head) !== at);
  if (wrong !== undefined)
    throw new ExperimentError(
      `The vector '${name}': head ${wrong} stands twice or does not exist; '${component}' has heads 0 to ${count - 1}.`,
    );
  return chosen;
}

function checkNumbers({ name, from }: SteerVector, sites: number, width: number): void {
  if (!('numbers' in from)) return;
  if (from.numbers.length !== sites)
    throw new ExperimentError(
      `The vector '${name}' has ${from.numbers.length} ${from.numbers.length === 1 ? 'list' : 'lists'} of numbers, and its layers (and heads) make ${sites} sites. Give a list for each.`,
    );
  const wrong = from.numbers.findIndex(({ length }) => length !== width);
  if (wrong >= 0)
    throw new ExperimentError(
      `The vector '${name}' has ${from.numbers[wrong]?.length} numbers in list ${wrong + 1}, and this model needs ${width}. It may belong to another model.`,
    );
}

/** @param positive,negative positions of each text, those of the stack that the vector is read from */
function checkTexts(
  { name, from, normalize }: SteerVector,
  positive: readonly number[],
  negative: readonly number[],
  hasHeads: boolean,
): void {
  if (!('method' in from)) return;
  const { method, token } = from;
  if (method === 'activation-addition') {
    const [plus, minus] = [positive[0] ?? 0, negative[0] ?? 0];
    if (positive.length !== 1 || negative.length !== 1)
      throw new ExperimentError(
        `The vector '${name}': an activation addition is made of one positive and one negative text; there are ${positive.length} and ${negative.length}.`,
      );
    if (plus !== minus)
      throw new ExperimentError(
        `The vector '${name}': the two texts have ${plus} and ${minus} tokens; their states are subtracted position by position. Make them as long, with spaces as the authors do.`,
      );
    if (normalize || hasHeads)
      throw new ExperimentError(
        `The vector '${name}': an activation addition has a vector for each position of the residual stream, and is neither normalised nor made by head.`,
      );
    return;
  }
  if (method.startsWith('pca') && positive.length !== negative.length)
    throw new ExperimentError(
      `The vector '${name}': there are ${positive.length} positive texts and ${negative.length} negative ones, and principal directions are of pairs. Give as many.`,
    );
  if (token === 'mean') return;
  [...positive, ...negative].forEach((length, at) => {
    const position = token < 0 ? length + token : token;
    if (position >= 0 && position < length) return;
    const [side, text] = at < positive.length ? ['positive', at + 1] : ['negative', at - positive.length + 1];
    throw new ExperimentError(
      `The vector '${name}': ${side} text ${text} has ${length} tokens, and no token ${token}. Choose another, or leave the text out.`,
    );
  });
}

/**
 * @param notices takes what is found
 * @throws ExperimentError or PlanError that names the vector, what is wrong and what would be right
 */
export async function resolveVector(
  architecture: Architecture,
  vector: SteerVector,
  reader: PassageReader,
): Promise<ResolvedVector> {
  const description = describeComponent(architecture, vector.component);
  const layers = layersOf(architecture, vector, description);
  const heads = headsOf(vector, description);
  const sites = layers.flatMap((layer) => heads.map((head): VectorSite => ({ layer, head })));
  const { from, name } = vector;
  checkNumbers(vector, sites.length, description.width);
  const read = async (side: 'positive' | 'negative') => {
    if (!('method' in from)) return [];
    const all: PassageRun[] = [];
    for (const [at, passage] of from[side].entries()) {
      const what = `${side} text ${at + 1} of the vector '${name}'`;
      const { start, tokens, input } = await reader.read(passage, what);
      all.push({ start, tokens, ...(input ? { input } : {}) });
    }
    return all;
  };
  const [positive, negative] = [await read('positive'), await read('negative')];
  const stack = stackOf(architecture, vector.component);
  const lengths = (runs: readonly PassageRun[]) => runs.map((run) => lengthOf(run, stack));
  checkTexts(vector, lengths(positive), lengths(negative), heads[0] !== null);
  return {
    vector,
    width: description.width,
    headCount: description.layout === 'head' ? (description.heads ?? 1) : 1,
    layers,
    sites,
    stack,
    positive,
    negative,
  };
}

/** What a person should know of the texts of a vector. */
export function vectorNotices({ vector, positive, negative }: ResolvedVector): readonly Notice[] {
  if (!('method' in vector.from) || vector.from.method === 'activation-addition') return [];
  const few = Math.min(positive.length, negative.length);
  return few >= 4
    ? []
    : [
        {
          code: 'few-texts',
          text: `The vector '${vector.name}' is made of ${few} ${few === 1 ? 'text' : 'texts'} of a class, which says little about others. Its held-out accuracy and stability mean little.`,
        },
      ];
}
