// What every kind keeps to, whichever it is: its units, its growth, its files.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeArchitecture } from '../architectures/registry.ts';
import { smallTokenBytes } from '../imported/fixtures/smallTokenOnnx.ts';
import type { Backend } from '../runtime/backends/backend.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../runtime/model.ts';
import { experimentsOfKinds as files } from './fixtures/experimentsOfKinds.ts';
import { type OpenedOnnx, openedOnnx } from './fixtures/openedOnnx.ts';
import { toyKind } from './fixtures/toyKind.ts';
import type { AnyResult, ReadyExperiment, RunOptions, Update } from './kind.ts';
import { kindNames, kindOf, readExperiment, readResult } from './registry.ts';

/** A model that the kind is of. */
async function openFor(name: string, backend: Backend): Promise<Pick<OpenedOnnx, 'model' | 'close'>> {
  if (name === 'tensors') return openedOnnx('small.onnx', smallTokenBytes(), backend);
  const model = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), backend);
  return { model, close: () => model.dispose() };
}

describe.each(Object.keys(files))('%s', (name) => {
  let backend: Backend;
  let model: Model;
  let close: () => Promise<void>;
  let ready: ReadyExperiment;
  let units: readonly string[];
  let whole: AnyResult;
  beforeAll(async () => {
    backend = createNodeBackend(1);
    ({ model, close } = await openFor(name, backend));
    const kind = await kindOf(name);
    ready = await kind.resolve(model.architecture, undefined, await readExperiment(files[name]));
    ({ units } = ready.estimate());
    whole = await run();
  });
  afterAll(async () => {
    await close();
    expect(backend.liveTensors).toBe(0);
    await backend.close();
  });

  /** As a page sees it: every update and result a clone. */
  async function run(options: RunOptions = {}): Promise<AnyResult> {
    const growth = (await kindOf(name)).growth();
    for await (const update of ready.run(model, options)) growth.take(structuredClone(update));
    if (!growth.result) throw new Error('The run gave no result.');
    return readResult(JSON.parse(JSON.stringify(growth.result)));
  }

  test('half of the units and the other half, each run alone, are the whole to the last bit', async () => {
    const kind = await kindOf(name);
    expect(units.length).toBeGreaterThan(1);
    expect(new Set(units).size).toBe(units.length);
    const [even, odd] = [0, 1].map((rest) => units.filter((_, index) => index % 2 === rest));
    for (const half of [even ?? [], odd ?? []]) {
      const others = units.filter((unit) => !half.includes(unit));
      const part = await run({ leaveOut: others });
      expect(ready.unitsDone(part)).toEqual(half);
      expect(kind.isComplete(part)).toBe(false);
      // What was left out is run alone too, beside numbers that the first run gave.
      expect(await run({ earlier: part, leaveOut: half })).toEqual(whole);
    }
    expect(ready.unitsDone(whole)).toEqual(units);
    expect(kind.isComplete(whole)).toBe(true);
  });

  test('progress is the same with units left out, and its total is what was estimated', async () => {
    const { rowLayers, count } = ready.estimate();
    expect((await kindOf(name)).count(whole)).toEqual({ done: count, total: count });
    for (const leaveOut of [[], units.slice(1)]) {
      const seen: number[] = [];
      const onProgress = (done: number, total: number) => {
        expect(total).toBe(rowLayers);
        seen.push(done);
      };
      await run({ leaveOut, onProgress });
      expect(seen).toEqual([...seen].sort((a, b) => a - b));
      expect(seen.at(-1)).toBe(rowLayers);
    }
  });

  test('a run that is stopped keeps what has arrived, and goes on from there to the same numbers', async () => {
    const controller = new AbortController();
    const growth = (await kindOf(name)).growth();
    const updates: Update[] = [];
    const stopped = (async () => {
      for await (const update of ready.run(model, { signal: controller.signal })) {
        growth.take(update);
        updates.push(update);
        if (updates.length === 3) controller.abort();
      }
    })();
    await expect(stopped).rejects.toThrow('abort');
    const earlier = growth.result;
    if (!earlier) throw new Error('nothing had arrived');
    expect(await run({ earlier })).toEqual(whole);
  });

  test('a unit that the experiment does not have is refused with those that it has', async () => {
    const run = ready.run(model, { leaveOut: ['cells 0-0'] });
    await expect(run.next()).rejects.toThrow(
      `The experiment has no unit 'cells 0-0'. Its units are '${units[0]}'`,
    );
  });

  test('a file of another kind, of a newer version, or cut in half is refused with a sentence', async () => {
    const others = Object.keys(files).filter((other) => other !== name);
    const kind = await kindOf(name);
    for (const other of others) {
      const misnamed = { ...whole, experiment: await readExperiment(files[other]) };
      await expect(readResult(misnamed)).rejects.toThrow(/^This result calls itself|has panels of/);
      expect(() => kind.read(files[other])).toThrow(`The kind '${other}' is not '${name}'`);
    }
    await expect(readResult({ ...whole, version: 99 })).rejects.toThrow(
      `This '${kind.resultName}' has version 99, and this Patchbay reads up to`,
    );
    await expect(readExperiment({ ...files[name], version: 99 })).rejects.toThrow('Use a newer Patchbay.');
    const text = JSON.stringify(whole);
    const entries = Object.entries(JSON.parse(text));
    for (const half of [0.3, 0.6, 0.9]) {
      const cut = Object.fromEntries(entries.slice(0, Math.floor(entries.length * half)));
      await expect(readResult(cut)).rejects.toThrow(/./);
    }
  });
});

test('an experiment in the place of a result, and the other way round, is refused by name', async () => {
  await expect(readResult(files.trace)).rejects.toThrow("This is an experiment ('trace'), not a result.");
  await expect(readExperiment({ kind: 'trace-result', experiment: files.trace })).rejects.toThrow(
    "This is a result ('trace-result'), not an experiment.",
  );
  await expect(readResult({ kind: 'patch-result', experiment: files.trace })).rejects.toThrow(
    `This result calls itself 'patch-result', but its experiment is of kind 'trace', whose results are 'trace-result'.`,
  );
  for (const value of [null, 3, [], {}, 'trace', { kind: 3 }, { kind: 'toString' }, { kind: '__proto__' }]) {
    await expect(readExperiment(value)).rejects.toThrow(
      /^(This is not an experiment|There is no experiment)/,
    );
    await expect(readResult(value)).rejects.toThrow('This is not a result of Patchbay');
  }
});

test.each([
  [{ model_type: 't5', num_layers: 1 }, 'This t5 model reads a source beside what it writes'],
  [{ model_type: 'vit', num_hidden_layers: 1, id2label: { 0: 'cat' } }, 'This vit model reads a picture'],
  [{ model_type: 'blip', text_config: {}, vision_config: {} }, 'This blip model reads a picture'],
  [{ model_type: 'whisper', encoder_layers: 1, decoder_layers: 1 }, 'This whisper model reads a sound'],
])(
  'a kind that knows prompts of text alone refuses a model that reads more: %j',
  async (config, sentence) => {
    const architecture = describeArchitecture(config, new Set());
    const toy = toyKind.read({ kind: 'toy', version: 1, model: 'tiny', prompts: [[1]] });
    await expect(toyKind.resolve(architecture, undefined, toy)).rejects.toThrow(
      `${sentence}, and of the experiments only a causal trace`,
    );
    const tensors = (await kindOf('tensors')).resolve(
      architecture,
      undefined,
      await readExperiment(files.tensors),
    );
    await expect(tensors).rejects.toThrow('A sweep of tensors is of a model that was brought as ONNX');
  },
);

test('every kind is held to its units here, but those that are one unit whole', () => {
  expect(kindNames).toEqual([...Object.keys(files), 'intervene']);
});

test('the directions of older files are read under the names that traces have', async () => {
  const directed = async (file: object) => Reflect.get(await readExperiment(file), 'direction');
  for (const [older, direction] of [
    ['denoise', 'restore'],
    ['noise', 'corrupt'],
  ]) {
    for (const name of ['trace', 'patch', 'path'])
      expect(await directed({ ...files[name], direction: older })).toBe(direction);
  }
});
