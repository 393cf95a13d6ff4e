import { expect, test } from 'vitest';
import { smallGguf } from '../checkpoint/expected/smallFiles.ts';
import { createEngine } from './engine.ts';
import { losingDevice } from './losingDevice.ts';
import type { ModelSource, Progress } from './protocol.ts';

const file = (name: string): ModelSource => ({
  kind: 'files',
  files: [new File([new Uint8Array(smallGguf(name))], `${name}.gguf`)],
});

/** A file of a disk that can be taken away, as when the file is moved or its drive unplugged. */
class LooseFile extends File {
  isGone = false;
  override slice(...range: Parameters<File['slice']>): Blob {
    if (this.isGone) throw new Error('The requested file could not be read.');
    return super.slice(...range);
  }
}
const looseFile = (name: string): LooseFile =>
  new LooseFile([new Uint8Array(smallGguf(name))], `${name}.gguf`);

const text = 'The quick brown fox';

test('a model is loaded from a dropped file, described, and asked what comes next', async () => {
  const { chosen } = losingDevice();
  const engine = createEngine(chosen);
  const seen: Progress[] = [];
  const model = await engine.loadModel(file('llama'), { onProgress: (progress) => seen.push(progress) });
  expect(model.components.find(({ name }) => name === 'logits')?.shape).toEqual([
    'position',
    model.vocabularySize,
  ]);
  expect(model.components.find(({ name }) => name === 'block_output')?.layers).toBe(model.layerCount);
  const known = seen.filter(({ total }) => total !== null);
  expect(new Set(known.map(({ total }) => total)).size).toBe(1);
  expect(known.at(-1)?.done).toBe(known.at(-1)?.total);
  const { tokens, candidates } = await engine.predict(text, { count: 3 });
  expect(tokens.map((token) => token.text).join('')).toContain('quick');
  expect(candidates).toHaveLength(3);
  const probabilities = candidates.map(({ probability }) => probability);
  expect(probabilities).toEqual([...probabilities].sort((a, b) => b - a));
});

test('a load that fails or is cancelled leaves the model that was there', async () => {
  const { chosen, opened } = losingDevice();
  const engine = createEngine(chosen);
  await engine.loadModel(file('llama'));
  const before = await engine.predict(text);
  const held = opened[0]?.liveTensors;
  const cut: ModelSource = {
    kind: 'files',
    files: [new File([new Uint8Array(smallGguf('gpt2').slice(0, 900))], 'cut.gguf')],
  };
  await expect(engine.loadModel(cut)).rejects.toThrow('cut.gguf');
  const controller = new AbortController();
  const cancelled = engine.loadModel(file('gpt2'), {
    signal: controller.signal,
    onProgress: () => controller.abort(),
  });
  await expect(cancelled).rejects.toThrow();
  expect(opened[0]?.liveTensors).toBe(held);
  expect((await engine.predict(text)).candidates).toEqual(before.candidates);
});

test('before any model is loaded, a call says so', async () => {
  await expect(createEngine(losingDevice().chosen).predict(text)).rejects.toThrow(
    'No model is loaded. Choose one first.',
  );
});

test('an empty prompt is a sentence, and the next prompt works', async () => {
  const engine = createEngine(losingDevice().chosen);
  await engine.loadModel(file('gpt2'));
  await expect(engine.predict('')).rejects.toThrow('A row needs at least one token.');
  expect((await engine.predict(text)).candidates).toHaveLength(10);
});

test('a lost device is opened again and the call goes on with the same model', async () => {
  const steady = createEngine(losingDevice().chosen);
  await steady.loadModel(file('llama'));
  const expected = await steady.predict(text);
  const { chosen, opened } = losingDevice(2);
  const engine = createEngine(chosen);
  await engine.loadModel(file('llama'));
  const found = await engine.predict(text);
  expect(opened).toHaveLength(2);
  expect(found.candidates).toEqual(expected.candidates);
});

test('a call that is cancelled while a lost device is opened again leaves the model in use', async () => {
  const { chosen, opened } = losingDevice(2);
  const engine = createEngine(chosen);
  await engine.loadModel(file('llama'));
  const controller = new AbortController();
  const stopped = engine.predict(text, {
    signal: controller.signal,
    onProgress: ({ unit }) => unit === 'bytes' && controller.abort(),
  });
  await expect(stopped).rejects.toThrow('abort');
  expect(opened).toHaveLength(2);
  expect((await engine.predict(text)).candidates).toHaveLength(10);
});

test('a model that cannot be loaded again after its device was lost stays chosen, and comes back when it can', async () => {
  const { chosen, opened, lose } = losingDevice();
  const engine = createEngine(chosen);
  const llama = looseFile('llama');
  await engine.loadModel({ kind: 'files', files: [llama] });
  const before = await engine.predict(text);
  lose();
  llama.isGone = true;
  const again =
    /'llama.gguf' is no longer in memory and could not be loaded again: .*It was moved or changed.* It stays chosen/;
  await expect(engine.predict(text)).rejects.toThrow(again);
  await expect(engine.predict(text)).rejects.toThrow(again);
  // Prompts are read without a device.
  expect(await engine.tokenize(text)).toEqual(before.tokens);
  llama.isGone = false;
  expect((await engine.predict(text)).candidates).toEqual(before.candidates);
  expect(opened).toHaveLength(2);
});

test('a device lost while another model is loaded, which then fails, leaves the choice of the one before', async () => {
  const { chosen, opened, lose } = losingDevice();
  const engine = createEngine(chosen);
  await engine.loadModel(file('llama'));
  const before = await engine.predict(text);
  const gpt2 = looseFile('gpt2');
  const failing = engine.loadModel(
    { kind: 'files', files: [gpt2] },
    {
      onProgress: ({ total }) => {
        if (total === null) return;
        lose();
        gpt2.isGone = true;
      },
    },
  );
  await expect(failing).rejects.toThrow('It was moved or changed');
  expect((await engine.predict(text)).candidates).toEqual(before.candidates);
  expect(opened).toHaveLength(2);
});

test('two models in exchange stay within the weights budget, and a failed exchange brings the first one back', async () => {
  const llama = (await createEngine(losingDevice().chosen).loadModel(file('llama'))).weightBytes;
  const gpt2 = (await createEngine(losingDevice().chosen).loadModel(file('gpt2'))).weightBytes;
  /** Tensors on the device when the weights of the second begin to arrive, and what a cancelled exchange leaves. */
  const exchange = async (weightBytes: number) => {
    const { chosen, opened } = losingDevice();
    const engine = createEngine(chosen, { weightBytes });
    expect(await engine.loadModel(file('llama'))).toMatchObject({ weightBytes: llama });
    const before = await engine.predict(text);
    const controller = new AbortController();
    let held: number | undefined;
    const cancelled = engine.loadModel(file('gpt2'), {
      signal: controller.signal,
      onProgress: ({ total }) => {
        if (total === null) return;
        held ??= opened[0]?.liveTensors;
        controller.abort();
      },
    });
    await expect(cancelled).rejects.toThrow('abort');
    expect((await engine.predict(text)).candidates).toEqual(before.candidates);
    expect(await engine.loadModel(file('gpt2'))).toMatchObject({ weightBytes: gpt2 });
    return held;
  };
  expect(await exchange(llama + gpt2)).toBeGreaterThan(0);
  expect(await exchange(llama + gpt2 - 1)).toBe(0);
});
