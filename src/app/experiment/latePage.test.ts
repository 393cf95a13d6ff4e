import { readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import type { Engine } from '../../worker/protocol.ts';
import { alignFace } from '../align/face.ts';
import { mountAlign } from '../align/mount.ts';
import { createModelStore } from '../model/modelStore.ts';
import { noKeeper, type ResultKeeper } from './keptResults.ts';
import { createLatePage } from './latePage.ts';
import { createRunDesk } from './runDesk.ts';

const missing = () => Promise.reject(new Error('not part of this test'));
const engine: Engine = {
  device: missing,
  loadModel: missing,
  tokenize: missing,
  predict: missing,
  describeTokens: missing,
  intervene: missing,
  estimateSockets: missing,
  meanActivation: missing,
  alignTask: missing,
  alignOwnAnswers: missing,
  alignLearned: missing,
  finetuneExamples: missing,
  finetuneFill: missing,
  generate: missing,
  writeChat: missing,
  estimate: missing,
  run: missing,
  cache: missing,
  forget: missing,
};
const stored: unknown = JSON.parse(
  readFileSync(new URL('../../../examples/align/results/task-gender.json', import.meta.url), 'utf8'),
);

function late(keeper: ResultKeeper = noKeeper) {
  const model = createModelStore(engine, { label: 'tiny', url: '', isServed: async () => false });
  const load = vi.fn(async (figure: Parameters<typeof mountAlign>[1]) =>
    mountAlign({ engine, model, desk: createRunDesk(), keeper }, figure),
  );
  return { page: createLatePage(alignFace, load), load };
}

test('a late page has its place and its words before it is fetched, and refuses to be used', () => {
  const { page, load } = late();
  expect([page.name, page.face.title, page.face.kind.words.counted]).toEqual(['align', 'Align', 'sites']);
  expect(page.isBlank()).toBe(true);
  expect(page.shared()).toBeNull();
  expect(() => page.openResult(stored)).toThrow('was used before it was fetched');
  expect(load).not.toHaveBeenCalled();
});

test('once fetched it is the page, whose changes its own state follows', async () => {
  const { page, load } = late();
  await Promise.all([page.load?.(), page.load?.()]);
  expect(load).toHaveBeenCalledTimes(1);
  const seen = vi.fn();
  page.store.subscribe(seen);
  page.openResult(stored);
  expect(seen).toHaveBeenCalled();
  expect(page.store.getState().shown?.result.kind).toBe('align-result');
  expect(page.face.kind.count(Object(stored))).toEqual({ done: 16, total: 16 });
  expect(page.isBlank()).toBe(false);
});

test('a page that could not be fetched is fetched again when it is asked for again', async () => {
  const load = vi.fn().mockRejectedValueOnce(new Error('no network')).mockImplementation(late().load);
  const page = createLatePage(alignFace, load);
  await expect(page.load?.()).rejects.toThrow('no network');
  await page.load?.();
  expect(page.face.examples.length).toBeGreaterThan(0);
});

test('an unfinished run that was kept is offered, and one of another version is not', async () => {
  const half = {
    ...Object(stored),
    sites: Object(stored).sites.map((site: unknown, at: number) => (at < 5 ? site : null)),
  };
  const keeping = (found: unknown): ResultKeeper => ({
    ...noKeeper,
    find: async (key) => (key === 'unfinished align' ? found : null),
  });
  const { page } = late(keeping(half));
  await page.load?.();
  const found = await page.unfinished();
  expect(found && page.face.kind.count(found)).toEqual({ done: 5, total: 16 });
  page.openResult(found);
  expect(await page.unfinished()).toBeNull();
  const { page: newer } = late(keeping({ ...half, version: 99 }));
  await newer.load?.();
  expect(await newer.unfinished()).toBeNull();
});
