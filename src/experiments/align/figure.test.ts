import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Line, LinesPanel } from '../../figures/linesDescription.ts';
import { alignCurves, alignFigure } from './figure.ts';
import { type AlignResult, readAlignResult } from './result.ts';

const stored = (name: string): AlignResult =>
  readAlignResult(
    JSON.parse(
      readFileSync(new URL(`../../../examples/align/results/${name}.json`, import.meta.url), 'utf8'),
    ),
  );
const grid = stored('gender-sites');
const boundless = stored('gender-boundless');

const siteAt = (result: AlignResult, layer: number, position: number | string) => {
  const site = result.sites.find((other) => other?.layer === layer && other.position === position);
  if (!site) throw new Error(`There is no site at layer ${layer}, ${position}.`);
  return site;
};
const panelOf = (panels: readonly LinesPanel[], title: string): LinesPanel => {
  const panel = panels.find((other) => other.title === title);
  if (!panel) throw new Error(`There is no panel '${title}'.`);
  return panel;
};
const lineOf = ({ lines }: LinesPanel, name: string): Line => {
  const line = lines.find((other) => other.name === name);
  if (!line) throw new Error(`There is no line '${name}'.`);
  return line;
};
/** Some sites of the grid, as if no others had been asked for. */
const part = (layers: readonly number[], positions: readonly (number | string)[]): AlignResult => ({
  ...grid,
  layers,
  positions,
  sites: layers.flatMap((layer) => positions.map((position) => siteAt(grid, layer, position))),
});

test('the map has each site at its layer and position, with the control beside it on one range', () => {
  const figure = alignFigure(grid);
  expect(figure.title).toBe('Where one direction carries the gender of a name');
  expect(figure.locations).toEqual({ kind: 'named', names: ['name', 'last'] });
  expect(figure.layers).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(figure.range).toEqual({ start: 0, end: 1 });
  const [accuracies, controls] = figure.panels;
  expect([accuracies?.title, controls?.title]).toEqual(['Test IIA', 'Control, untrained rotation']);
  // As examples/align/results has them.
  expect(accuracies?.values).toEqual([
    [1, 1, 1, 1, 0.975, 0.95, 0.55, 0.55],
    [0.55, 0.55, 0.55, 0.55, 0.55, 0.625, 1, 1],
  ]);
  expect(controls?.values).toEqual([Array(8).fill(0.55), Array(8).fill(0.55)]);
});

test('a site that is not finished has no value, and a position by number has its word', () => {
  const [done, second] = [siteAt(grid, 0, 'name'), siteAt(grid, 0, 'last')];
  const { final: _, ...rest } = second;
  const figure = alignFigure({
    ...grid,
    layers: [0],
    positions: ['name', 'last', 3],
    sites: [done, { ...rest, end: 'begun' }, null],
  });
  expect(figure.panels.map(({ values }) => values)).toEqual([
    [[1], [undefined], [undefined]],
    [[0.55], [undefined], [undefined]],
  ]);
  expect(figure.locations).toEqual({ kind: 'named', names: ['name', 'last', 'position 3'] });
});

test('the caption has what a reader needs', () => {
  expect(alignFigure(grid).caption).toBe(
    'tiny-atlas. block_output, LowRankRotated, 1 of 128 directions. 160 examples to train with, 40 to test; 50 steps of 16 examples at each site, adam at 0.01, seed 0. By itself the model answers 318 of 318 prompts as the task has it. Without an intervention 55.0 % of the test are right; the majority label, “he”, is right for 62.5 %. The control is the same intervention with a random rotation that was not trained.',
  );
  expect(alignCurves(boundless).caption).toMatch(
    /^tiny-atlas\. block_output of layer 3 at name, BoundlessRotated, width 128, penalty 1\. 160 examples/,
  );
  const stopped = grid.sites.map((site, at) =>
    site && at < 2
      ? { ...site, end: 'loss' as const, steps: { ...site.steps, loss: site.steps.loss.slice(0, 7) } }
      : site,
  );
  const { experiment } = grid;
  const masked = {
    ...grid,
    sites: stopped,
    factual: null,
    experiment: { ...experiment, revision: 'main', intervention: { type: 'SigmoidMask', penalty: 2 } },
  } as const;
  const { caption, panels } = alignFigure(masked);
  expect(caption).toContain('tiny-atlas, revision main. block_output, SigmoidMask, width 128, penalty 2.');
  expect(caption).toContain('; 7 to 50 steps of 16');
  expect(caption).toContain(' At 2 sites training stopped where its numbers were finite no more.');
  expect(caption).not.toContain('By itself');
  expect(caption).toMatch(/The control is the mask with its entries in another order\.$/);
  expect(panels[1]?.title).toBe('Control, shuffled mask');
  expect(alignFigure({ ...grid, sites: grid.sites.map(() => null) }).caption).toContain(
    '; at most 5 epochs of 16 examples at each site',
  );
});

test('one site has its losses, its accuracies beside the levels to compare with, and its width', () => {
  const { panels, legend } = alignCurves(boundless);
  const site = siteAt(boundless, 3, 'name');
  expect(legend).toBeUndefined();
  expect(panels.map(({ title }) => title)).toEqual([
    'Loss',
    'Interchange intervention accuracy (IIA)',
    'Width',
  ]);
  const [loss, accuracy, width] = panels;
  if (!loss || !accuracy || !width) throw new Error('a panel is missing');
  expect(loss.yTitle).toContain('(nats)');
  const steps = lineOf(loss, 'each step').points;
  expect(steps).toHaveLength(100);
  expect([steps[0], steps[99]]).toEqual([
    [1, site.steps.loss[0]],
    [100, site.steps.loss[99]],
  ]);
  // The mean of an epoch stands at its end and is that of its ten steps.
  for (const [end, mean] of lineOf(loss, 'mean of epoch').points) {
    const own = steps.slice(end - 10, end).map(([, value]) => value);
    expect(mean).toBeCloseTo(own.reduce((sum, value) => sum + value, 0) / 10, 9);
  }
  expect(lineOf(loss, 'mean of epoch').points.map(([end]) => end)).toEqual(
    Array.from({ length: 10 }, (_, epoch) => 10 * (epoch + 1)),
  );
  expect(lineOf(accuracy, 'test').points.at(-1)).toEqual([100, site.final?.testAccuracy]);
  expect(lineOf(accuracy, 'train').points.map(([, y]) => y)).toEqual(
    site.epochs.map(({ trainAccuracy }) => trainAccuracy),
  );
  expect(lineOf(accuracy, 'train').dash).not.toBe(lineOf(accuracy, 'test').dash);
  expect(accuracy.range).toEqual([0, 1]);
  expect(accuracy.references).toEqual([
    { name: 'no intervention', value: 0.55 },
    { name: 'majority label', value: 0.625 },
    { name: 'untrained rotation', value: 0.75 },
  ]);
  // The share in the last step, whose update the final one has as well.
  const share = lineOf(width, 'width').points.at(-1)?.[1];
  expect(share).toBeCloseTo(site.final?.boundary?.share ?? Number.NaN, 3);
});

test('losses over a hundredfold are drawn on a logarithmic axis that says so, others on one from zero', () => {
  const lossesOf = (loss: readonly number[]) => {
    const site = siteAt(boundless, 3, 'name');
    const sites = [{ ...site, epochs: [], steps: { ...site.steps, loss } }];
    const { yTitle, isLogarithmic } = panelOf(alignCurves({ ...boundless, sites }).panels, 'Loss');
    return { yTitle, isLogarithmic };
  };
  const title = 'cross-entropy of the label (nats)';
  expect(lossesOf([2, 0.5, 0.02])).toEqual({ yTitle: `${title}, logarithmic axis`, isLogarithmic: true });
  expect(lossesOf([2, 0.5, 0.03])).toEqual({ yTitle: title, isLogarithmic: false });
  // A loss of nothing has no place among ratios.
  expect(lossesOf([2, 0.5, 0])).toEqual({ yTitle: title, isLogarithmic: false });
});

test('of many sites the best is named and strong, the others are quiet, and dashes tell the positions', () => {
  const { panels, legend, caption } = alignCurves(grid);
  expect(panels.map(({ title }) => title)).toEqual(['Loss', 'IIA, test examples', 'IIA, training examples']);
  for (const { lines } of panels) {
    expect(lines).toHaveLength(16);
    // Six sites come to 1; of these the last loss at layer 7 is the lowest, 0.0153 before 0.0163 at layer 2.
    expect(lines.filter(({ weight }) => weight !== 'quiet').map(({ name }) => name)).toEqual([
      'layer 7 at last',
    ]);
    expect(lines.filter(({ isLabelled }) => isLabelled)).toHaveLength(1);
    for (const { name, dash } of lines) expect(dash).toBe(name.endsWith('last') ? 'dashed' : 'solid');
  }
  expect(legend?.map(({ name, weight, dash }) => [name, weight, dash])).toEqual([
    ['layer 7 at last', undefined, 'dashed'],
    ['other layers at name', 'quiet', 'solid'],
    ['other layers at last', 'quiet', 'dashed'],
  ]);
  expect(caption).toMatch(/Emphasised is the site with the highest test IIA/);
  expect(lineOf(panelOf(panels, 'IIA, test examples'), 'layer 5 at last').points.at(-1)).toEqual([50, 0.625]);
  expect(lineOf(panelOf(panels, 'Loss'), 'layer 0 at name').points).toHaveLength(5);
});

test('up to four sites have inks, dashes and labels of their own', () => {
  const { panels, legend } = alignCurves(part([2, 6], ['name', 'last']));
  expect(legend).toBeUndefined();
  for (const { lines } of panels) {
    expect(new Set(lines.map(({ ink }) => ink)).size).toBe(4);
    expect(new Set(lines.map(({ dash }) => dash)).size).toBe(4);
    expect(lines.map(({ name, isLabelled }) => [name, isLabelled])).toEqual([
      ['layer 2 at name', true],
      ['layer 2 at last', true],
      ['layer 6 at name', true],
      ['layer 6 at last', true],
    ]);
  }
  // A site keeps its look when the ones before it are not begun.
  const late = part([2, 6], ['name', 'last']);
  const [only] =
    alignCurves({ ...late, sites: [null, null, null, late.sites[3] ?? null] }).panels[0]?.lines ?? [];
  expect([only?.name, only?.ink]).toEqual(['layer 6 at last', 3]);
});

test('with one epoch the losses are those of the steps, and with no site begun there is nothing', () => {
  const short = grid.sites.map((site) => (site ? { ...site, epochs: site.epochs.slice(0, 1) } : null));
  const { panels } = alignCurves({ ...grid, sites: short });
  expect(lineOf(panelOf(panels, 'Loss'), 'layer 0 at name').points).toHaveLength(50);
  expect(panelOf(panels, 'Loss').yTitle).toContain('each step');
  const none = alignCurves({ ...grid, sites: grid.sites.map(() => null) });
  expect(none.panels.flatMap(({ lines }) => lines)).toEqual([]);
  expect(none.legend?.map(({ name }) => name)).toEqual(['layers at name', 'layers at last']);
  expect(alignCurves({ ...boundless, sites: [null] }).panels.map(({ title }) => title)).toEqual([
    'Loss',
    'Interchange intervention accuracy (IIA)',
  ]);
});
