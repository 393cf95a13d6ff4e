// Alignment and finetuning of a model that fills masks, on the real engine, on WASM: a task and examples with a mask, what is
// wrong said at its field, and numbers that are those of Node.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type Page, test } from '@playwright/test';
import { openModel } from '../src/checkpoint/openNode.ts';
import { resolveAlign } from '../src/experiments/align/resolve.ts';
import { isAlignComplete, readAlignResult } from '../src/experiments/align/result.ts';
import { completeAlign } from '../src/experiments/align/work.ts';
import { finetuneGrowth } from '../src/experiments/finetune/growth.ts';
import { resolveFinetune } from '../src/experiments/finetune/resolve.ts';
import { isAdapterDone, readFinetuneResult } from '../src/experiments/finetune/result.ts';
import { finetuneWork } from '../src/experiments/finetune/work.ts';
import { completed } from '../src/experiments/growth.ts';
import { createNodeBackend } from '../src/runtime/backends/nodeBackend.ts';
import { Model } from '../src/runtime/model.ts';
import { button, expectAccessible, expectNoSidewaysScroll, region, watchConsole } from './pageChecks.ts';
import { openFolder, smallModelFolder } from './smallModel.ts';

const slow = { timeout: 120_000 };
test.describe.configure({ timeout: 400_000 });

const words = [
  ...['[PAD]', '[MASK]', 'Adam', 'Brian', 'Alice', 'Emily', 'lost', 'found', 'his', 'her', 'keys', 'bag'],
  ...['.', 'today', 'because'],
];
const bert = {
  ...{ model_type: 'bert', vocab_size: words.length, hidden_size: 16, num_hidden_layers: 2 },
  ...{ num_attention_heads: 4, intermediate_size: 20, max_position_embeddings: 24, pad_token_id: 0 },
};

/** A BERT of words. */
async function bertFolder(): Promise<string> {
  const folder = await smallModelFolder({ name: 'small-bert', config: bert, words: words.length });
  const vocab = Object.fromEntries(words.map((word, id) => [word, id]));
  const added = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  writeFileSync(
    join(folder, 'tokenizer.json'),
    JSON.stringify({
      version: '1.0',
      added_tokens: ['[PAD]', '[MASK]'].map((content, id) => ({ id, content, ...added })),
      normalizer: null,
      pre_tokenizer: { type: 'Whitespace' },
      post_processor: null,
      decoder: null,
      model: { type: 'WordLevel', vocab, unk_token: '[PAD]' },
    }),
  );
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify({ mask_token: '[MASK]' }));
  return folder;
}

let problems: readonly string[] = [];
test.beforeEach(({ page }) => {
  problems = watchConsole(page);
});
test.afterEach(() => {
  // The embedded model is not served; that alone is written.
  expect(problems.filter((text) => !text.includes('404'))).toEqual([]);
});

/** What the page saves once it is whole. */
async function savedWhole<T>(page: Page, read: (json: unknown) => T, isWhole: (result: T) => boolean) {
  let found: T | undefined;
  await expect(async () => {
    found = read(await saved(page));
    expect(isWhole(found)).toBe(true);
  }).toPass(slow);
  if (found === undefined) throw new Error('Nothing was saved.');
  return found;
}

async function saved(page: Page): Promise<unknown> {
  const [download] = await Promise.all([page.waitForEvent('download'), button(page, 'Save as JSON').click()]);
  return JSON.parse(readFileSync(await download.path(), 'utf8'));
}

async function onNode<T>(folder: string, work: (model: Model, tokenizer: TokenizerOf) => Promise<T>) {
  const checkpoint = await openModel(folder);
  const backend = createNodeBackend(1);
  const model = await Model.load(checkpoint, backend);
  try {
    return await work(model, await checkpoint.tokenizer());
  } finally {
    await model.dispose();
    await backend.close();
    await checkpoint.close();
  }
}
type TokenizerOf = Awaited<ReturnType<Awaited<ReturnType<typeof openModel>>['tokenizer']>>;

function expectClose(found: readonly number[], right: readonly number[] | undefined): void {
  expect(found.length).toBeGreaterThan(0);
  expect(found).toHaveLength(right?.length ?? -1);
  found.forEach((number, at) => {
    expect(Math.abs(number - (right?.[at] ?? Number.NaN))).toBeLessThan(1e-4);
  });
}

/** Both widths and both themes are looked at. */
async function expectFits(page: Page): Promise<void> {
  for (const width of [390, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    await expectNoSidewaysScroll(page);
  }
  await expectAccessible(page);
}

test('a table of pairs with a mask is aligned at it, and what is wrong stands at its field', async ({
  page,
}) => {
  const folder = await bertFolder();
  await openFolder(page, folder, 'small-bert', '#align');
  const training = region(page, 'Training');
  await expect(training.getByText(/^There are: mask, last/)).toBeVisible();
  await button(page, 'Empty page').click();
  await expect(training.getByLabel('Positions', { exact: true })).toHaveValue('mask');

  // Declared, and without a mask: the prompt says so, and puts it there.
  const task = region(page, 'Task');
  await page.getByRole('textbox', { name: 'Variable', exact: true }).fill('name');
  await page.getByRole('textbox', { name: /^Values of/ }).fill('Adam\nBrian\nAlice\nEmily');
  await task.getByLabel('Prompt', { exact: true }).fill('{name} lost keys because');
  await task.getByLabel('Label', { exact: true }).fill('{name}');
  await task.getByLabel('Interchanged', { exact: true }).fill('name');
  await task.getByRole('textbox', { name: 'Examples', exact: true }).fill('24');
  await expect(
    task.getByText(/^This bert model predicts what stands at a mask, and the prompt .* has none\./),
  ).toBeVisible(slow);
  await button(page, 'Put [MASK] at its end').click();
  await expect(task.getByLabel('Prompt', { exact: true })).toHaveValue('{name} lost keys because [MASK]');
  await expect(region(page, 'Examples').getByText('[MASK]').first()).toBeVisible(slow);
  await expect(button(page, 'Put [MASK] at its end')).toBeHidden();
  await expect(region(page, 'Can the model do it?')).toContainText(
    /By itself the model answers \d of 4 prompts/,
    slow,
  );

  await task.getByLabel('Prompt', { exact: true }).fill('{name} lost [MASK] [MASK]');
  await expect(task.getByText(/has 2 \('\[MASK\]'\), of which one can be watched/)).toBeVisible(slow);

  // A table, and an answer of two tokens.
  await page.getByLabel('A table of pairs').check();
  const table = task.getByLabel('Table of pairs', { exact: true });
  const line = (base: string, source: string, label: string) =>
    `${base} lost [MASK] keys .,${source} found [MASK] bag . today,${label},0/0`;
  const head = 'base,source,label,name';
  const rows = [
    ...[line('Adam', 'Alice', 'her'), line('Brian', 'Emily', 'her'), line('Alice', 'Adam', 'his')],
    ...[line('Emily', 'Brian', 'his'), line('Adam', 'Emily', 'her'), line('Alice', 'Brian', 'his')],
  ];
  await table.fill([head, ...rows, line('Emily', 'Adam', 'his keys')].join('\n'));
  await expect(
    task.getByText(/is 2 tokens \('his', 'keys'\), and this model says one at its mask/),
  ).toBeVisible(slow);
  await table.fill([head, ...rows].join('\n'));
  await training.getByLabel('Positions', { exact: true }).fill('mask, name');
  await button(page, 'Change settings').click();
  await training.getByLabel('Batch', { exact: true }).fill('5');
  await expectFits(page);
  await button(page, 'Run').click();
  await expect(button(page, 'Save as JSON')).toBeVisible(slow);
  await expect(page.getByText(/^4 sites/)).toBeVisible(slow);
  const result = await savedWhole(page, readAlignResult, isAlignComplete);
  const node = await onNode(folder, (model, tokenizer) =>
    completeAlign(model, resolveAlign(model.architecture, tokenizer, result.experiment)),
  );
  expect(result.sites).toHaveLength(4);
  for (const [index, site] of result.sites.entries()) {
    expectClose(site?.steps.loss ?? [], node.sites[index]?.steps.loss);
    expect(site?.final?.testAccuracy).toBe(node.sites[index]?.final?.testAccuracy);
  }
  await expectFits(page);

  // This model writes no texts to steer; what was trained hangs between two prompts of the task.
  await expect(button(page, 'Hang it as a cable')).toBeVisible();
  await expect(button(page, 'Steer with it')).toHaveCount(0);
  await button(page, 'Hang it as a cable').click();
  await expect(page.getByRole('region', { name: 'Cables' })).toContainText(/low-rank rotated space/i, slow);
});

test('examples with a mask are taught at it, and any mask is filled with and without', async ({ page }) => {
  const folder = await bertFolder();
  await openFolder(page, folder, 'small-bert', '#finetune');
  const examples = region(page, 'Examples');
  await expect(
    examples.getByText('A prompt with one [MASK], and the token that should stand there.'),
  ).toBeVisible();
  await button(page, 'Empty page').click();
  const acts = page.getByLabel('Acts on', { exact: true });
  await expect(acts).toHaveValue('mask');

  const prompt = page.getByRole('textbox', { name: 'Example 1, prompt' });
  const continuation = page.getByRole('textbox', { name: 'Example 1, continuation' });
  await prompt.fill('Adam lost keys');
  await continuation.fill('his');
  await expect(examples.getByText(/and the prompt has none\. Write '\[MASK\]'/)).toBeVisible(slow);
  await prompt.fill('Adam lost [MASK] keys');
  await continuation.fill('his bag');
  await expect(examples.getByText(/is 2 tokens \('his', 'bag'\)/)).toBeVisible(slow);
  await continuation.fill('his');
  const chips = page.getByRole('listitem', { name: 'Example 1' }).locator('.chip');
  await expect(chips).toHaveText([/Adam/, /lost/, /\[MASK\].*acts here/, 'his', /keys/], slow);

  await button(page, 'Paste or open a table').click();
  const others = [
    ...['Brian lost [MASK] keys,his', 'Alice lost [MASK] keys,her', 'Emily lost [MASK] keys,her'],
    ...['Adam found [MASK] bag today,his', 'Alice found [MASK] bag today,her'],
  ];
  await page.getByLabel(/^First the columns/).fill(['prompt,continuation', ...others].join('\n'));
  await button(page, 'Take the examples').click();
  const training = region(page, 'Training');
  await button(page, 'Change settings').click();
  await training.getByLabel('Batch', { exact: true }).fill('4');
  await training.getByLabel('Epochs', { exact: true }).fill('60');
  await training.getByLabel('Learning rate', { exact: true }).fill('0.02');
  await expectFits(page);
  await button(page, 'Run').click();
  await expect(button(page, 'Save as JSON')).toBeVisible(slow);
  const result = await savedWhole(page, readFinetuneResult, ({ adapters }) => adapters.every(isAdapterDone));
  const [adapter] = result.adapters;
  const node = await onNode(folder, (model, tokenizer) =>
    completed(
      finetuneWork.run(model, resolveFinetune(model.architecture, tokenizer, result.experiment), {}),
      finetuneGrowth(),
    ),
  );
  expect(adapter?.end).toBe('all-steps');
  expectClose(adapter?.steps.loss.slice(0, 20) ?? [], node.adapters[0]?.steps.loss.slice(0, 20));
  expect(adapter?.final?.train.match).toBe(1);

  const ask = region(page, 'Ask it');
  await ask.getByLabel('Prompt', { exact: true }).fill('Emily lost [MASK] keys');
  await expect(ask.getByLabel('New tokens')).toBeHidden();
  await button(page, 'Fill [MASK], with and without').click();
  await expect(ask.getByRole('region', { name: /^With / })).toContainText(
    /Emily lost her keys\s*It has \d/,
    slow,
  );
  await ask.getByLabel('Prompt', { exact: true }).fill('Emily lost keys');
  await button(page, 'Fill [MASK], with and without').click();
  await expect(ask.getByText(/and the prompt has none\. Write '\[MASK\]'/)).toBeVisible(slow);
  await expectFits(page);
});
