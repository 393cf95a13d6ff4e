// Who works on a GPU while the engine loads a model: what it refuses is told once, so that nobody else may hear of a weight.

import { expect, test } from 'vitest';
import { smallGguf } from '../checkpoint/expected/smallFiles.ts';
import type { Backend } from '../runtime/backends/backend.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import type { ChosenDevice } from './device.ts';
import { createEngine } from './engine.ts';
import type { ModelSource } from './protocol.ts';

const file = (name: string): ModelSource => ({
  kind: 'files',
  files: [new File([new Uint8Array(smallGguf(name))], `${name}.gguf`)],
});

/** A device of the processor that is taken for a GPU, and what was asked of it. */
function listening() {
  const asked: ('weight of the second' | 'graph of the first' | 'run of the first')[] = [];
  /** Of the second model, once it is being loaded. */
  let vocabularySize: number | undefined;
  const open = async (): Promise<Backend> => {
    const inner = createNodeBackend(1);
    const compile = async (...given: Parameters<Backend['compile']>) => {
      const isOfFirst = vocabularySize === undefined;
      if (isOfFirst) asked.push('graph of the first');
      const program = await inner.compile(...given);
      return {
        ...program,
        run: (inputs: Parameters<typeof program.run>[0]) => {
          if (isOfFirst) asked.push('run of the first');
          return program.run(inputs);
        },
      };
    };
    const upload = (...given: Parameters<Backend['upload']>) => {
      const [, shape] = given;
      // The table of tokens is read first.
      if (shape.length === 2 && shape[0] === vocabularySize) asked.push('weight of the second');
      return inner.upload(...given);
    };
    const changed: Readonly<Record<PropertyKey, unknown>> = { kind: 'webgpu', compile, upload };
    return new Proxy(inner, {
      get: (target, key) => {
        if (Object.hasOwn(changed, key)) return changed[key];
        const member: unknown = Reflect.get(target, key, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  };
  const info = { backend: 'wasm', threads: 1, reason: 'A test.' } as const;
  const chosen: Promise<ChosenDevice> = Promise.resolve({ info, open });
  return {
    chosen,
    asked,
    next: (size: number) => {
      vocabularySize = size;
    },
  };
}

test('a model is rehearsed no more once the weights of the next one arrive', async () => {
  const { chosen, asked, next } = listening();
  const engine = createEngine(chosen);
  const { vocabularySize } = await engine.loadModel(file('llama'));
  next(vocabularySize);
  await engine.loadModel(file('llama'));
  // It was being rehearsed.
  expect(asked[0]).toBe('graph of the first');
  const begun = asked.indexOf('weight of the second');
  expect(begun).toBeGreaterThan(0);
  expect(asked.slice(begun)).not.toContain('run of the first');
});
