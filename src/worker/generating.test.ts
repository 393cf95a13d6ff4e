import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { renderChatOnNode } from '../checkpoint/chat/renderOnNode.ts';
import { smallGguf } from '../checkpoint/expected/smallFiles.ts';
import { writeWordTokenizer } from '../checkpoint/fixtures/wordTokenizer.ts';
import { openModel } from '../checkpoint/openNode.ts';
import { numbersText } from '../experiments/align/numbersText.ts';
import { spokenEdits, type TrainedText } from '../experiments/finetune/spoken.ts';
import { expectedModel } from '../experiments/fixtures/maskedModel.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { type GenerateStep, generateTexts } from '../runtime/generation/generate.ts';
import { Model } from '../runtime/model.ts';
import { createEngine } from './engine.ts';
import { writtenChat } from './generating.ts';
import type { GenerationPart, GenerationRequest } from './generationProtocol.ts';
import { losingDevice } from './losingDevice.ts';
import type { Engine } from './protocol.ts';
import { renderInWorker } from './renderInWorker.ts';

async function engineOn(losesAfter?: number) {
  const { chosen, opened, runs } = losingDevice(losesAfter);
  const engine = createEngine(chosen, {
    renderChat: async (files, request) => renderChatOnNode(files, request),
  });
  const files = [new File([new Uint8Array(smallGguf('llama'))], 'llama.gguf')];
  const { width } = await engine.loadModel({ kind: 'files', files });
  return { engine, opened, runs, width };
}

const request = (width: number): GenerationRequest => ({
  texts: [
    { prompt: { kind: 'tokens', tokens: [1, 9, 4] } },
    {
      prompt: { kind: 'tokens', tokens: [1, 9, 4] },
      steering: {
        kind: 'steering',
        version: 1,
        edits: [
          {
            component: 'block_output',
            layers: [0],
            vector: Array.from({ length: width }, (_, at) => Math.sin(at)),
            normalize: false,
            strength: 2,
            map: { kind: 'add' },
            keepNorm: false,
            specialTokens: false,
          },
        ],
      },
    },
  ],
  maxNewTokens: 8,
  sampling: { temperature: 1.2, seed: 4 },
});

/** Ids by text, and the kinds of what was handed over. */
async function collect(engine: Engine, given: GenerationRequest, stopAfter?: number) {
  const ids: number[][] = given.texts.map(() => []);
  const parts: GenerationPart[] = [];
  const stop = new AbortController();
  const running = engine.generate(given, {
    signal: stop.signal,
    onPart: (part) => {
      parts.push(part);
      if (part.kind === 'step') for (const { text, id } of part.pieces) ids[text]?.push(id);
      if (parts.length === stopAfter) stop.abort();
    },
  });
  return { ids, parts, running };
}

async function whole(engine: Engine, given: GenerationRequest) {
  const { ids, parts, running } = await collect(engine, given);
  await running;
  return { ids, parts };
}

test('texts grow side by side, and what is in force is reported first', async () => {
  const { engine, width } = await engineOn();
  const { ids, parts } = await whole(engine, request(width));
  const [started, ...steps] = parts;
  expect(started).toMatchObject({
    kind: 'started',
    texts: [{ prompt: [1, 9, 4], rendered: null, limit: { count: 8, reason: 'length' } }, {}],
    origins: { temperature: 'given', seed: 'given' },
  });
  expect(ids.map(({ length }) => length)).toEqual([8, 8]);
  expect(ids[0]).not.toEqual(ids[1]);
  expect(steps).toHaveLength(8);
  expect(steps.at(-1)).toMatchObject({
    ended: [
      { text: 0, reason: 'length' },
      { text: 1, reason: 'length' },
    ],
  });
});

test('a device that is lost in mid-sentence costs a step, and the texts are the same', async () => {
  const calm = await engineOn();
  const given = request(calm.width);
  const undisturbed = await whole(calm.engine, given);
  const { engine, opened } = await engineOn(Math.round(0.6 * calm.runs()));
  const disturbed = await whole(engine, given);
  expect(opened).toHaveLength(2);
  expect(disturbed.ids).toEqual(undisturbed.ids);
  expect(disturbed.parts.filter(({ kind }) => kind === 'started')).toHaveLength(1);
});

test('two generations at once give what each gives alone', async () => {
  const { engine, width } = await engineOn();
  const given = request(width);
  const other = { ...given, sampling: { temperature: 2, seed: 9 } };
  const together = await Promise.all([whole(engine, given), whole(engine, other)]);
  expect(together.map(({ ids }) => ids)).toEqual([
    (await whole(engine, given)).ids,
    (await whole(engine, other)).ids,
  ]);
});

test('a text does not begin on a model that was loaded after it was prepared', async () => {
  const { engine, width } = await engineOn();
  const files = [new File([new Uint8Array(smallGguf('llama'))], 'llama.gguf')];
  let loading: Promise<unknown> = Promise.resolve();
  const kinds: string[] = [];
  const running = engine.generate(request(width), {
    onPart: ({ kind }) => {
      kinds.push(kind);
      if (kind === 'started') loading = engine.loadModel({ kind: 'files', files });
    },
  });
  await expect(running).rejects.toThrow(
    'Another model was loaded before the text began. Generate it again with the model in use.',
  );
  await loading;
  expect(kinds).toEqual(['started']);
});

test('a stopped text keeps what it has said', async () => {
  const { engine, width } = await engineOn();
  const { ids, running } = await collect(engine, request(width), 4);
  await expect(running).rejects.toThrow();
  expect(ids.map(({ length }) => length)).toEqual([3, 3]);
});

test('a source is written from, and an adapter of the encoder acts on what it reads', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'patchbay-source-'));
  cpSync(expectedModel('t5-gated'), folder, { recursive: true });
  writeWordTokenizer(folder, 29);
  const files = readdirSync(folder).map((name) => new File([readFileSync(join(folder, name))], name));
  const engine = createEngine(losingDevice().chosen);
  const { width } = await engine.loadModel({ kind: 'files', files });
  const prompt = { kind: 'given', given: { prompt: 'w5 w9', target: 'w3' } } as const;
  const vector = Float32Array.from({ length: width }, (_, at) => 8 * Math.sin(at));
  const adapter: TrainedText = {
    adapter: {
      ...{ type: 'SteeringVector', component: 'encoder.block_output', layers: [1] },
      ...{ positions: 'all', sharedWeights: true },
    },
    layers: [1],
    parameters: { '0 vector': numbersText(vector, [width]) },
  };
  const given = { texts: [{ prompt }, { prompt, adapter }], maxNewTokens: 5, sampling: { temperature: 0 } };
  const { ids, parts } = await whole(engine, given);
  const started = parts.find(({ kind }) => kind === 'started');
  expect(started).toMatchObject({ texts: [{ prompt: [0, 3] }, { prompt: [0, 3] }] });
  const said = parts.flatMap((part) => (part.kind === 'step' ? part.pieces : []));
  const logsOf = (text: number) => said.filter((piece) => piece.text === text).map((p) => p.logProbability);
  expect(Math.abs((logsOf(1)[0] ?? 0) - (logsOf(0)[0] ?? 0))).toBeGreaterThan(0.01);
  // As the model writes when its rows are given to it.
  const backend = createNodeBackend(1);
  const checkpoint = await openModel(folder);
  const model = await Model.load(checkpoint, backend);
  const source = { kind: 'tokens', tokens: [5, 9] } as const;
  const row = { tokens: [0, 3], source };
  const start = { kind: 'tokens', ...row } as const;
  const edits = spokenEdits(model.architecture, adapter, { start, watched: 1 });
  const eosIds = started?.kind === 'started' ? started.eosIds : [];
  const rows = [row, { ...row, edits }];
  const logs: number[][] = rows.map(() => []);
  const onStep = ({ tokens }: GenerateStep) => {
    for (const { row: text, logProbability } of tokens) logs[text]?.push(logProbability);
  };
  const texts = await generateTexts(model, { rows, maxNewTokens: 5, eosIds }, { onStep });
  expect(texts.map(({ tokens }) => tokens)).toEqual(ids);
  expect(rows.map((_, text) => logsOf(text))).toEqual(logs);
  await model.dispose();
  await checkpoint.close();
  await backend.close();
  rmSync(folder, { recursive: true });
});

test('what cannot be generated is refused in a sentence', async () => {
  const { engine, width } = await engineOn();
  const given = request(width);
  const chat: GenerationRequest = {
    ...given,
    texts: [{ prompt: { kind: 'chat', turns: [{ role: 'user', content: 'Hi' }] } }],
  };
  await expect(engine.generate(chat)).rejects.toThrow('This model has no chat template');
  await expect(engine.generate({ ...given, stop: [''] })).rejects.toThrow('A stop string is empty');
  await expect(
    engine.generate({ ...given, texts: [{ prompt: { kind: 'text', text: '' } }] }),
  ).rejects.toThrow('there is nothing to go on from');
});

test('a chat is written down before anything is generated, without a second set of special tokens', async () => {
  const { engine } = await engineOn();
  const turns = [{ role: 'user', content: 'Hi' }];
  expect(await engine.writeChat({ turns })).toBeNull();
  const template = '{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}{{ bos_token }}';
  const written = await writtenChat(
    {
      checkpoint: {
        generationFiles: async () => ({
          generationConfig: {},
          chatTemplates: new Map([['default', template]]),
          specialTokens: { bos_token: '<s>' },
        }),
      },
      tokenizer: {
        encode: (text, options) => [text.length, options?.addSpecialTokens === false ? 0 : 1],
      },
    },
    { turns, reply: 'Yes' },
    async (given, request) => renderChatOnNode(given, request),
  );
  expect(written).toEqual({ rendered: '<|user|>Hi<s>Yes', tokens: ['<|user|>Hi<s>Yes'.length, 0] });
});

const files = { generationConfig: {}, chatTemplates: new Map([['default', 'x']]), specialTokens: {} };
const turns = [{ role: 'user', content: 'Hi' }];

/** A worker that gives an answer, or none. */
function worker(answer?: object) {
  const listeners = new Map<string, (event: Event) => void>();
  const ended = { value: false };
  const made = {
    addEventListener: (type: string, listener: (event: Event) => void) => void listeners.set(type, listener),
    postMessage: () => {
      if (answer) listeners.get('message')?.(new MessageEvent('message', { data: answer }));
      else listeners.get('error')?.(new Event('error'));
    },
    terminate: () => {
      ended.value = true;
    },
  };
  return { start: () => made, ended };
}

test('a template in a worker gives its text or its refusal, and the worker ends', async () => {
  const [good, bad, broken] = [worker({ text: 'Hi' }), worker({ refusal: 'no' }), worker()];
  expect(await renderInWorker(files, { turns }, good.start)).toBe('Hi');
  await expect(renderInWorker(files, { turns }, bad.start)).rejects.toThrow('no');
  await expect(renderInWorker(files, { turns }, broken.start)).rejects.toThrow('Reload the page.');
  expect([good, bad, broken].map(({ ended }) => ended.value)).toEqual([true, true, true]);
});
