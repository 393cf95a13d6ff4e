import { beforeAll, describe, expect, test } from 'vitest';
import type { Architecture, ComponentDescription } from '../../architectures/architecture.ts';
import { architectureOf } from '../../architectures/registry.ts';
import { readPairs } from '../../experiments/patch/table.ts';
import { tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import type { ModelInfo } from '../../worker/protocol.ts';
import {
  cableSweepOf,
  cellExperiment,
  cellOrder,
  isSameSweep,
  movedTo,
  type SweepAxes,
} from './cableSweep.ts';
import {
  type Cable,
  emptyDocument,
  type PatchDocument,
  type Place,
  withoutSource,
  withPairs,
} from './document.ts';
import { draftOf, type Readings } from './draft.ts';
import { outlineOf } from './outline.ts';
import { initialSweep, presetExperiment, presetNames } from './presets.ts';
import { estimatedChange, shareOf, socketValue } from './shares.ts';
import { type Measurement, pairKeyOf } from './socketStore.ts';
import { addressesOf, placeOf, type Shelf, socketKey } from './sockets.ts';
import { patchExperimentOf } from './sweeps.ts';

let architecture: Architecture;
let model: ModelInfo;
beforeAll(() => {
  architecture = architectureOf(tinyCheckpoint(tinyConfigurations.gpt2));
  model = {
    label: 'tiny',
    family: 'gpt2',
    architecture: 'gpt2',
    isCausal: true,
    layerCount: architecture.layerCount,
    width: architecture.width,
    headCount: architecture.headCount,
    vocabularySize: architecture.vocabularySize,
    maxPositions: architecture.maxPositions,
    parameterCount: 1,
    weightBytes: 1,
    components: architecture.components.map(
      ({ name, scope, layout, width, heads = 1, description, feeds }) => ({
        name,
        layers: scope === 'layer' ? architecture.layerCount : null,
        shape:
          layout === 'pair'
            ? [heads, 'position', 'position']
            : layout === 'head'
              ? ['position', heads, width]
              : ['position', width],
        description,
        feeds,
      }),
    ),
  };
});

const reading = (text: string, ids: readonly number[], next = 7): Readings[number] => ({
  text,
  tokens: ids.map((id) => ({ id, text: ` ${id}`, isSpecial: false })),
  prediction: {
    tokens: [],
    candidates: [{ id: next, text: ` ${next}`, isSpecial: false, probability: 0.5, logit: 1 }],
    elapsedMs: 1,
  },
});
const readings: Readings = [reading('b', [1, 2, 3], 7), reading('s', [1, 9, 3], 8)];
const place = (run: string, layer: number, position: number, component = 'block_output'): Place => ({
  run,
  component,
  layer,
  positions: [position],
});
const cable = (id: number, from: Place | null, to: Place): Cable => ({
  id,
  type: 'VanillaIntervention',
  from,
  to,
  settings: {},
});
const document: PatchDocument = { ...emptyDocument, base: 'b', sources: ['s'] };

test('the outline of a model is its components, as the model has them', () => {
  const plain = (components: readonly ComponentDescription[]) =>
    components.map(({ name, scope, layout, width, heads, headsOf }) => ({
      name,
      scope,
      layout,
      width,
      heads,
      headsOf,
    }));
  expect(plain(outlineOf(model).components)).toEqual(plain(architecture.components));
});

describe('a draft', () => {
  test('watches what the source says against what the base says', () => {
    const { answer, distractor, matching, problem } = draftOf(document, readings, model);
    expect([answer?.id, distractor?.id, matching, problem]).toEqual([8, 7, [0, 1, 2], null]);
    const named = draftOf({ ...document, answer: ' 7' }, readings, model);
    expect([named.answer?.id, named.distractor]).toEqual([7, null]);
  });

  test('runs the cables that fit, and says of each other why it does not', () => {
    const cables = [
      cable(1, place('source_0', 1, 1), place('base', 1, 1)),
      cable(2, place('source_0', 99, 1), place('base', 99, 1)),
      cable(3, place('source_0', 1, 7), place('base', 1, 1)),
    ];
    const { experiment, misfits, problem } = draftOf({ ...document, cables }, readings, model);
    expect(problem).toBeNull();
    expect(experiment?.configuration?.representations).toHaveLength(1);
    expect(misfits.map(({ id }) => id)).toEqual([2, 3]);
    expect(misfits[0]?.why).toMatch(/^Layer 99 /);
    expect(draftOf({ ...document, cables }, readings, null).experiment).toBeNull();
  });

  test('says of a circle which cables make it', () => {
    const cables = [
      cable(1, place('source_0', 0, 1), place('source_1', 0, 1)),
      cable(2, place('source_1', 0, 1), place('source_0', 0, 1)),
      cable(3, place('source_1', 1, 1), place('base', 1, 1)),
    ];
    const three = [...readings, reading('t', [4, 5, 6])];
    const { experiment, problem, written } = draftOf(
      { ...document, sources: ['s', 't'], cables },
      three,
      model,
    );
    expect(experiment).toBeNull();
    expect(problem).toContain('in a circle');
    // The text of cables that cannot run together is theirs, not an empty one.
    expect(written?.configuration.representations).toHaveLength(cables.length);
  });
});

const shelfOf = (component: string, view: Partial<Shelf['view']> = {}): Shelf => {
  const found = architecture.components.find(({ name }) => name === component);
  if (!found) throw new Error(component);
  return {
    view: { component, columns: 'position', head: null, ...view },
    component: found,
    layerCount: architecture.layerCount,
  };
};

test('a place is the sockets that it was made of', () => {
  const heads = shelfOf('head_query_output', { columns: 'head' });
  const byHead = placeOf(heads, 'base', 1, [1, 2]);
  expect(byHead).toEqual({
    run: 'base',
    component: 'head_query_output',
    layer: 1,
    positions: 'all',
    heads: [1, 2],
  });
  expect(addressesOf(heads, byHead, 4).map(({ column }) => column)).toEqual([1, 2]);
  const one = shelfOf('head_query_output', { head: 1 });
  expect(placeOf(one, 'base', 1, [3])).toEqual({
    run: 'base',
    component: 'head_query_output',
    layer: 1,
    positions: [3],
    heads: [1],
  });
  expect(addressesOf(shelfOf('block_output'), place('original', 1, 2), 4)).toEqual([
    { run: 'base', layer: 1, column: 2 },
  ]);
  expect(addressesOf(heads, place('base', 1, 2), 4)).toEqual([]);
});

test('a share is measured before it is estimated, and heads add up', () => {
  // [2 layers, 2 positions, 2 heads]
  const estimate = {
    shape: [2, 2, 2],
    values: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    baselines: { base: 0, source: 4 },
    elapsedMs: 1,
  };
  const change = (view: Partial<Shelf['view']>, layer: number, column: number) =>
    estimatedChange(estimate, shelfOf('head_query_output', view), layer, column);
  expect(change({ columns: 'head' }, 0, 1)).toBe(2 + 4);
  expect(change({ head: 1 }, 1, 0)).toBe(6);
  expect(change({}, 1, 1)).toBe(7 + 8);
  const shelf = shelfOf('head_query_output', { head: 1 });
  const known = (measured: ReadonlyMap<string, Measurement>) =>
    socketValue({ estimates: new Map([['head_query_output', estimate]]), measured }, shelf, 1, 0);
  const found = { value: 3, baselines: { base: 2, source: 6 } };
  expect(known(new Map())).toEqual({ value: 1.5, isMeasured: false });
  expect(known(new Map([[socketKey(shelf, 1, 0), found]]))).toEqual({ value: 0.25, isMeasured: true });
  expect(shareOf(1, { base: 2, source: 2 })).toBeNaN();
});

test('numbers of a table of pairs are not those of its first pair alone', () => {
  const table = { ...document, pairs: [{ clean: 's', corrupted: 'b', answer: 8 }] };
  const draft = draftOf(document, readings, model);
  expect(pairKeyOf(document, draft)).not.toBeNull();
  expect(pairKeyOf(table, draft)).not.toBe(pairKeyOf(document, draft));
});

test('nothing is watched before both prompts are read, unless it was picked', () => {
  const [base, source] = readings;
  if (!base || !source) throw new Error('There are two.');
  const unread = { ...source, prediction: null };
  expect(draftOf(document, [base, unread], model).answer).toBeNull();
  expect(draftOf(document, [{ ...base, prediction: null }, source], model).answer).toBeNull();
  expect(draftOf({ ...document, answer: 9 }, [base, unread], model)).toMatchObject({
    answer: { id: 9 },
    distractor: { id: 7 },
  });
  expect(
    draftOf({ ...document, sources: [''] }, [base, { ...unread, text: '', tokens: [] }], model).answer?.id,
  ).toBe(7);
});

test('sockets are about the source that is chosen, and each source is matched by itself', () => {
  const many = [...readings, reading('t', [1, 2, 9, 3], 8)];
  const two = { ...document, sources: ['s', 't'], corrections: [{}, { 0: null }] };
  const first = draftOf(two, many, model);
  const second = draftOf({ ...two, against: 1 }, many, model);
  expect([first.matching, second.matching]).toEqual(
    [0, 1].map((source) => first.matchingOf('block_output', source)),
  );
  expect(second.matching[0]).toBeNull();
  expect(pairKeyOf({ ...two, against: 1 }, second)).not.toBe(pairKeyOf(two, first));
  const heads = shelfOf('head_query_output', { columns: 'head' });
  const sweep = patchExperimentOf({ ...two, against: 1 }, second, heads);
  expect(sweep.ok && sweep.experiment.pairs).toMatchObject([{ clean: 't' }]);
});

test('cables of later sources stay theirs when a source goes', () => {
  const cables = [
    cable(1, place('source_0', 0, 1), place('base', 0, 1)),
    cable(2, place('source_2', 0, 1), place('base', 1, 1)),
  ];
  const left = withoutSource({ ...document, sources: ['s', 't', 'u'], against: 2, cables }, 0);
  expect(left).toMatchObject({
    sources: ['t', 'u'],
    against: 1,
    cables: [{ id: 2, from: { run: 'source_1' } }],
  });
});

test('numbers of other weights under the same name do not belong to the pair', () => {
  const keyWith = (fingerprint: string) =>
    pairKeyOf(document, draftOf(document, readings, { ...model, fingerprint }));
  expect(keyWith('a')).not.toBeNull();
  expect(keyWith('a')).toBe(keyWith('a'));
  expect(keyWith('b')).not.toBe(keyWith('a'));
});

test('a position without a match has no estimate, and takes no part in a head’s', () => {
  const values = Float32Array.of(1, 2, Number.NaN, Number.NaN);
  const estimate = { shape: [1, 2, 2], values, baselines: { base: 0, source: 1 }, elapsedMs: 1 };
  expect(estimatedChange(estimate, shelfOf('head_query_output', { head: 0 }), 0, 1)).toBeNaN();
  expect(estimatedChange(estimate, shelfOf('head_query_output', { columns: 'head' }), 0, 1)).toBe(2);
});

test('a cable that is swept takes its source end along where that hung at the same place', () => {
  const same = cable(1, place('source_0', 1, 2), place('base', 1, 1));
  expect(movedTo(same, { layer: 2, position: 0 }, [1, 2, null])?.from).toMatchObject({
    layer: 2,
    positions: [1],
  });
  expect(movedTo(same, { layer: 2, position: 2 }, [1, 2, null])).toBeNull();
  const fixed = cable(1, place('source_0', 0, 0), place('base', 1, 1));
  expect(movedTo(fixed, { layer: 2, position: 2 }, [1, 2, null])?.from).toMatchObject({
    layer: 0,
    positions: [0],
  });
  expect(cellOrder(5, 1).map(({ row }) => row)).toEqual([0, 4, 2, 1, 3]);
});

test('a swept cable of several positions moves as a whole, and not past the prompt', () => {
  const wide = (run: string, positions: readonly number[]) => ({ ...place(run, 1, 0), positions });
  const two = cable(1, wide('source_0', [0, 1]), wide('base', [0, 1]));
  const moved = movedTo(two, { layer: 0, position: 1 }, [0, 1, 2]);
  expect([moved?.from?.positions, moved?.to.positions]).toEqual([
    [1, 2],
    [1, 2],
  ]);
  expect(movedTo(two, { layer: 0, position: 2 }, [0, 1, 2])).toBeNull();
  const backwards = cable(1, null, wide('base', [2, 0]));
  expect(movedTo(backwards, { layer: 0, position: 1 }, [0, 1, 2])).toBeNull();
});

test('a cable is swept over heads, and says why it cannot be over what it has none of', () => {
  const head = (run: string) => ({ ...place(run, 1, 1), component: 'head_query_output', heads: [0] });
  const own = cable(1, head('source_0'), head('base'));
  const moved = movedTo(own, { position: 2, head: 1 }, [0, 1, 2]);
  expect(moved).toMatchObject({
    from: { heads: [1], positions: [2], layer: 1 },
    to: { heads: [1], positions: [2] },
  });
  const hung = { ...document, cables: [own] };
  const draft = draftOf(hung, readings, model);
  const of = (each: Cable, axes: SweepAxes) => cableSweepOf(hung, readings, draft, each, axes, 'Cable A');
  const heads = of(own, 'headByPosition');
  expect(heads.ok && [heads.sweep.rows, heads.sweep.columns]).toEqual([model.headCount, 3]);
  expect(heads.ok && heads.sweep.experimentAt({ row: 1, column: 2 })?.unitLocations).toEqual({
    'sources->base': [[[[[1]], [[2]]]], [[[[1]], [[2]]]]],
  });
  const whole = of(cable(1, null, place('base', 1, 1)), 'layerByHead');
  expect(!whole.ok && whole.why).toBe("'block_output' has no heads to sweep over.");
});

test('cells of a sweep are no longer those of the page once a cable, a prompt or what is watched is another', () => {
  const own = cable(1, place('source_0', 1, 1), place('base', 1, 1));
  const hung = { ...document, cables: [own] };
  const draft = draftOf(hung, readings, model);
  const made = cableSweepOf(hung, readings, draft, own, 'layerByPosition', 'Cable A');
  if (!made.ok) throw new Error(made.why);
  const isSame = (other: PatchDocument) => isSameSweep(made.sweep, other, draftOf(other, readings, model));
  expect(isSame(hung)).toBe(true);
  expect(isSame({ ...hung, view: { ...hung.view, component: 'mlp_output' } })).toBe(true);
  expect(isSame({ ...hung, cables: [{ ...own, type: 'ZeroIntervention', from: null }] })).toBe(false);
  expect(isSame({ ...hung, base: 'x' })).toBe(false);
  expect(isSame({ ...hung, answer: ' Rome' })).toBe(false);
});

test('a cable from a prompt without text says so, and one whose prompt is being read waits for it', () => {
  const hung = { ...document, cables: [cable(1, place('source_0', 1, 1), place('base', 1, 1))] };
  const [base] = readings;
  const draftWith = (text: string) => {
    const source = { text, tokens: null, prediction: null };
    return draftOf({ ...hung, sources: [text] }, base ? [base, source] : [], model);
  };
  expect(draftWith('').misfits).toEqual([
    { id: 1, why: 'The source has no text yet. Type it, and the cable acts again.' },
  ]);
  expect(draftWith('x')).toMatchObject({ misfits: [], problem: null, experiment: null });
});

test('a cell that the swept cable does not fit stays empty, whatever the other cables do', () => {
  const wide = (run: string) => ({ ...place(run, 1, 0), positions: [0, 1] });
  const fixed = { ...cable(1, null, wide('base')), type: 'ZeroIntervention' };
  const other = cable(2, place('source_0', 0, 1), place('base', 0, 1));
  const hung = { ...document, cables: [fixed, other] };
  const draft = draftOf(hung, readings, model);
  const cellAt = (position: number) => cellExperiment(hung, readings, draft, fixed, { layer: 1, position });
  expect(cellAt(1)?.configuration?.representations).toHaveLength(2);
  expect(cellAt(2)).toBeNull();
});

test('every preset is an experiment of the prompts, and a sweep of unequal prompts says why there is none', () => {
  const draft = draftOf(document, readings, model);
  for (const preset of presetNames) {
    const made = presetExperiment(document, draft, { ...initialSweep, preset });
    expect(made.ok, preset).toBe(true);
    if (made.ok) expect(made.experiment.pairs[0]).toMatchObject({ clean: 's', answer: 8, distractor: 7 });
  }
  const sweep = patchExperimentOf(document, draft, shelfOf('block_output'));
  expect(sweep.ok && sweep.experiment.sweeps).toMatchObject([{ component: 'block_output', by: 'position' }]);
  const longer = [readings[0] ?? reading('b', []), reading('s', [1, 9, 3, 4], 8)];
  const none = patchExperimentOf(document, draftOf(document, longer, model), shelfOf('block_output'));
  expect(!none.ok && none.why).toMatch(/^The prompts have 3 and 4 tokens/);
});

test('the usual sweep of a state-space model is of what it has in the place of attention and MLP', () => {
  const component = (name: string) => ({ name, layers: 2, shape: [], description: '', feeds: [] });
  const mamba = { ...model, components: ['block_output', 'mixer_output', 'ssm_output'].map(component) };
  const made = presetExperiment(
    document,
    { ...draftOf(document, readings, model), model: mamba },
    initialSweep,
  );
  const swept = made.ok && 'sweeps' in made.experiment ? made.experiment.sweeps : [];
  expect(swept.map(({ component: name }) => name)).toEqual(['block_output', 'ssm_output', 'mixer_output']);
});

test('a token outside the candidates is watched as it was picked, for the engine to resolve', () => {
  const picked = { ...document, answer: ' Rome', distractor: 12 };
  const draft = draftOf(picked, readings, model);
  expect([draft.answer?.id, draft.distractor?.id]).toEqual([' Rome', 12]);
  const sweep = patchExperimentOf(picked, draft, shelfOf('block_output'));
  expect(sweep.ok && sweep.experiment.pairs).toMatchObject([{ answer: ' Rome', distractor: 12 }]);
});

test('a table of pairs shows its first', () => {
  const next = withPairs(document, readPairs('clean,corrupted,answer\nx,y, z\nu,v, w'));
  expect(next).toMatchObject({
    base: 'y',
    sources: ['x'],
    answer: ' z',
    pairs: [{ clean: 'x' }, { clean: 'u' }],
  });
});
