// An engine on devices that are full, and stay full once they were.

import { expect, test } from 'vitest';
import { smallGguf } from '../checkpoint/expected/smallFiles.ts';
import { type Backend, OutOfMemoryError } from '../runtime/backends/backend.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import type { ChosenDevice } from './device.ts';
import { createEngine } from './engine.ts';

/** Devices that take a prompt of so many tokens at most; whatever is run after a longer one fails as well. */
function smallDevices(mostTokens: number) {
  const opened: Backend[] = [];
  const closed: Backend[] = [];
  const open = async (): Promise<Backend> => {
    const inner = createNodeBackend(1);
    let isFull = false;
    const compile = async (...given: Parameters<Backend['compile']>) => {
      const program = await inner.compile(...given);
      return {
        ...program,
        run: async (inputs: Parameters<typeof program.run>[0]) => {
          isFull ||= (inputs.positions?.shape[0] ?? 0) > mostTokens;
          if (isFull) throw new OutOfMemoryError('The GPU has no room for this.');
          return program.run(inputs);
        },
      };
    };
    const close = async () => {
      closed.push(backend);
      await inner.close();
    };
    const changed: Readonly<Record<PropertyKey, unknown>> = { compile, close };
    const backend: Backend = new Proxy(inner, {
      get: (target, key) => {
        if (Object.hasOwn(changed, key)) return changed[key];
        const member: unknown = Reflect.get(target, key, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    opened.push(backend);
    return backend;
  };
  const info = { backend: 'wasm', threads: 1, reason: 'A test.' } as const;
  const chosen: Promise<ChosenDevice> = Promise.resolve({ info, open });
  return { chosen, opened, closed };
}

const load = (engine: ReturnType<typeof createEngine>) =>
  engine.loadModel({ kind: 'files', files: [new File([new Uint8Array(smallGguf('llama'))], 'llama.gguf')] });

test('when nothing is left to give up a shorter prompt is run all the same, and each device is closed', async () => {
  const short = 'The quick';
  const steady = createEngine(smallDevices(Number.POSITIVE_INFINITY).chosen);
  await load(steady);
  const expected = await steady.predict(short);
  const { chosen, opened, closed } = smallDevices(expected.tokens.length);
  const engine = createEngine(chosen);
  await load(engine);
  await expect(engine.predict('The quick brown fox jumps over the lazy dog')).rejects.toThrow(
    'The GPU has no room for this.',
  );
  // Batches of a quarter and of a sixteenth, packed weights and streamed ones.
  expect(opened).toHaveLength(5);
  expect(closed).toHaveLength(5);
  const found = await engine.predict(short);
  expect(opened).toHaveLength(6);
  expect(found.candidates.map(({ id }) => id)).toEqual(expected.candidates.map(({ id }) => id));
});
