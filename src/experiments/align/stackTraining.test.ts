// Alignments of models that read more than a text, against PyTorch in float64: losses of four steps and the parameters after
// them. What PyTorch computed lies in `expected/stacks.expected.json`, by the test's own calls; where `PATCHBAY_PYTHON` names an
// interpreter it is computed again, and the file is written when it is missing.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { createWasmBackendOnNode } from '../../runtime/backends/wasmBackendOnNode.ts';
import type { RowSource, RowStart } from '../../runtime/plan/plan.ts';
import type { ResolvedPrompt } from '../resolvedPrompt.ts';
import { forced, labelPositions } from '../teacherForcing.ts';
import {
  alignmentOf,
  cases,
  modelOn,
  openedModels,
  picturesOf,
  type StackCase,
  trainedOn,
} from './expected/stackAlignments.ts';
import { interchanged, type ResolvedExample } from './resolveExamples.ts';
import { partsOf } from './sites.ts';
import { stepsOf, temperatureAfter } from './siteTraining.ts';
import { trainableOf } from './trainable.ts';

const python = process.env.PATCHBAY_PYTHON;
const stored = new URL('expected/stacks.expected.json', import.meta.url);

type Numbers = Readonly<Record<string, readonly number[]>>;
interface Trained {
  readonly losses: readonly number[];
  readonly parameters: Numbers;
}

const backends = new Map<string, Backend>();
const models = openedModels();
beforeAll(async () => {
  backends.set('node', createNodeBackend(1));
  backends.set('wasm', await createWasmBackendOnNode(1));
});
afterAll(async () => {
  await models.close();
  for (const backend of backends.values()) {
    expect(backend.liveTensors).toBe(0);
    await backend.close();
  }
});

function backendNamed(name: string): Backend {
  const found = backends.get(name);
  if (!found) throw new Error(`There is no backend ${name}.`);
  return found;
}

/** How a row starts, its numbers by their place among those of the model. */
function startOf(start: RowStart | RowSource, data: readonly Float32Array[]): object {
  if (start.kind === 'input') return { data: data.indexOf(start.data) };
  if (start.kind !== 'tokens') throw new Error('A prompt does not fork.');
  const { tokens, source } = start;
  return { tokens, ...(source ? { source: startOf(source, data) } : {}) };
}

/** What PyTorch is asked for. */
async function callOf(given: StackCase) {
  const model = await modelOn(models, given.model, backendNamed('node'));
  const align = alignmentOf(model.architecture, given);
  const [site] = align.sites;
  if (!site) throw new Error('There is no site.');
  const parts = partsOf(align, site);
  const data = picturesOf(model.architecture);
  const { training } = align.experiment;
  const total = stepsOf(align.train.length, training);
  const trained = trainableOf(align.experiment, parts).trained;
  const rowOf = ({ start }: ResolvedPrompt) => startOf(start, data.numbers);
  const exampleOf = (example: ResolvedExample) => ({
    base: rowOf(forced(example.base, example.label)),
    sources: parts.map(({ sourceOf }) => rowOf(sourceOf(example))),
    places: parts.map(({ placeOf }) => [placeOf(example).base, placeOf(example).source]),
    watched: labelPositions(interchanged(example)),
    label: example.label.ids,
  });
  const halves = [align.train.slice(0, 3), align.train.slice(3)];
  return {
    model: given.model,
    shape: data.shape,
    data: data.numbers.map((numbers) => [...numbers]),
    parts: parts.map(({ site: { component, layer, heads } }) => ({
      component,
      layer,
      ...(heads
        ? {
            heads,
            head_width: model.architecture.components.find(({ name }) => name === component)?.width,
          }
        : {}),
    })),
    type: align.experiment.intervention.type,
    optimizer: training.optimizer,
    initial: Object.fromEntries(
      Object.entries(trained).map(([name, { data: numbers, shape }]) => [name, [[...numbers], shape]]),
    ),
    steps: [...halves, ...halves].map((batch, step) => ({
      examples: batch.map(exampleOf),
      rate: training.learningRate,
      temperature: temperatureAfter(step, total, training),
    })),
  };
}

/** What PyTorch makes of calls. */
function inPyTorch(calls: readonly object[]): readonly Trained[] {
  const out = mkdtempSync(join(tmpdir(), 'patchbay-'));
  try {
    writeFileSync(join(out, 'calls.json'), JSON.stringify(calls));
    const script = fileURLToPath(new URL('expected/train_stacks.py', import.meta.url));
    const printed = execFileSync(python ?? '', [script, join(out, 'calls.json')], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return printed
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  } finally {
    rmSync(out, { recursive: true });
  }
}

function close(found: Trained, right: Trained | undefined, digits: number): void {
  if (!right) throw new Error('There is nothing to compare with.');
  expect(found.losses).toHaveLength(right.losses.length);
  right.losses.forEach((loss, at) => {
    expect(found.losses[at]).toBeCloseTo(loss, digits);
  });
  expect(Object.keys(found.parameters).toSorted()).toEqual(Object.keys(right.parameters).toSorted());
  for (const [name, numbers] of Object.entries(right.parameters))
    numbers.forEach((number, at) => {
      expect(found.parameters[name]?.[at]).toBeCloseTo(number, digits);
    });
}

let expected: readonly Trained[];
beforeAll(async () => {
  const calls: object[] = [];
  for (const each of cases) calls.push(await callOf(each));
  const computed = python === undefined ? undefined : inPyTorch(calls);
  if (computed && !existsSync(stored))
    writeFileSync(stored, `${JSON.stringify({ calls, trained: computed })}\n`);
  const file: { readonly calls: unknown; readonly trained: readonly Trained[] } = JSON.parse(
    readFileSync(stored, 'utf8'),
  );
  // What was computed is of these very calls.
  expect(JSON.parse(JSON.stringify(calls))).toEqual(file.calls);
  expected = file.trained;
  computed?.forEach((each, at) => {
    close(each, file.trained[at], 9);
  });
}, 180_000);

const titles = cases.map(({ model, site, jointly = [], training }, index) => ({
  index,
  title: `${[site, ...jointly].map(({ component }) => component).join(' and ')} of ${model}, ${training.optimizer}`,
}));
describe.each(['node', 'wasm'])('on %s', (backend) => {
  test.each(titles)('an alignment at $title takes the steps that PyTorch takes', async ({ index }) => {
    const given = cases[index];
    if (!given) throw new Error('There is no such case.');
    const found = await trainedOn(await modelOn(models, given.model, backendNamed(backend)), given);
    close(found, expected[index], 4);
    // A wrong step would show.
    const moved = Object.entries(found.parameters).some(([name, numbers]) =>
      numbers.some((number, at) => Math.abs(number - (found.initial[name]?.[at] ?? 0)) > 1e-3),
    );
    expect(moved).toBe(true);
  });
});
