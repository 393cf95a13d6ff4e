import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openModel } from '../checkpoint/openNode.ts';
import { readAlignExperiment } from '../experiments/align/experiment.ts';
import { alignKind } from '../experiments/align/kind.ts';
import { numbersOfText } from '../experiments/align/numbersText.ts';
import { type AlignResult, isAlignComplete, readAlignResult } from '../experiments/align/result.ts';
import { genderExamples } from '../experiments/align/templates.ts';
import { main } from './main.ts';
import { shownFiles } from './resultFiles.ts';

const folder = new URL('../../examples/align/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, folder), 'utf8'));

let out: string;
beforeAll(() => {
  out = mkdtempSync(join(tmpdir(), 'patchbay-'));
});
afterAll(() => rmSync(out, { recursive: true }));

const printed = (what: 'log' | 'error') => vi.spyOn(console, what).mockImplementation(() => undefined);

function writeFile(content: object): string {
  const file = join(out, 'file.json');
  writeFileSync(file, JSON.stringify(content));
  return file;
}

const isTask = (name: string) => name.startsWith('task-');

const declared = ['gender-declared.json', 'landmark-and-kind.json'];

test.each(files.filter((name) => !declared.includes(name) && !isTask(name)))(
  '%s is what its script writes, and its stored result is of it and complete',
  async (name) => {
    const experiment = readAlignExperiment(read(name));
    const checkpoint = await openModel(new URL('../../models/tiny-atlas', import.meta.url).pathname);
    const { pronoun } = JSON.parse(
      readFileSync(new URL('../../models/tiny-atlas/evaluation-prompts.json', import.meta.url), 'utf8'),
    );
    const examples = genderExamples(pronoun, await checkpoint.tokenizer(), { size: 200, seed: 1 });
    await checkpoint.close();
    expect(experiment.data).toEqual(examples);
    const stored = readAlignResult(read(`results/${name}`));
    expect(stored.experiment).toEqual(experiment);
    expect(stored.notices).toEqual([]);
    expect(isAlignComplete(stored)).toBe(true);
  },
);

test.each(files.filter(isTask))('%s is a task whose stored result is of it and complete', (name) => {
  const experiment = readAlignExperiment(read(name));
  const stored = readAlignResult(read(`results/${name}`));
  expect(stored.experiment).toEqual(experiment);
  expect(isAlignComplete(stored)).toBe(true);
  expect(stored.factual?.right).toBe(stored.factual?.of);
  const best = Math.max(...stored.sites.map((site) => site?.final?.testAccuracy ?? 0));
  const control = Math.max(...stored.sites.map((site) => site?.final?.controlAccuracy ?? 1));
  expect(best).toBeGreaterThan(control + 0.4);
});

test('landmark-and-kind.json finds two variables together, and its stored result is of it and complete', () => {
  const experiment = readAlignExperiment(read('landmark-and-kind.json'));
  const stored = readAlignResult(read('results/landmark-and-kind.json'));
  expect(stored.experiment).toEqual(experiment);
  expect(isAlignComplete(stored)).toBe(true);
  expect(stored.factual?.right).toBe(stored.factual?.of);
  const best = stored.sites.toSorted(
    (a, b) => (b?.final?.testAccuracy ?? 0) - (a?.final?.testAccuracy ?? 0),
  )[0];
  expect(best?.final?.testAccuracy).toBeGreaterThan((best?.final?.controlAccuracy ?? 1) + 0.4);
  expect(Object.keys(best?.parameters ?? {})).toEqual(['rotation', '2 rotation']);
});

test('gender-declared.json finds its variable where the others do, and its stored result is of it and complete', () => {
  const experiment = readAlignExperiment(read('gender-declared.json'));
  const stored = readAlignResult(read('results/gender-declared.json'));
  expect(stored.experiment).toEqual(experiment);
  expect(stored.notices.map(({ code }) => code)).toEqual(['repeated-examples']);
  expect(isAlignComplete(stored)).toBe(true);
  const [good, wrong] = stored.sites.map((site) => site?.final);
  expect(good?.testAccuracy).toBeGreaterThanOrEqual(0.95);
  expect(Math.abs((wrong?.testAccuracy ?? Number.NaN) - stored.unedited)).toBeLessThan(0.1);
});

test('the stored sites: at the name up to layer 5, at the last token from layer 6 on, and nowhere else', () => {
  const { sites, layers, positions, unedited } = readAlignResult(read('results/gender-sites.json'));
  expect([layers.length, positions]).toEqual([8, ['name', 'last']]);
  const accuracy = (layer: number, position: number) =>
    sites[2 * layer + position]?.final?.testAccuracy ?? Number.NaN;
  for (const layer of layers) {
    const [name, last] = [accuracy(layer, 0), accuracy(layer, 1)];
    if (layer < 6) expect(name).toBeGreaterThanOrEqual(0.95);
    else expect(last).toBeGreaterThanOrEqual(0.95);
    expect(Math.abs((layer < 6 ? last : name) - unedited)).toBeLessThan(0.1);
  }
  for (const site of sites) expect(site?.final?.controlAccuracy).toBeLessThan(0.65);
});

/** One site of the example again, in the fewest steps. */
const short = () => {
  const { data, ...rest } = readAlignExperiment(read('gender-sites.json'));
  if ('causalModel' in data) throw new Error('the example lists its data');
  return {
    ...rest,
    data: data.slice(0, 60),
    site: { component: 'block_output', layer: 6, position: 'last' },
    training: { batchSize: 16, epochs: 2, learningRate: 0.01 },
  };
};

test('patchbay run writes a result that reads back, its curves, and a report', async () => {
  const log = printed('log');
  try {
    expect(await main(['run', writeFile(short()), '--out', join(out, 'run')])).toBe(0);
    const result: AlignResult = readAlignResult(
      JSON.parse(readFileSync(join(out, 'run', 'result.json'), 'utf8')),
    );
    const [site] = result.sites;
    const text = site?.parameters.rotation;
    if (!text) throw new Error('no rotation');
    const rotation = numbersOfText(text, 'rotation');
    expect(rotation.reduce((sum, x) => sum + x * x, 0)).toBeCloseTo(1, 5);
    const trained = join(out, 'run', 'trained', 'layer-6-position-last');
    expect(readdirSync(trained).toSorted()).toEqual([
      'config.json',
      'intkey_layer_6_comp_block_output_unit_pos_nunit_1#0.bin',
    ]);
    const [head, ...lines] = readFileSync(join(out, 'run', 'curves.csv'), 'utf8')
      .trim()
      .split('\n');
    expect(head).toBe('layer,position,step,loss,learning_rate,temperature,width_share,train_iia,test_iia');
    expect(lines).toHaveLength(6);
    expect(lines.map((line) => Number(line.split(',')[3]))).toEqual(site?.steps.loss);
    // The rate goes up over a tenth of the steps, which is less than one: 0, then in a line to 0 beyond the last.
    const rates = lines.map((line) => Number(line.split(',')[4]));
    rates.forEach((rate, step) => {
      expect(rate).toBeCloseTo(step === 0 ? 0 : (0.01 * (6 - step)) / (6 - 0.6), 9);
    });
    expect(lines.filter((line) => !line.endsWith(',,')).map((line) => line.split(',')[2])).toEqual([
      '3',
      '6',
    ]);
    const report = log.mock.calls.flat().join('\n');
    expect(report).toContain(
      'block_output, LowRankRotated, 1 of 128 directions; 48 examples to train with, 12 to test',
    );
    expect(report).toMatch(/The model's own accuracy: (100|99)\.\d % of \d+ prompts/);
    expect(report).toMatch(/IIA: train \d+\.\d %, test \d+\.\d %/);
    // A map of one site says less than the report.
    expect(readdirSync(join(out, 'run')).toSorted()).toEqual([
      'curves.csv',
      'curves.svg',
      'result.json',
      'trained',
    ]);
    const drawn = readFileSync(join(out, 'run', 'curves.svg'), 'utf8');
    expect(drawn).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" width="1200"/);
    expect(drawn).toContain(`test ${site?.final?.testAccuracy.toFixed(2)}</text>`);
    expect(report).toMatch(/Control, untrained: test \d+\.\d %\nMajority \(" s?he"\): test/);
  } finally {
    log.mockRestore();
  }
});

test('of several sites a map is written as well, of the paper and with nothing to fetch', () => {
  const stored = readAlignResult(read('results/gender-sites.json'));
  const written = shownFiles(alignKind.show(stored));
  const names = Object.keys(written).filter((name) => !name.startsWith('trained/'));
  expect(names).toEqual(['curves.csv', 'figure.svg', 'curves.svg']);
  for (const name of ['figure.svg', 'curves.svg']) {
    const svg = String(written[name]);
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" width="1200"/);
    expect(svg).not.toMatch(/\b(href|src)=|url\((?!#)/);
    expect(svg).toContain('fill="#ffffff"');
    expect(svg).not.toMatch(/NaN|undefined/);
  }
  expect(written['figure.svg']).toContain('<title>Test IIA, layer 5, at last, IIA 0.63</title>');
  expect(written['curves.svg']).toContain('>layer 7 at last 1.00</text>');
  const begun = { ...stored, sites: stored.sites.map(() => null) };
  expect(Object.keys(shownFiles(alignKind.show(begun)))).toEqual(names);
});

test('what another alignment had trained in the same folder goes, and every path is named once', async () => {
  const log = printed('log');
  try {
    const folder = join(out, 'twice');
    const at = (layer: number) => ({
      ...short(),
      site: { component: 'block_output', layer: [layer], position: 'last' },
      training: { batchSize: 16, epochs: 1, learningRate: 0.01 },
    });
    expect(await main(['run', writeFile(at(6)), '--out', folder])).toBe(0);
    expect(await main(['run', writeFile(at(7)), '--out', `${folder}/`])).toBe(0);
    expect(readdirSync(join(folder, 'trained'))).toEqual(['layer-7-position-last']);
    const written = log.mock.calls.flat().filter((line) => String(line).startsWith('\nWritten: '));
    const names = ['result.json', 'curves.csv', 'curves.svg', 'trained/layer-7-position-last'];
    expect(written[1]).toBe(`\nWritten: ${names.map((name) => join(folder, name)).join(', ')}`);
  } finally {
    log.mockRestore();
  }
});

test('a folder that is a file is refused before anything runs', async () => {
  const complained = printed('error');
  try {
    const file = writeFile(short());
    expect(await main(['run', file, '--out', file])).toBe(2);
    expect(complained.mock.calls.flat().join()).toContain(`The results cannot be written to '${file}'`);
  } finally {
    complained.mockRestore();
  }
});

test('an alignment that cannot be run says what is wrong', async () => {
  const complained = printed('error');
  try {
    const run = (content: object, ...words: readonly string[]) =>
      main(['run', writeFile(content), '--out', join(out, 'bad'), ...words]);
    const { data, ...rest } = short();
    expect(await run({ ...rest, data }, '--metric', 'probability')).toBe(1);
    expect(await run({ ...rest, data: data.map((example) => ({ ...example, label: ' she was' })) })).toBe(1);
    expect(await run({ ...rest, data: data.slice(0, 10) })).toBe(1);
    expect(complained.mock.calls.flat()).toEqual([
      'An alignment has one measure, the interchange intervention accuracy; leave --metric out.',
      `All 48 examples to train with have the label " she was", so any intervention that always gives it is right. Add examples of another label.`,
      "'training.batchSize' is 16, but only 8 examples are left to train with. Give at most 8.",
    ]);
  } finally {
    complained.mockRestore();
  }
});
