import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { readFinetuneExperiment } from '../experiments/finetune/experiment.ts';
import { finetuneKind } from '../experiments/finetune/kind.ts';
import { readFinetuneResult } from '../experiments/finetune/result.ts';
import { main } from './main.ts';

const folder = new URL('../../examples/finetune/', import.meta.url);
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, folder), 'utf8'));

let out: string;
beforeAll(() => {
  out = mkdtempSync(join(tmpdir(), 'patchbay-'));
});
afterAll(() => rmSync(out, { recursive: true }));

test('the stored result: one direction, taught on 50 landmarks, makes the model answer the country of the others', () => {
  const experiment = readFinetuneExperiment(read('country.json'));
  const stored = readFinetuneResult(read('results/country.json'));
  expect(stored.experiment).toEqual(experiment);
  expect(stored.notices).toEqual([]);
  expect(finetuneKind.isComplete(stored)).toBe(true);
  expect([stored.trainCount, stored.tested.length, stored.before.test.match]).toEqual([50, 123, 0]);
  const [loreft] = stored.adapters;
  expect(loreft?.parameterCount).toBe(257);
  expect(loreft?.final?.test.match).toBeGreaterThan(0.95);
  // No landmark that is tested was taught.
  const taught = new Set(experiment.data.map(({ prompt }) => prompt));
  expect(experiment.testData?.filter(({ prompt }) => taught.has(prompt))).toEqual([]);
});

test('patchbay run trains its LoReFT to the stored numbers, and writes curves, answers and a folder for pyreft', async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  const error = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  try {
    const experiment = readFinetuneExperiment(read('country.json'));
    const file = join(out, 'file.json');
    writeFileSync(file, JSON.stringify({ ...experiment, adapters: experiment.adapters.slice(0, 1) }));
    expect(await main(['run', file, '--out', join(out, 'run')])).toBe(0);
    const stored = readFinetuneResult(read('results/country.json')).adapters[0];
    const made = readFinetuneResult(JSON.parse(readFileSync(join(out, 'run', 'result.json'), 'utf8')));
    const [again] = made.adapters;
    expect(again?.steps.loss[0]).toBeCloseTo(stored?.steps.loss[0] ?? Number.NaN, 3);
    expect(again?.final?.test.match).toBeCloseTo(stored?.final?.test.match ?? Number.NaN, 1);
    expect(Math.abs((again?.final?.test.loss ?? 9) - (stored?.final?.test.loss ?? 0))).toBeLessThan(0.005);
    const lines = readFileSync(join(out, 'run', 'answers.csv'), 'utf8')
      .trim()
      .split('\n');
    expect(lines).toHaveLength(1 + 2 * 123);
    expect(log.mock.calls.flat().join('\n')).toContain('LoReFT, rank 1, layer 3, last 1');
    const trained = join(out, 'run', 'trained', 'adapter-1-LoReFT-rank-1-layer-3-last-1');
    const config = JSON.parse(readFileSync(join(trained, 'config.json'), 'utf8'));
    expect(config.intervention_types).toEqual(["<class 'pyreft.interventions.LoreftIntervention'>"]);
    expect(
      readFileSync(join(trained, 'intkey_layer_3_comp_block_output_unit_pos_nunit_1#0.bin')).length,
    ).toBeGreaterThan(0);
  } finally {
    log.mockRestore();
    error.mockRestore();
  }
});
