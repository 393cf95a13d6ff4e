import { expect, test } from 'vitest';
import type { ComponentInfo } from '../../worker/protocol.ts';
import { buildRack, fedSites, feedingSites, moveSite, type Site, wholeSite } from './sites.ts';

const component = (name: string, layers: number | null, ...feeds: readonly string[]): ComponentInfo => ({
  name,
  layers,
  shape: ['position', 8],
  description: '',
  feeds,
});

/** Three layers of a block that is all attention. */
const rack = buildRack({
  layerCount: 3,
  components: [
    component('logits', null),
    component('embedding_output', null, 'block_input'),
    component('block_input', 3, 'query_output', 'block_output'),
    component('query_output', 3, 'block_output'),
    component('block_output', 3, 'block_input', 'final_norm_output'),
    component('final_norm_output', null, 'logits'),
    component('router_output', 3),
  ],
});

const at = (name: string, layer: number | null): Site => ({ component: name, layer });
const move = (site: Site, key: string, isControl = false) => moveSite(rack, site, key, isControl);

test('components stand in the groups of the field, in the order of the model within a group', () => {
  expect(rack.groups.map(({ title, rows }) => [title, rows.map((row) => row.component.name)])).toEqual([
    ['Residual stream', ['block_input', 'block_output']],
    ['Attention', ['query_output']],
    ['Other', ['router_output']],
    ['Whole model', ['logits', 'embedding_output', 'final_norm_output']],
  ]);
});

test('what comes before the layers has its socket before them, what comes after them after', () => {
  const columns = rack.rows.map((row) => [row.component.name, row.firstColumn, row.lastColumn]);
  expect(columns).toContainEqual(['embedding_output', 0, 0]);
  expect(columns).toContainEqual(['logits', 4, 4]);
  expect(columns).toContainEqual(['query_output', 1, 3]);
});

test('a block feeds the next layer, and the last one the head', () => {
  expect(fedSites(rack, at('block_input', 1))).toEqual([at('query_output', 1), at('block_output', 1)]);
  expect(fedSites(rack, at('block_output', 1))).toEqual([at('block_input', 2)]);
  expect(fedSites(rack, at('block_output', 2))).toEqual([at('final_norm_output', null)]);
  expect(fedSites(rack, at('embedding_output', null))).toEqual([at('block_input', 0)]);
  expect(fedSites(rack, at('logits', null))).toEqual([]);
});

test('what feeds a site is what lists it among the fed', () => {
  expect(feedingSites(rack, at('block_input', 0))).toEqual([at('embedding_output', null)]);
  expect(feedingSites(rack, at('block_input', 2))).toEqual([at('block_output', 1)]);
  expect(feedingSites(rack, at('final_norm_output', null))).toEqual([at('block_output', 2)]);
  expect(feedingSites(rack, at('embedding_output', null))).toEqual([]);
});

test('a per-head form knows the component that it splits', () => {
  const split = buildRack({
    layerCount: 1,
    components: [
      component('query_output', 1),
      component('head_query_output', 1),
      component('head_of_state', 1),
    ],
  });
  expect(wholeSite(split, at('head_query_output', 0))).toEqual(at('query_output', 0));
  expect(wholeSite(split, at('query_output', 0))).toBeNull();
  expect(wholeSite(split, at('head_of_state', 0))).toBeNull();
});

test('arrows move by one socket and stop at the edges', () => {
  expect(move(at('block_output', 1), 'ArrowRight')).toEqual(at('block_output', 2));
  expect(move(at('block_output', 2), 'ArrowRight')).toEqual(at('block_output', 2));
  expect(move(at('block_output', 1), 'ArrowDown')).toEqual(at('query_output', 1));
  expect(move(at('block_input', 1), 'ArrowUp')).toEqual(at('block_input', 1));
  expect(move(at('router_output', 1), 'ArrowDown')).toEqual(at('logits', null));
});

test('Home, End and the page keys move along layers, with Control to the corners', () => {
  expect(move(at('query_output', 1), 'Home')).toEqual(at('query_output', 0));
  expect(move(at('query_output', 1), 'End')).toEqual(at('query_output', 2));
  expect(move(at('query_output', 2), 'PageUp')).toEqual(at('query_output', 0));
  expect(move(at('query_output', 1), 'Home', true)).toEqual(at('block_input', 0));
  expect(move(at('query_output', 1), 'End', true)).toEqual(at('final_norm_output', null));
  expect(move(at('query_output', 1), 'x')).toBeNull();
});
