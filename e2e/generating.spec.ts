// Texts in the tab: the built page's own worker, with the embedded model on WASM, gives the tokens of Node, and renders chat
// templates in a worker of its own.

import { existsSync } from 'node:fs';
import { expect, type Page, test } from '@playwright/test';
import { openModel } from '../src/checkpoint/openNode.ts';
import { createNodeBackend } from '../src/runtime/backends/nodeBackend.ts';
import { generateTexts } from '../src/runtime/generation/generate.ts';
import { Model } from '../src/runtime/model.ts';
import type { GenerationPart, GenerationRequest } from '../src/worker/generationProtocol.ts';
import { keepEngine } from './engineOfPage.ts';
import { watchConsole } from './pageChecks.ts';

const folder = new URL('../models/tiny-atlas/', import.meta.url);
test.skip(!existsSync(new URL('model.safetensors', folder)), 'models/tiny-atlas is not in this checkout');
test.describe.configure({ timeout: 600_000 });

interface Heard {
  readonly parts: readonly GenerationPart[];
  /** Of a call that failed. */
  readonly refusal: string | null;
}

/** Ask the worker that `keepEngine` has kept. */
const generateInPage = (page: Page, request: GenerationRequest): Promise<Heard> =>
  page.evaluate(
    (given) =>
      new Promise<Heard>((resolve) => {
        // Put there by `keepEngine`.
        const { engineWorker: worker } = window as Window & { engineWorker?: Worker };
        if (!worker) throw new Error('The page has started no worker.');
        const parts: GenerationPart[] = [];
        const id = -1 - Math.floor(1e9 * Math.random());
        worker.addEventListener('message', ({ data }) => {
          if (data.id !== id) return;
          if (data.kind === 'part') parts.push(data.part);
          else if (data.kind === 'result') resolve({ parts, refusal: null });
          else if (data.kind === 'failure') resolve({ parts, refusal: data.message });
        });
        worker.postMessage({ kind: 'call', id, name: 'generate', given });
      }),
    request,
  );

const prompt = 'The Eiffel Tower is located in the city of';
const sampling = { temperature: 1.5, seed: 7 };

async function onNode(): Promise<readonly number[]> {
  const checkpoint = await openModel(folder.pathname);
  const backend = createNodeBackend(1);
  const model = await Model.load(checkpoint, backend);
  try {
    const tokens = (await checkpoint.tokenizer()).encode(prompt);
    const [text] = await generateTexts(model, { rows: [{ tokens }], maxNewTokens: 12, sampling });
    return text?.tokens ?? [];
  } finally {
    await model.dispose();
    await backend.close();
    await checkpoint.close();
  }
}

test('a sampled text has the tokens of Node, and a model without a chat template says so', async ({
  page,
}) => {
  const problems = watchConsole(page);
  const expected = await onNode();
  await keepEngine(page);
  await page.goto('?backend=wasm');
  await expect(page.getByRole('button', { name: /^Model: .*tiny-atlas/ })).toBeVisible({ timeout: 120_000 });
  const { parts, refusal } = await generateInPage(page, {
    texts: [{ prompt: { kind: 'text', text: prompt } }],
    maxNewTokens: 12,
    sampling,
  });
  expect(refusal).toBeNull();
  const found = parts.flatMap((part) => (part.kind === 'step' ? part.pieces.map(({ id }) => id) : []));
  // The page ends the text where the model does; Node was not told to.
  expect(found.length).toBeGreaterThan(0);
  expect(found).toEqual(expected.slice(0, found.length));
  const chat = await generateInPage(page, {
    texts: [{ prompt: { kind: 'chat', turns: [{ role: 'user', content: 'Hello' }] } }],
    maxNewTokens: 4,
  });
  expect(chat.refusal).toContain('This model has no chat template');
  expect(problems).toEqual([]);
});
