import { expect, test } from 'vitest';
import type { TensorsExperiment } from '../../experiments/tensors/experiment.ts';
import type { ImportedStructure } from '../../imported/describe.ts';
import {
  axesChoices,
  axesWords,
  chainIn,
  endProblem,
  nameProblem,
  ownTyped,
  renamed,
  renameProblem,
  rowOf,
  tensorsOf,
  tensorsProblem,
  withChain,
  withoutName,
  withTensors,
} from './naming.ts';

const row = (name: string, axes = '[batch, sequence, 8]') => ({
  name,
  dtype: 'float32',
  axes,
  positions: [1],
});
const layer = (name: string) => [0, 1].map((at) => `/h.${at}/${name}`);
const component = (name: string, of: string) => ({
  ...row(name),
  isKnown: name.includes('_'),
  tensors: layer(of),
});
const structure: ImportedStructure = {
  inputs: [{ name: 'ids', dtype: 'int64', axes: '[batch, sequence]', use: 'tokens' }],
  outputs: [row('y')],
  stacks: [
    {
      chain: 'ids → y',
      count: 2,
      components: [
        component('block_output', 'Add'),
        component('mlp/Mul', 'Mul'),
        component('mlp_output', 'Mlp'),
      ],
    },
  ],
  chain: ['/h.0/Add'],
  chains: [
    { from: 'ids', to: 'y', tensors: ['/h.0/Add'], blocks: [2] },
    { from: 'ids', to: 'pooled', tensors: ['/h.1/Mul'], blocks: [] },
  ],
  tensors: [...layer('Add'), ...layer('Mul'), ...layer('Mlp'), 'y', 'other'].map((name) => row(name)),
  aliases: ['kept'],
  left: [{ why: 'bears on no output.', names: ['idle'] }],
  nodes: [],
};
const begun: TensorsExperiment = {
  kind: 'tensors',
  version: 1,
  model: 'm',
  clean: {},
  corrupted: {},
  watched: { kind: 'squared' },
  sites: [{ site: 'mlp/Mul', axes: [1] }, { site: 'mlp/Mul:1' }, { site: 'y' }],
  by: 'position',
  patches: [8, 8],
};

test('a component is renamed in all layers, its sites with it, and gets its old name back', () => {
  const next = renamed(begun, structure, 'mlp/Mul', 'gate');
  expect(next.names).toEqual({ gate: '/h.{layer}/Mul' });
  expect(next.sites).toEqual([{ site: 'gate', axes: [1] }, { site: 'gate:1' }, { site: 'y' }]);
  expect(tensorsOf(next, structure, 'gate')).toEqual(layer('Mul'));
  const again = renamed(next, structure, 'gate', 'door');
  expect(again.names).toEqual({ door: '/h.{layer}/Mul' });
  expect(again.sites[1]).toEqual({ site: 'door:1' });
  expect(withoutName(again, structure, 'door')).toEqual(begun);
});

test('a single tensor is renamed, and a name that stood for nothing takes its sites along when it goes', () => {
  const next = renamed(begun, structure, 'y', 'answer');
  expect(next.names).toEqual({ answer: 'y' });
  expect(next.sites.at(-1)).toEqual({ site: 'answer' });
  expect(withoutName(next, structure, 'answer')).toEqual(begun);
  const wrong = withTensors({ ...begun, sites: [{ site: 'y' }, { site: 'mine' }] }, 'mine', 'nothing');
  expect(withoutName(wrong, structure, 'mine').sites).toEqual([{ site: 'y' }]);
  const alone = withTensors({ ...begun, sites: [{ site: 'mine' }] }, 'mine', 'nothing');
  expect(withoutName(alone, structure, 'mine').sites).toEqual([{ site: 'mine' }]);
});

test('a name that was found may be said to be other tensors', () => {
  const next = withTensors({ ...begun, sites: [{ site: 'mlp_output' }] }, 'mlp_output', '/h.{layer}/Add');
  expect(tensorsOf(next, structure, 'mlp_output')).toEqual(layer('Add'));
  expect(rowOf(next, structure, 'mlp_output')?.name).toBe('/h.1/Add');
  expect(withoutName(next, structure, 'mlp_output').sites).toEqual([{ site: 'mlp_output' }]);
  expect(ownTyped(' a, b\nc ,')).toEqual(['a', 'b', 'c']);
  expect(ownTyped(' a ')).toBe('a');
});

test.each([
  ['', 'Type a name.'],
  ['chain', "'chain' stands for the tensors that the model is cut at. Take another name."],
  ['gate:1', 'A colon and a number stand for a layer. Take a name without them.'],
  ['y', "'y' is a tensor's own name. Take another."],
  ['kept', "'kept' is a tensor's own name. Take another."],
  ['mine', "'mine' stands for other tensors already. Take another name, or remove that one."],
  ['h{layer}', "{layer} stands in tensors' names. Take a name without it."],
  ['mlp_output', undefined],
])('the name %j: %s', (name, problem) => {
  expect(nameProblem(withTensors(begun, 'mine', 'other'), structure, name)).toBe(problem);
});

test('nothing is renamed to what was found elsewhere, nor to itself', () => {
  expect(renameProblem(begun, structure, 'mlp/Mul', 'mlp_output')).toMatch(
    /^The model has 'mlp_output' in its/,
  );
  expect(renameProblem(begun, structure, 'mlp/Mul', 'mlp/Mul')).toBe('That is its name.');
  expect(renameProblem(begun, structure, 'mlp/Mul', 'gate')).toBe(undefined);
});

test('tensors that are not there are said, with what is near', () => {
  expect(tensorsProblem(structure, '/h.{layer}/Mull')).toMatch(
    /^The model has no tensor '\/h.0\/Mull'. Did you mean '\/h.0\/Mul'/,
  );
  expect(tensorsProblem(structure, ['/h.0/Add', 'zzzzzzzzzzzz'])).toBe(
    "The model has no tensor 'zzzzzzzzzzzz'.",
  );
  expect(tensorsProblem(structure, 'idle')).toBe("'idle' bears on no output.");
  expect(endProblem(structure, 'idle')).toBe("'idle' bears on no output.");
  expect(tensorsProblem(structure, '')).toMatch(/^Name a tensor/);
  expect(tensorsProblem(structure, ['/h.0/Add', 'kept'])).toBe(undefined);
  expect(endProblem(structure, 'ids')).toBe(undefined);
  expect(endProblem(structure, 'id')).toMatch(/^The model has no tensor 'id'. Did you mean 'ids'/);
});

test('a chain is one of those found, or one by its ends; the model’s own needs no entry', () => {
  expect(chainIn(begun, structure)?.tensors).toEqual(['/h.0/Add']);
  const other = withChain(begun, { from: 'ids', to: 'pooled' });
  expect(chainIn(other, structure)?.tensors).toEqual(['/h.1/Mul']);
  expect(chainIn(withChain(begun, { from: 'ids', to: 'other' }), structure)?.tensors).toEqual([]);
  expect(withChain(other, undefined)).toEqual(begun);
});

test('axes are named by what they grow with, and the batch is none of them', () => {
  expect(axesWords(row('a'), [1])).toBe('axis 1 (sequence)');
  expect(axesWords(row('a', '[batch, 3, height, width]'), [2, 3])).toBe('axes 2 and 3 (height, width)');
  expect(axesWords(row('a'), [])).toBe('no axis');
  expect(axesChoices(row('a'))).toEqual([[], [1], [2]]);
  expect(axesChoices(row('a', '[batch, 3, height, width]'))).toEqual([
    [],
    [1],
    [2],
    [3],
    [1, 2],
    [1, 3],
    [2, 3],
  ]);
});
