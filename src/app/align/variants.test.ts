import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type AlignResult, readAlignResult } from '../../experiments/align/result.ts';
import { bestChoice, mapOf, placeKey, siteAt, variantsOf } from './variants.ts';

const main = readAlignResult(
  JSON.parse(
    readFileSync(new URL('../../../examples/align/results/task-gender.json', import.meta.url), 'utf8'),
  ),
);
const rank = (of: number, result: AlignResult): AlignResult => ({
  ...result,
  experiment: { ...result.experiment, intervention: { type: 'LowRankRotated', rank: of } },
});
/** One site with this accuracy on the test part. */
const one = (at: number, testAccuracy: number): AlignResult => ({
  ...main,
  experiment: { ...main.experiment, seed: 7 },
  sites: main.sites.map((site, index) =>
    index === at && site?.final ? { ...site, final: { ...site.final, testAccuracy } } : null,
  ),
});

test('types and ranks lie side by side, the one that is shown first; another task does not', () => {
  const foreign = rank(4, {
    ...main,
    experiment: { ...main.experiment, split: { testShare: 0.5, seed: 0 } },
  });
  const variants = variantsOf(main, [rank(2, main), foreign, { ...main, notices: [] }], []);
  expect(variants.map(({ name }) => name)).toEqual(['rank 1', 'rank 2']);
  const map = mapOf(main, variants, false);
  expect(map.panels.map(({ title }) => title)).toEqual([
    'Test IIA, rank 1',
    'Control, rank 1: untrained rotation',
    'Test IIA, rank 2',
    'Control, rank 2: untrained rotation',
  ]);
  expect(map.references?.map(({ value }) => value)).toEqual([main.majority.share, main.unedited]);
  expect(siteAt(main, variants, { panel: 3, location: 1, layer: 6 })?.site).toBe(main.sites[13]);
});

test('other heads are another site', () => {
  const of = (head: number, accuracy: number): AlignResult => ({
    ...one(10, accuracy),
    experiment: {
      ...main.experiment,
      site: { ...main.experiment.site, component: 'head_attention_value_output', heads: [head] },
    },
  });
  const keptOf = (main: AlignResult, again: AlignResult) =>
    variantsOf(main, [], [again])[0]?.sites.get(placeKey(5, 'name'))?.site.final?.testAccuracy;
  expect(keptOf(of(0, 0.5), of(0, 0.975))).toBe(0.975);
  expect(keptOf(of(0, 0.5), of(1, 0.975))).toBe(0.5);
});

test('of a site that was trained again the better is kept, and an earlier run is not mixed in', () => {
  const kept = (again: readonly AlignResult[], earlier: readonly AlignResult[] = []) =>
    variantsOf(main, earlier, again)[0]?.sites.get(placeKey(5, 'name'))?.site.final?.testAccuracy;
  const at = main.sites[10]?.final?.testAccuracy ?? Number.NaN;
  expect(at).toBeCloseTo(0.95, 6);
  expect(kept([one(10, 0.975)])).toBe(0.975);
  expect(kept([one(10, 0.5)])).toBe(at);
  expect(kept([], [one(10, 0.975)])).toBe(at);
  expect(bestChoice(variantsOf(main, [], []))?.site.final?.testAccuracy).toBe(1);
});

test('the site in training is marked while it is trained', () => {
  const begun: AlignResult = {
    ...main,
    sites: main.sites.map((site, index) => {
      if (site === null || index > 3) return null;
      const { final: _, ...open } = site;
      return index === 3 ? { ...open, end: 'begun' } : site;
    }),
  };
  const variants = variantsOf(begun, [], []);
  expect(mapOf(begun, variants, true).active).toEqual({ panel: 0, location: 1, layer: 1 });
  expect(mapOf(begun, variants, false).active).toBeUndefined();
  // Its latest epoch stands in its cell, and nothing in the control's.
  const [test1, control] = mapOf(begun, variants, true).panels;
  expect(test1?.values[1]?.[1]).toBe(main.sites[3]?.epochs.at(-1)?.testAccuracy);
  expect(control?.values[1]?.[1]).toBeUndefined();
});
