import { expect, test } from 'vitest';
import { describeArchitecture } from '../architectures/registry.ts';
import type { Checkpoint, ModelConfiguration } from '../checkpoint/checkpoint.ts';
import { type Backend, BackendError, OutOfMemoryError } from './backends/backend.ts';
import { createNodeBackend } from './backends/nodeBackend.ts';
import { weightedEntries } from './backward/objectives.ts';
import { tinyCheckpoint, tinyConfigurations, tinyT5 } from './fixtures/tinyCheckpoint.ts';
import { Model } from './model.ts';
import { firstLayers } from './rehearsal.ts';
import { lessRoom, wholeRoom } from './weights/room.ts';

const { llama } = tinyConfigurations;
const tokens = [3, 14, 15, 9, 26];
const deep = { ...llama, num_hidden_layers: 4 };

const logits = async (model: Model, signal?: AbortSignal): Promise<readonly number[]> => {
  const [read] = await model.run(
    {
      rows: [{ start: { kind: 'tokens', tokens }, edits: [] }],
      reads: [
        {
          row: 0,
          site: { component: 'logits', layer: null },
          location: { positions: [tokens.length - 1] },
        },
      ],
    },
    signal ? { signal } : {},
  );
  return [...(read?.value?.data ?? [])];
};

/** A checkpoint of which a tensor does not arrive until it is let go. */
function heldUp(config: ModelConfiguration, held: (name: string) => boolean) {
  const inner = tinyCheckpoint(config);
  const read: string[] = [];
  let letGo: () => void = () => undefined;
  const gone = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const checkpoint: Checkpoint = {
    ...inner,
    read: async (name, signal) => {
      if (held(name)) await gone;
      signal?.throwIfAborted();
      read.push(name);
      return inner.read(name, signal);
    },
  };
  return { checkpoint, read, letGo: () => letGo() };
}

test('the first layers run while the others arrive, and the graphs are the whole model’s', async () => {
  const backend = createNodeBackend(1);
  const plain = await Model.load(tinyCheckpoint(deep), backend);
  const expected = await logits(plain);
  await plain.dispose();
  const { checkpoint, letGo } = heldUp(deep, (name) => name.includes('layers.3.'));
  let ran: readonly number[] = [];
  const layers: number[] = [];
  const model = await Model.load(checkpoint, backend, {
    rehearse: async (first) => {
      layers.push(first.architecture.layerCount);
      ran = await logits(first);
      letGo();
    },
  });
  await model.rehearsal.over;
  expect(layers).toEqual([2]);
  expect(ran.every(Number.isFinite)).toBe(true);
  expect(ran).not.toEqual(expected);
  const programs = backend.livePrograms;
  expect(programs).toBeGreaterThan(0);
  expect(await logits(model)).toEqual(expected);
  expect(backend.livePrograms).toBe(programs);
  await model.dispose();
  expect([backend.liveTensors, backend.livePrograms]).toEqual([0, 0]);
  await backend.close();
});

test('a load does not wait for it, and a run takes its turn between its runs', async () => {
  const backend = createNodeBackend(1);
  let runs = 0;
  const model = await Model.load(tinyCheckpoint(deep), backend, {
    rehearse: async (first, signal) => {
      while (!signal.aborted) {
        await logits(first, signal);
        runs += 1;
      }
    },
  });
  const before = runs;
  const seen = await logits(model);
  expect(seen).toHaveLength(deep.vocab_size);
  await logits(model);
  expect(runs).toBeGreaterThan(before);
  await model.dispose();
  const after = runs;
  await new Promise((resolve) => setImmediate(resolve));
  expect(runs).toBe(after);
  expect([backend.liveTensors, backend.livePrograms]).toEqual([0, 0]);
  await backend.close();
});

test('it ends with a load that is cancelled or fails, and leaves nothing', async () => {
  const backend = createNodeBackend(1);
  const controller = new AbortController();
  const { checkpoint, letGo } = heldUp(deep, (name) => name.includes('layers.3.'));
  let isOver = false;
  const forever = async (first: Model, signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      await logits(first);
      controller.abort();
      letGo();
    }
    isOver = true;
  };
  const cancelled = Model.load(checkpoint, backend, { signal: controller.signal, rehearse: forever });
  await expect(cancelled).rejects.toThrow('abort');
  expect(isOver).toBe(true);
  expect([backend.liveTensors, backend.livePrograms]).toEqual([0, 0]);
  await backend.close();
});

test('what the device refuses of it fails the load; that its numbers are none does not', async () => {
  const backend = createNodeBackend(1);
  const { checkpoint, letGo } = heldUp(deep, (name) => name.includes('layers.3.'));
  const refused = Model.load(checkpoint, backend, {
    rehearse: async () => {
      letGo();
      throw new BackendError('The GPU refused a part of the work.');
    },
  });
  await expect(refused).rejects.toThrow('The GPU refused a part of the work.');
  expect(backend.liveTensors).toBe(0);
  const model = await Model.load(tinyCheckpoint(deep), backend, {
    rehearse: async () => {
      throw new Error('The numbers of two layers are not finite.');
    },
  });
  expect(await logits(model)).toHaveLength(deep.vocab_size);
  await model.dispose();
  await backend.close();
});

/** A device that computes until it is told to refuse, and refuses what runs then, once. */
function refusing(inner: Backend) {
  let refusal: Error | undefined;
  let running: (() => void) | undefined;
  let goOn: Promise<void> | undefined;
  const compile = async (...given: Parameters<Backend['compile']>) => {
    const program = await inner.compile(...given);
    return {
      ...program,
      run: async (inputs: Parameters<typeof program.run>[0]) => {
        running?.();
        await goOn;
        const told = refusal;
        refusal = undefined;
        if (told) throw told;
        return program.run(inputs);
      },
    };
  };
  const backend: Backend = new Proxy(inner, {
    get: (target, key) => {
      if (key === 'compile') return compile;
      const member: unknown = Reflect.get(target, key, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  return {
    backend,
    refuse: (error: Error) => {
      refusal = error;
    },
    /** @returns when something runs; and what lets that go on */
    hold: () => {
      let letGo: () => void = () => undefined;
      goOn = new Promise((resolve) => {
        letGo = resolve;
      });
      const isRunning = new Promise<void>((resolve) => {
        running = resolve;
      });
      return { isRunning, letGo: () => letGo() };
    },
  };
}

test('what the device refuses a run of it that outlasts the load fails the next run: it may have been a weight', async () => {
  const inner = createNodeBackend(1);
  const { backend, refuse, hold } = refusing(inner);
  const { isRunning, letGo } = hold();
  const { checkpoint, letGo: arrive } = heldUp(deep, (name) => name.includes('layers.3.'));
  void isRunning.then(arrive);
  const model = await Model.load(checkpoint, backend, { rehearse: (first) => logits(first) });
  refuse(new BackendError('The GPU refused a part of the work.'));
  letGo();
  await expect(logits(model)).rejects.toThrow('The GPU refused a part of the work.');
  await model.dispose();
  expect([inner.liveTensors, inner.livePrograms]).toEqual([0, 0]);
  await inner.close();
});

test('what the device refuses a run of it that begins after the load is nobody’s', async () => {
  const inner = createNodeBackend(1);
  const { backend, refuse } = refusing(inner);
  let goOn: () => void = () => undefined;
  const isLoaded = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const model = await Model.load(tinyCheckpoint(deep), backend, {
    rehearse: async (first) => {
      await isLoaded;
      await logits(first);
    },
  });
  refuse(new BackendError('The GPU refused a part of the work.'));
  goOn();
  await model.rehearsal.over;
  expect(await logits(model)).toHaveLength(deep.vocab_size);
  await model.dispose();
  await inner.close();
});

test.each<readonly [string, (model: Model) => Promise<unknown>]>([
  [
    'gradients end it before they are computed',
    (model) => {
      const location = { positions: [tokens.length - 1] };
      const term = { row: 0, site: { component: 'logits', layer: null }, location };
      return model.gradients({
        rows: [{ start: { kind: 'tokens', tokens }, edits: [] }],
        terms: [{ ...term, ...weightedEntries([[{ entry: 7, factor: 1 }]]) }],
        at: [{ row: 0, site: { component: 'block_output', layer: 1 }, location }],
      });
    },
  ],
  ['a training ends it before it allocates', (model) => model.trainingPrograms()],
])('%s, so that nobody else hears what the device refuses of a training', async (_, work) => {
  const backend = createNodeBackend(1);
  let isOver = false;
  const model = await Model.load(tinyCheckpoint(deep), backend, {
    rehearse: async (first, signal) => {
      while (!signal.aborted) await logits(first);
      isOver = true;
    },
  });
  expect(isOver).toBe(false);
  await work(model);
  expect(isOver).toBe(true);
  await model.dispose();
  await backend.close();
});

test('a load that had no room while it ran is to be tried without it before weights wait elsewhere', async () => {
  const backend = createNodeBackend(1);
  const { checkpoint, letGo } = heldUp(deep, (name) => name.includes('layers.3.'));
  let rehearsed = 0;
  const rehearse = async () => {
    rehearsed += 1;
    letGo();
    throw new OutOfMemoryError('The GPU has no room for this.');
  };
  const full: unknown = await Model.load(checkpoint, backend, { rehearse }).catch((error: unknown) => error);
  if (!(full instanceof OutOfMemoryError)) throw new Error('The load was to fail for want of memory.');
  const room = lessRoom(wholeRoom, full);
  expect(room).toEqual({ ...wholeRoom, isUnrehearsed: true });
  const model = await Model.load(tinyCheckpoint(deep), backend, { rehearse, ...(room ? { room } : {}) });
  expect(rehearsed).toBe(1);
  expect([model.residency, model.room.batchShare]).toEqual(['expanded', 1]);
  await model.dispose();
  await backend.close();
});

test('where it alone had no room once the weights were there, no batch is made smaller', async () => {
  const backend = createNodeBackend(1);
  const full = new OutOfMemoryError('The GPU has no room for this.');
  let goOn: () => void = () => undefined;
  const isLoaded = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const model = await Model.load(tinyCheckpoint(deep), backend, {
    rehearse: async () => {
      await isLoaded;
      throw full;
    },
  });
  expect(lessRoom(model.room, full, model)?.batchShare).toBe(1 / 4);
  goOn();
  await model.rehearsal.over;
  const room = lessRoom(model.room, full, model);
  expect(room).toEqual({ ...wholeRoom, isUnrehearsed: true });
  await model.dispose();
  await backend.close();
});

test('weights of the first layers and the head are read first, the others in their order', async () => {
  const backend = createNodeBackend(1);
  const { checkpoint, read } = heldUp(deep, () => false);
  const model = await Model.load(checkpoint, backend, { rehearse: async () => undefined });
  const layers = read.map((name) => /layers\.(\d+)/.exec(name)?.[1] ?? name);
  expect(layers.filter((layer, at) => layer !== layers[at - 1])).toEqual([
    ...['model.embed_tokens.weight', '0', '1', 'model.norm.weight', 'lm_head.weight', '2', '3'],
  ]);
  await model.dispose();
  await backend.close();
});

test('as many layers as have all graphs are the first ones; models of two stacks have none', () => {
  const count = (config: ModelConfiguration) =>
    firstLayers(describeArchitecture(config, new Set()))?.layerCount;
  expect(count({ ...llama, num_hidden_layers: 30 })).toBe(2);
  expect(count({ ...llama, num_hidden_layers: 1 })).toBe(1);
  const gemma = {
    ...llama,
    model_type: 'gemma3_text',
    num_hidden_layers: 12,
    head_dim: 4,
    sliding_window: 3,
    sliding_window_pattern: 6,
  };
  expect(count(gemma)).toBe(6);
  expect(count(tinyT5)).toBeUndefined();
});
