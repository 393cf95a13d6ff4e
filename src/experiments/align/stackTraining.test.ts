// Alignments of models that read more than a text, against PyTorch in float64: losses of four steps and the parameters after
// them. What PyTorch computed lies in `expected/stacks.expected.json`, made by `expected/train_stacks.py` of the test's own calls.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RowSource, RowStart } from '../../runtime/plan/plan.ts';
import { modelsOnNodeAndWasm } from '../fixtures/openedModels.ts';
import {
  expectSteps,
  hasMoved,
  type Stepped,
  shapedNumbers,
  steppedInPyTorch,
  stepsOfRun,
} from '../fixtures/steppedInPyTorch.ts';
import type { ResolvedPrompt } from '../resolvedPrompt.ts';
import { forced, labelPositions } from '../teacherForcing.ts';
import { alignmentOf, cases, picturesOf, type StackCase } from './fixtures/stackAlignments.ts';
import { interchanged, type ResolvedExample } from './resolveExamples.ts';
import { runAlign } from './run.ts';
import { partsOf } from './sites.ts';
import { stepsOf, temperatureAfter } from './siteTraining.ts';
import { trainableOf } from './trainable.ts';

const models = await modelsOnNodeAndWasm();
afterAll(() => models.close());

/** How a row starts, its numbers by their place among those of the model. */
function startOf(start: RowStart | RowSource, data: readonly Float32Array[]): object {
  if (start.kind === 'input') return { data: data.indexOf(start.data) };
  if (start.kind !== 'tokens') throw new Error('A prompt does not fork.');
  const { tokens, source } = start;
  return { tokens, ...(source ? { source: startOf(source, data) } : {}) };
}

/** What PyTorch is asked for. */
async function callOf(given: StackCase) {
  const model = await models.on('node', given.model);
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
    initial: shapedNumbers(trained),
    steps: [...halves, ...halves].map((batch, step) => ({
      examples: batch.map(exampleOf),
      rate: training.learningRate,
      temperature: temperatureAfter(step, total, training),
    })),
  };
}

let expected: readonly Stepped[];
beforeAll(async () => {
  const calls: object[] = [];
  for (const each of cases) calls.push(await callOf(each));
  expected = steppedInPyTorch(
    new URL('expected/stacks.expected.json', import.meta.url),
    new URL('expected/train_stacks.py', import.meta.url),
    calls,
  );
}, 180_000);

const titles = cases.map(({ model, site, jointly = [], training }, index) => ({
  index,
  title: `${[site, ...jointly].map(({ component }) => component).join(' and ')} of ${model}, ${training.optimizer}`,
}));
describe.each(['node', 'wasm'])('on %s', (backend) => {
  test.each(titles)('an alignment at $title takes the steps that PyTorch takes', async ({ index }) => {
    const given = cases[index];
    if (!given) throw new Error('There is no such case.');
    const model = await models.on(backend, given.model);
    const found = await stepsOfRun(runAlign(model, alignmentOf(model.architecture, given)));
    expectSteps(found, expected[index], 4);
    expect(hasMoved(found, found.initial)).toBe(true);
  });
});
