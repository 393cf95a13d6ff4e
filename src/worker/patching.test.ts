import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Tokenizer } from '../checkpoint/checkpoint.ts';
import { openFolder } from '../checkpoint/openNode.ts';
import { readAttributeExperiment } from '../experiments/attribute/experiment.ts';
import { completeAttribution, resolveAttribution } from '../experiments/attribute/work.ts';
import { readInterveneExperiment } from '../experiments/intervene/experiment.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { Model } from '../runtime/model.ts';
import { createEngine } from './engine.ts';
import { losingDevice } from './losingDevice.ts';
import { forgetEarliest, meanActivation } from './patching.ts';
import type { ModelSource } from './protocol.ts';

const root = `${import.meta.dirname}/../../`;
const atlas: ModelSource = {
  kind: 'files',
  files: ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'].map(
    (name) => new File([new Uint8Array(readFileSync(`${root}models/tiny-atlas/${name}`))], name),
  ),
};
const base = 'The Louvre Museum is in downtown';
const source = 'The Prado Museum is in downtown';
const intervention = (fields: object) =>
  readInterveneExperiment({
    kind: 'intervene',
    version: 1,
    model: 'tiny-atlas',
    base,
    sources: [source],
    ...fields,
  });

test('an intervention gives the source’s prediction, again and on a device that was lost', async () => {
  const { chosen, opened, runs } = losingDevice();
  const engine = createEngine(chosen);
  await engine.loadModel(atlas);
  const experiment = intervention({
    configuration: { layer: 0, component: 'block_input' },
    unitLocations: { 'sources->base': { positions: [1, 2] } },
  });
  const quick = await engine.intervene(experiment, { isWhole: false });
  expect(quick.later).toEqual([]);
  expect([quick.before[0]?.text, quick.after[0]?.text]).toEqual([' Paris', ' Madrid']);
  const whole = await engine.intervene(experiment);
  expect(whole.later.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5, 6]);
  // A product of other sizes adds in another order.
  expect(whole.after.map(({ id }) => id)).toEqual(quick.after.map(({ id }) => id));
  expect(whole.measured.intervened.logSumExp[0]).toBeCloseTo(quick.measured.intervened.logSumExp[0] ?? 0, 4);
  const places = [0, 1, 2, 3, 4, 5, 6];
  const answer = quick.answer.id;
  const request = { base, source, places, component: 'block_output', answer, distractor: null };
  const before = await engine.estimateSockets(request);
  expect(opened).toHaveLength(1);

  const losing = losingDevice(Math.floor(runs() / 2));
  const other = createEngine(losing.chosen);
  await other.loadModel(atlas);
  expect(await other.intervene(experiment, { isWhole: false })).toEqual(quick);
  expect(await other.intervene(experiment)).toEqual(whole);
  expect((await other.estimateSockets(request)).values).toEqual(before.values);
  expect(losing.opened).toHaveLength(2);
});

test('estimates of sockets are those of the attribute kind, text and answers as a person gives them', async () => {
  const engine = createEngine(losingDevice().chosen);
  await engine.loadModel(atlas);
  const checkpoint = await openFolder(`${root}models/tiny-atlas`);
  const experiment = readAttributeExperiment({
    kind: 'attribute',
    version: 1,
    model: 'tiny-atlas',
    pairs: [{ clean: source, corrupted: base, answer: ' Madrid', distractor: ' Paris' }],
    components: ['block_output'],
    compare: false,
  });
  const backend = createNodeBackend(1);
  const model = await Model.load(checkpoint, backend);
  const attribution = resolveAttribution(model.architecture, await checkpoint.tokenizer(), experiment);
  const { panels, pairs, baselines } = await completeAttribution(model, attribution);
  const [pair] = pairs;
  const found = await engine.estimateSockets({
    base,
    source,
    places: [0, 1, 2, 3, 4, 5, 6],
    component: 'block_output',
    answer: pair?.answer.id ?? 0,
    distractor: pair?.distractor?.id ?? null,
  });
  const named = { base, source, places: [0, 1, 2, 3, 4, 5, 6], component: 'block_output' };
  const ofTexts = await engine.estimateSockets({ ...named, answer: ' Madrid', distractor: ' Paris' });
  expect(ofTexts.values).toEqual(found.values);
  await expect(engine.estimateSockets({ ...named, answer: 1e6, distractor: null })).rejects.toThrow(
    'Token 1000000, the answer, does not exist',
  );
  expect(found.shape).toEqual([8, 7]);
  expect([...found.values]).toEqual(panels[0]?.attributions);
  expect(found.baselines).toEqual({ base: baselines?.corrupted, source: baselines?.clean });
  await model.dispose();
  await checkpoint.close();
  await backend.close();
});

test('a mean over prompts is the mean of what is collected there', async () => {
  const engine = createEngine(losingDevice().chosen);
  await engine.loadModel(atlas);
  const place = { component: 'head_attention_value_output', layer: 3, head: 2 };
  const collect = async (text: string): Promise<readonly number[]> => {
    const { collected } = await engine.intervene(
      intervention({
        base: text,
        sources: [],
        configuration: {
          layer: place.layer,
          component: place.component,
          unit: 'h.pos',
          intervention_type: 'CollectIntervention',
        },
        unitLocations: { base: { heads: [place.head], positions: [6] } },
      }),
    );
    return collected[0]?.data ?? [];
  };
  const [a, b] = [await collect(base), await collect(source)];
  const mean = await engine.meanActivation({ prompts: [base, source], ...place, at: 'last' });
  expect(mean).toHaveLength(32);
  mean.forEach((value, i) => {
    expect(value).toBeCloseTo(((a[i] ?? 0) + (b[i] ?? 0)) / 2, 5);
  });
  await expect(engine.meanActivation({ prompts: [''], ...place, at: 'all' })).rejects.toThrow(
    'Prompt 1 has no tokens',
  );
  await expect(engine.meanActivation({ prompts: [base], ...place, head: null, at: 'all' })).rejects.toThrow(
    "'head_attention_value_output' has 4 heads",
  );
});

test('the embedding of a word is its own, whatever the tokenizer puts around a text', async () => {
  const checkpoint = await openFolder(`${root}models/tiny-atlas`);
  const own = await checkpoint.tokenizer();
  const [separator = 0] = own.encode('.');
  const tokenizer: Tokenizer = {
    ...own,
    encode: (text, options) => [
      ...own.encode(text, options),
      ...(options?.addSpecialTokens === false ? [] : [separator]),
    ],
  };
  const backend = createNodeBackend(1);
  const model = await Model.load(checkpoint, backend);
  const embedding = (text: string, by: Tokenizer, addSpecialTokens: boolean) =>
    meanActivation(
      {
        prompts: [text],
        component: 'embedding_output',
        layer: null,
        head: null,
        at: 'last',
        addSpecialTokens,
      },
      {},
      { model, tokenizer: by, source: atlas },
    );
  const expected = await embedding(' Paris', own, false);
  expect(await embedding(' Paris', tokenizer, false)).toEqual(expected);
  expect(await embedding(' Paris', tokenizer, true)).not.toEqual(expected);
  await model.dispose();
  await checkpoint.close();
  await backend.close();
});

test('a model that reads more than a text makes no vector of lines of it, and says so', async () => {
  const checkpoint = await openFolder(`${root}src/cli/conformance/expected/t5-gated/model`);
  const texts = await openFolder(`${root}models/tiny-atlas`);
  const tokenizer = await texts.tokenizer();
  const backend = createNodeBackend(1);
  const model = await Model.load(checkpoint, backend);
  const request = { prompts: ['a'], component: 'embedding_output', layer: null, head: null } as const;
  await expect(
    meanActivation({ ...request, at: 'last' }, {}, { model, tokenizer, source: atlas }),
  ).rejects.toThrow('A t5 model reads more than a text, so lines of text alone give no vector of it.');
  await model.dispose();
  await texts.close();
  await checkpoint.close();
  await backend.close();
});

test('remembered logits are bounded by their bytes, the latest staying', () => {
  const known = new Map([
    ['a', new Float32Array(4)],
    ['b', new Float32Array(2)],
    ['c', new Float32Array(1)],
  ]);
  forgetEarliest(known, 28);
  expect([...known.keys()]).toEqual(['a', 'b', 'c']);
  forgetEarliest(known, 27);
  expect([...known.keys()]).toEqual(['b', 'c']);
  forgetEarliest(known, 0);
  expect([...known.keys()]).toEqual(['c']);
});
