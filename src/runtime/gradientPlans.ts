// Plans whose gradients are tested: each way in which a row may be edited, fork, or take from another row.

import { matMul } from '../onnx/contraction.ts';
import { add, mul, sub } from '../onnx/elementwise.ts';
import { transpose } from '../onnx/layout.ts';
import { reduceSum } from '../onnx/reduction.ts';
import type { GradientPlan, Objective, Term } from './objective.ts';
import { along, crossEntropy, weightedEntries } from './objectives.ts';
import { type Edit, type Fragment, type Location, type Row, replace, type Site } from './plan.ts';
import { seededRandom } from './tinyCheckpoint.ts';

export const tokens = [3, 17, 8, 25, 1, 30, 12];
export const others = [5, 9, 21, 2, 14, 7, 19];
export const short = [11, 4, 29];
export const everywhere: Location = { positions: 'all' };
export const at = (...positions: readonly number[]): Location => ({ positions });
export const site = (component: string, layer: number | null = null): Site => ({ component, layer });
export const logits = site('logits');

export const fromTokens = (ids: readonly number[], ...edits: readonly Edit[]): Row => ({
  start: { kind: 'tokens', tokens: ids },
  edits,
});
export const fork = (parent: number, layer: number, position: number, ...edits: readonly Edit[]): Row => ({
  start: { kind: 'fork', parent, layer, position },
  edits,
});
export const take = (
  where: Site,
  location: Location,
  row: number,
  from = location,
  fromSite = where,
): Edit => ({
  site: where,
  location,
  fragment: replace,
  source: { kind: 'row', row, site: fromSite, location: from },
});

export function random(count: number, seed: number): Float32Array {
  const next = seededRandom(seed);
  return Float32Array.from({ length: count }, () => next());
}

/** base + 0.7 ((source - base) W) Wᵀ + offset, W being no rotation: its gradient should not rely on that. */
export const blend = (parameters: Fragment['parameters']): Fragment => ({
  key: 'blend',
  parameters,
  build: ({ base, source, parameter }) => {
    const towards = source ? sub(source, base) : base;
    const turned = matMul(matMul(towards, parameter('w')), transpose(parameter('w'), [1, 0]));
    return add(add(base, turned), parameter('offset'));
  },
});
export const blendParameters = (width: number, seed: number): Fragment['parameters'] => ({
  w: { data: random(2 * width, seed).map((v) => 0.4 * v), shape: [width, 2] },
  offset: { data: random(width, seed + 1), shape: [width] },
});
export const scale: Fragment = {
  key: 'scale',
  parameters: { factor: { data: Float32Array.of(0.6), shape: [1] } },
  build: ({ base, parameter }) => mul(base, parameter('factor')),
};

export const last = (row: number, ids: readonly number[], token: number): Term => ({
  row,
  site: logits,
  location: at(ids.length - 1),
  ...crossEntropy([token]),
});
export const square: Objective = {
  key: 'square',
  build: ({ value }) => reduceSum(mul(value, value), { axes: [1], keepDimensions: false }),
};

export const w = 16;
export const shared = blendParameters(w, 5);
export const own = blendParameters(w, 9);
export const wide = blendParameters(2 * w, 13);
export const block = site('block_output', 1);

/** What is differentiated; every place and parameter of it is compared with differences. */
export const plans: Readonly<Record<string, GradientPlan>> = {
  'rows of several lengths': {
    rows: [fromTokens(tokens), fromTokens(short), fromTokens(others)],
    terms: [
      last(0, tokens, 4),
      { ...last(1, short, 7), weight: 0.5 },
      {
        row: 2,
        site: logits,
        location: at(2, 6),
        ...weightedEntries([
          [
            { entry: 3, factor: 1 },
            { entry: 9, factor: -2 },
          ],
          [
            { entry: 8, factor: 1 },
            { entry: 9, factor: 1 },
          ],
        ]),
      },
    ],
    at: [
      { row: 0, site: site('block_input', 0), location: everywhere },
      { row: 1, site: site('mlp_activation', 1), location: at(0, 2) },
      { row: 2, site: site('attention_scores', 1), location: { positions: [1, 3, 6], heads: [1] } },
      { row: 2, site: site('attention_weight', 2), location: everywhere },
      { row: 2, site: site('head_value_output', 0), location: { positions: [1, 4], heads: [1] } },
      { row: 0, site: site('embedding_output'), location: at(3) },
      { row: 0, site: site('final_norm_output'), location: at(6) },
      { row: 0, site: site('key_output', 2), location: everywhere },
    ],
  },
  'terms in several layers, at one site twice': {
    rows: [fromTokens(tokens)],
    terms: [
      { row: 0, site: block, location: at(2, 4), objective: square, weight: 0.1 },
      { row: 0, site: block, location: at(4), ...along(random(w, 3), w) },
      {
        row: 0,
        site: site('head_query_output', 2),
        location: { positions: [5], heads: [0, 1] },
        objective: square,
      },
      last(0, tokens, 4),
    ],
    at: [
      { row: 0, site: site('block_output', 0), location: everywhere },
      { row: 0, site: block, location: everywhere },
    ],
  },
  'rows that fork at a layer': {
    rows: [
      fromTokens(tokens),
      fork(0, 1, 0, { site: site('mlp_output', 1), location: at(5), fragment: blend(shared) }),
      fork(1, 2, 0),
      fork(1, 2, 0, { site: site('mlp_output', 2), location: at(2), fragment: blend(own) }),
    ],
    terms: [last(0, tokens, 4), last(2, tokens, 9), last(3, tokens, 2)],
    at: [
      { row: 0, site: site('block_output', 0), location: everywhere },
      { row: 1, site: site('block_input', 1), location: everywhere },
      { row: 3, site: site('attention_input', 2), location: everywhere },
    ],
    of: [shared, own],
  },
  'forks of forks at one layer': {
    rows: [fromTokens(tokens), fork(0, 1, 0), fork(1, 1, 0), fork(2, 1, 4)],
    terms: [last(2, tokens, 9), last(3, tokens, 2)],
    at: [{ row: 0, site: site('mlp_output', 0), location: everywhere }],
  },
  'rows that fork at a position, whose keys are their ancestors’': {
    rows: [
      fromTokens(tokens),
      fork(0, 1, 3, { site: block, location: at(4), fragment: blend(shared) }),
      fork(1, 2, 5, { site: site('mlp_output', 2), location: at(6), fragment: blend(own) }),
      fork(0, 2, 6),
    ],
    terms: [last(0, tokens, 3), last(1, tokens, 4), last(2, tokens, 9), last(3, tokens, 2)],
    at: [
      { row: 0, site: site('block_output', 0), location: everywhere },
      { row: 0, site: site('attention_input', 2), location: everywhere },
      { row: 1, site: site('key_output', 1), location: at(3, 4, 5, 6) },
      { row: 1, site: site('value_output', 2), location: at(3, 6) },
      { row: 3, site: site('block_input', 2), location: at(6) },
    ],
    of: [shared, own],
  },
  'ancestors that bear on the objective by their keys alone': {
    rows: [fromTokens(tokens), fork(0, 1, 3), fork(1, 1, 6)],
    terms: [last(2, tokens, 9)],
    at: [
      { row: 0, site: site('attention_input', 2), location: at(0, 1, 2) },
      { row: 1, site: site('value_output', 1), location: at(3, 4, 5) },
      { row: 0, site: site('mlp_output', 0), location: everywhere },
    ],
  },
  'a position that is trained in a row whose ancestor is not': {
    rows: [fromTokens(tokens), fork(0, 1, 5, { site: block, location: at(5), fragment: blend(shared) })],
    terms: [last(1, tokens, 4)],
    of: [shared],
  },
  'sources in other rows, of the same layer and of earlier ones': {
    rows: [
      fromTokens(tokens, take(block, at(2, 4), 1, at(3, 3)), take(site('mlp_output', 1), at(5), 2)),
      fromTokens(others, { site: site('mlp_output', 0), location: at(2, 3), fragment: blend(shared) }),
      fromTokens(tokens, take(site('attention_output', 1), at(4), 1, at(6))),
      fork(0, 2, 0, take(site('block_output', 2), at(6), 1, at(6), site('attention_output', 1))),
    ],
    terms: [last(0, tokens, 4), last(3, tokens, 8)],
    at: [
      { row: 1, site: site('block_input', 0), location: everywhere },
      { row: 1, site: block, location: everywhere },
      { row: 2, site: site('block_output', 0), location: everywhere },
    ],
    of: [shared],
  },
  'sources by head': {
    rows: [
      fromTokens(
        tokens,
        take(site('head_attention_value_output', 1), { positions: [2, 3], heads: [1] }, 1, {
          positions: [4],
          heads: [0, 1],
        }),
      ),
      fromTokens(others),
    ],
    terms: [last(0, tokens, 4)],
    at: [
      { row: 1, site: site('head_attention_value_output', 1), location: { positions: [4], heads: [1] } },
      { row: 1, site: site('block_output', 0), location: everywhere },
    ],
  },
  'parameters that rows and layers share, with sources': {
    rows: [
      fromTokens(
        tokens,
        { ...take(site('block_output', 0), at(3, 4), 2), fragment: blend(shared) },
        { ...take(block, at(3), 2), fragment: blend(shared) },
      ),
      fromTokens(short, { ...take(block, at(1), 2, at(5)), fragment: blend(shared) }),
      fromTokens(others),
    ],
    terms: [last(0, tokens, 4), last(1, short, 8)],
    of: [shared],
  },
  'edits of one unit after another': {
    rows: [
      fromTokens(
        tokens,
        { site: block, location: at(1, 3), fragment: blend(shared) },
        { site: block, location: at(3, 5), fragment: blend(own) },
        { site: block, location: at(5), fragment: scale },
      ),
    ],
    terms: [last(0, tokens, 4)],
    at: [{ row: 0, site: block, location: everywhere }],
    of: [shared, own, scale.parameters],
  },
  'units that are joined into one vector, and sources in the row itself': {
    rows: [
      fromTokens(
        tokens,
        { ...take(block, at(1, 4, 5, 6), 1), fragment: { ...blend(wide), joined: 2 } },
        {
          site: site('mlp_output', 2),
          location: at(3, 6),
          fragment: blend(shared),
          source: { kind: 'own', component: 'attention_input' },
        },
      ),
      fromTokens(others),
    ],
    terms: [last(0, tokens, 4)],
    at: [
      { row: 0, site: site('attention_input', 2), location: everywhere },
      { row: 1, site: block, location: everywhere },
      { row: 0, site: site('mlp_activation', 0), location: everywhere },
    ],
    of: [wide, shared],
  },
  'edits of pairs': {
    rows: [
      fromTokens(
        tokens,
        { site: site('attention_weight', 1), location: { positions: [2, 6], heads: [1] }, fragment: scale },
        { site: site('attention_scores', 0), location: everywhere, fragment: scale },
      ),
      fromTokens(short),
    ],
    terms: [last(0, tokens, 4)],
    at: [
      { row: 0, site: site('attention_weight', 1), location: { positions: [2, 6], heads: [0, 1] } },
      { row: 0, site: site('attention_scores', 0), location: everywhere },
    ],
    of: [scale.parameters],
  },
};
