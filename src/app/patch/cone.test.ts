import { beforeAll, expect, test } from 'vitest';
import type { Architecture } from '../../architectures/architecture.ts';
import { architectureOf } from '../../architectures/registry.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations, tinyT5 } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../../runtime/model.ts';
import { type Read, replace as replaceFragment } from '../../runtime/plan/plan.ts';
import { coneOf } from './cone.ts';
import { type Cable, emptyDocument, type Place } from './document.ts';
import { endingRuns, hasSameWidth, takenRun, whyNotFit } from './fitting.ts';

const place = (
  run: string,
  component: string,
  layer: number,
  positions: number[],
  heads?: number[],
): Place => ({
  run,
  component,
  layer,
  positions,
  ...(heads ? { heads } : {}),
});
const cable = (from: Place | null, to: Place, id = 1): Cable => ({
  id,
  type: 'VanillaIntervention',
  from,
  to,
  settings: {},
});

test.each(['gpt2', 'gpt_neox', 'llama'] as const)(
  'in %s a cone holds exactly what an edit changes',
  async (family) => {
    const backend = createNodeBackend(1);
    const model = await Model.load(tinyCheckpoint(tinyConfigurations[family]), backend);
    try {
      const { architecture } = model;
      const tokens = [1, 2, 3, 4];
      const spots = architecture.components.flatMap(({ name, scope }) =>
        (scope === 'model' ? [null] : [0, 1, 2]).flatMap((layer) =>
          tokens.map((_, position) => ({ run: 'base', component: name, layer, position })),
        ),
      );
      const read = (row: number) =>
        spots.map(
          ({ component, layer, position }): Read => ({
            row,
            site: { component, layer },
            location: { positions: [position] },
          }),
        );
      for (const { name, layout, width, heads = 1, scope } of architecture.components) {
        if (layout === 'pair' || scope === 'model') continue;
        const site = { component: name, layer: 1 };
        const location = { positions: [2], ...(layout === 'head' ? { heads: [heads - 1] } : {}) };
        const data = new Float32Array(width).map((_, i) => Math.sin(i + 1) * 3);
        const results = await model.run({
          rows: [
            { start: { kind: 'tokens', tokens }, edits: [] },
            {
              start: { kind: 'tokens', tokens },
              edits: [{ site, location, fragment: replaceFragment, source: { kind: 'tensor', data } }],
            },
          ],
          reads: [...read(0), ...read(1)],
        });
        const cone = coneOf(architecture, [], cable(null, place('base', name, 1, [2])));
        spots.forEach((spot, index) => {
          const [before, after] = [results[index], results[index + spots.length]];
          const isChanged = before?.value?.data.some((x, i) => x !== after?.value?.data[i]) ?? false;
          // Values, not paths: what a softmax over one key gives never changes. So nothing outside the cone changes.
          if (isChanged) expect(cone.reaches(spot), `${name} reaches ${JSON.stringify(spot)}`).toBe(true);
          const isCertain = spot.component.endsWith('_output') && !spot.component.startsWith('head_');
          if (isCertain && cone.reaches(spot))
            expect(isChanged, `${name} changes ${JSON.stringify(spot)}`).toBe(true);
        });
      }
    } finally {
      await model.dispose();
      await backend.close();
    }
  },
);

test('in a model of two stacks nothing outside a cone changes, and what its reader sees is in it', async () => {
  const backend = createNodeBackend(1);
  const model = await Model.load(tinyCheckpoint(tinyT5), backend);
  const { components } = model.architecture;
  const lengths = { encoder: 5, main: 3 };
  const start = {
    kind: 'tokens',
    tokens: [0, 9, 21],
    source: { kind: 'tokens', tokens: [7, 21, 14, 2, 19] },
  } as const;
  const stackOf = (component: (typeof components)[number]) =>
    component.place?.stack === 'encoder' ? 'encoder' : 'main';
  const spots = components.flatMap((component) => {
    const { name, scope, layers, place: stack } = component;
    const all = layers ?? Array.from({ length: stack?.count ?? 0 }, (_, layer) => layer);
    return (scope === 'model' ? [null] : all).flatMap((layer) =>
      Array.from({ length: lengths[stackOf(component)] }, (_, position) => {
        return { run: 'base', component: name, layer, position };
      }),
    );
  });
  try {
    for (const component of components) {
      const { name, layout, width, heads = 1, scope, layers = [0, 1] } = component;
      // A per-head form reaches what the whole does.
      if (layout === 'pair' || scope === 'model' || /head_/.test(name)) continue;
      for (const layer of layers.slice(-1)) {
        const site = { component: name, layer };
        const location = { positions: [1], ...(layout === 'head' ? { heads: [heads - 1] } : {}) };
        const data = new Float32Array(width).map((_, i) => Math.sin(i + 1) * 3);
        const edit = { site, location, fragment: replaceFragment, source: { kind: 'tensor', data } } as const;
        const reads = [0, 1].flatMap((row) =>
          spots.map(({ component: at, layer: of, position }): Read => {
            return { row, site: { component: at, layer: of }, location: { positions: [position] } };
          }),
        );
        const rows = [
          { start, edits: [] },
          { start, edits: [edit] },
        ];
        const results = await model.run({ rows, reads });
        const cone = coneOf(model.architecture, [], cable(null, place('base', name, layer, [1])));
        spots.forEach((spot, index) => {
          const [before, after] = [results[index], results[index + spots.length]];
          const isChanged = before?.value?.data.some((x, i) => x !== after?.value?.data[i]) ?? false;
          if (isChanged) expect(cone.reaches(spot), `${name} reaches ${JSON.stringify(spot)}`).toBe(true);
          const isCertain = spot.component.endsWith('_output') && !spot.component.startsWith('head_');
          if (isCertain && !/head_/.test(spot.component) && cone.reaches(spot))
            expect(isChanged, `${name} ${layer} changes ${JSON.stringify(spot)}`).toBe(true);
        });
      }
    }
  } finally {
    await model.dispose();
    await backend.close();
  }
});

let architecture: Architecture;
beforeAll(() => {
  architecture = architectureOf(tinyCheckpoint(tinyConfigurations.gpt2));
});

test('a cone follows the cables that take from what it changes', () => {
  const first = cable(
    place('source_0', 'block_output', 0, [1]),
    place('source_1', 'block_output', 0, [1]),
    1,
  );
  const second = cable(place('source_1', 'block_output', 2, [3]), place('base', 'block_output', 1, [4]), 2);
  const elsewhere = cable(
    place('source_1', 'block_output', 2, [0]),
    place('base', 'block_output', 0, [0]),
    3,
  );
  const { reaches } = coneOf(architecture, [first, second, elsewhere], first);
  const at = (run: string, layer: number, position: number) =>
    reaches({ run, component: 'block_output', layer, position });
  expect([at('source_1', 1, 0), at('source_1', 1, 1), at('source_0', 1, 1)]).toEqual([false, true, false]);
  // By the second cable into the base, and not by the third, which takes from before the first.
  expect([at('base', 1, 4), at('base', 2, 4), at('base', 2, 3), at('base', 0, 0)]).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test('cables end where widths are the same and no run would wait for itself', () => {
  expect(hasSameWidth(architecture, 'block_output', 'mlp_output')).toBe(true);
  expect(hasSameWidth(architecture, 'block_output', 'mlp_activation')).toBe(false);
  expect(hasSameWidth(architecture, 'head_query_output', 'head_value_output')).toBe(true);
  const runs = ['source_0', 'source_1', 'base'];
  const between = cable(place('source_0', 'block_output', 0, [1]), place('source_1', 'block_output', 0, [1]));
  const documents = { cables: [between] };
  expect([...endingRuns(documents, 'source_0', runs)]).toEqual(['source_1', 'base']);
  expect([...endingRuns(documents, 'source_1', runs)]).toEqual(['base']);
  expect([...endingRuns(documents, 'base', runs)]).toEqual(['base']);
});

test('the quick answer is the library’s answer, at every kind of socket', () => {
  const tokens = {
    base: [1, 2, 3],
    sources: [
      [1, 9, 3],
      [4, 5, 6],
    ],
  };
  const runs = ['source_0', 'source_1', 'base'];
  const between = cable(place('source_0', 'block_output', 0, [1]), place('source_1', 'block_output', 0, [1]));
  const document = { ...emptyDocument, sources: ['s', 't'], cables: [between] };
  const placeAt = (run: string, component: string, layer: number): Place => {
    const { layout } = architecture.components.find(({ name }) => name === component) ?? { layout: 'token' };
    return place(run, component, layer, [1], layout === 'token' ? undefined : [0]);
  };
  const components = ['block_output', 'mlp_activation', 'head_query_output', 'head_value_output'];
  for (const fromRun of runs) {
    for (const toRun of runs) {
      for (const from of components) {
        for (const to of components) {
          const quick =
            hasSameWidth(architecture, from, to) && endingRuns(document, fromRun, runs).has(toRun);
          const why = whyNotFit(
            architecture,
            document,
            placeAt(fromRun, from, 1),
            placeAt(toRun, to, 2),
            tokens,
          );
          expect(why === null, `${fromRun} ${from} to ${toRun} ${to}: ${why}`).toBe(quick);
        }
      }
    }
  }
  expect(takenRun('base', 'base')).toBe('original');
});

test('why a cable does not fit is explained in a sentence', () => {
  const tokens = { base: [1, 2, 3], sources: [[1, 9, 3]] };
  const why = (from: Place, to: Place) =>
    whyNotFit(architecture, { ...emptyDocument, sources: ['s'] }, from, to, tokens);
  const start = place('source_0', 'block_output', 1, [1]);
  expect(why(start, place('base', 'mlp_activation', 1, [1]))).toMatch(
    /^The source 'block_output' has width \d+/,
  );
  expect(why(start, start)).toBe('A cable needs two ends; this socket is where it begins.');
  expect(why(place('base', 'block_output', 0, [1]), start)).toContain('A source takes nothing from the base');
  expect(why(start, place('base', 'block_output', 1, [1, 2]))).toContain('they must be as many');
});
