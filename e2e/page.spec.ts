// The page over a fake engine: every state it can be in, by pointer and by keyboard, with axe in both themes.

import { expect, type Locator, type Page, test } from '@playwright/test';
import { openPage, wasm } from './fakeEngine.ts';
import { fakeModel } from './fakeModel.ts';
import {
  expectAccessible,
  expectFits,
  expectNoSidewaysScroll,
  inEveryLook,
  makeNarrow,
  watchConsole,
} from './pageChecks.ts';

const small = fakeModel('small', 6, 128, 4);
/** A model of which everything has to be said, and kept ones beside it. */
const special = {
  model: {
    ...small,
    weightsNote: 'Weights stay packed: 29 GB in float32 would not fit. Each layer is expanded when it runs.',
    notices: ['The storage is full, so it is not kept.'],
  },
  kept: [
    {
      label: 'HuggingFaceTB/SmolLM2-135M@main',
      source: {
        repository: 'HuggingFaceTB/SmolLM2-135M',
        revision: 'main',
        hubUrl: 'https://huggingface.co',
      },
      sizeBytes: 269_000_000,
      lastUsed: Date.UTC(2025, 10, 24, 12),
      isComplete: true,
    },
    {
      label: 'models.example/a-folder/',
      source: null,
      sizeBytes: 1_000_000,
      lastUsed: 0,
      isComplete: false,
    },
  ],
};
let problems: readonly string[] = [];

test.beforeEach(({ page }) => {
  problems = watchConsole(page);
});

test.afterEach(() => {
  expect(problems, 'nothing is written to the console').toEqual([]);
});

const promptField = (page: Page): Locator => page.getByRole('textbox', { name: 'Prompt' });
const nextTokens = (page: Page): Locator => page.getByRole('region', { name: 'Next token' });
const inspector = (page: Page): Locator => page.getByRole('region', { name: 'Inspector' });
const socket = (page: Page, site: string): Locator => page.locator(`[data-site="${site}"]`);
const ready = (page: Page): Promise<void> => expect(nextTokens(page).getByText('in 42')).toBeVisible();
const status = (page: Page): Locator => page.getByRole('status');

test('a loaded model, the chooser and the help are accessible in every look', async ({ page }) => {
  await makeNarrow(page);
  // axe looks at every socket: a small rack has all kinds of them
  await openPage(page, special);
  await ready(page);
  await socket(page, 'attention_output:3').click();
  await expectFits(page, 'model');
  await inEveryLook(page, async () => {
    for (const name of [/^Model:/, 'Words and shortcuts', /^Device:/]) {
      await page.getByRole('button', { name }).click();
      await expect(page.getByRole('dialog')).toBeVisible();
      await expectAccessible(page);
      await page.keyboard.press('Escape');
      await expect(page.getByRole('dialog')).toBeHidden();
    }
  });
});

test('a page without a model, a failed load and stale results are accessible in every look', async ({
  page,
}) => {
  await makeNarrow(page);
  await openPage(page, {
    model: small,
    isEmbeddedServed: false,
    loadErrors: ['It has no weights.'],
    hangOnText: 'Another',
  });
  await page.getByLabel('Model id').fill('owner/name');
  await page.getByRole('button', { name: 'Load from the Hub' }).click();
  await expect(page.getByText('owner/name was not loaded', { exact: true })).toBeVisible();
  await expectFits(page, 'failed-load');
  await page.getByRole('button', { name: 'Load from the Hub' }).click();
  await ready(page);
  await promptField(page).fill('Another text with <|special|> tokens ');
  await expect(nextTokens(page)).toContainText('Out of date');
  await inEveryLook(page, () => expectAccessible(page));
});

test('the embedded model loads by itself and the page says what it expects next', async ({ page }) => {
  await openPage(page);
  await ready(page);
  await expect(page.getByRole('button', { name: /^Model:/ })).toContainText('tiny-atlas');
  const rows = nextTokens(page).getByRole('row');
  await expect(rows).toHaveCount(11);
  await expect(rows.nth(1)).toContainText(/·Paris.*70\.21.%.*18\.34/);
  await expect(status(page)).toHaveText(/Most probable next token: space Paris, 70\.21.%\./);
});

test('without the embedded model the page says so, and its button says why it does nothing', async ({
  page,
}) => {
  await openPage(page, { isEmbeddedServed: false });
  const button = page.getByRole('button', { name: 'Load tiny-atlas' });
  await expect(button).toHaveAttribute('aria-disabled', 'true');
  await expect(button).toHaveAccessibleDescription(/comes without tiny-atlas\. Choose a folder/);
  await expect(nextTokens(page)).toContainText('Load a model to see what it expects next.');
});

test('a load shows its bytes and can be cancelled; the model before it stays', async ({ page }) => {
  await openPage(page, { hangAtStep: 4, isEmbeddedServed: false });
  await page.getByLabel('Model id').fill('owner/large');
  await page.getByRole('button', { name: 'Load from the Hub' }).click();
  const bar = page.getByRole('progressbar', { name: 'Loading owner/large' });
  await expect(bar).toHaveAttribute('aria-valuenow', '40');
  await expect(page.getByText(/^108.MB of 271.MB$/)).toBeVisible();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(bar).toBeHidden();
  await expect(status(page)).toHaveText('Loading owner/large was cancelled.');
});

test('a known model loads by a click, shows its bytes in its place, and says when it is kept', async ({
  page,
}) => {
  await openPage(page, { ...special, hangAtStep: 4, isEmbeddedServed: false });
  const known = page.getByRole('region', { name: 'Known models' });
  const button = page.getByRole('button', { name: 'Load GPT-2 small' });
  const entry = known.getByRole('listitem').filter({ has: button });
  await expect(entry).toContainText(/MIT · about 548.MB/);
  await expect(entry).toContainText(/124.M parameters\./);
  await expect(known.getByText('Kept here')).toHaveCount(1);
  await expect(known.getByRole('listitem').filter({ hasText: 'Kept here' })).toContainText('SmolLM2 135M');
  await button.click();
  await expect(entry.getByRole('progressbar', { name: 'Loading openai-community/gpt2' })).toHaveAttribute(
    'aria-valuenow',
    '40',
  );
  await expect(page.getByRole('progressbar')).toHaveCount(1);
  await entry.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByRole('progressbar')).toHaveCount(0);
});

test('a kept model is loaded from its list, one of a plain server can only be forgotten', async ({
  page,
}) => {
  await openPage(page, { ...special, isEmbeddedServed: false });
  const kept = page.getByRole('region', { name: /^Kept models: 270.MB/ });
  const [smol, folder] = [kept.getByRole('listitem').first(), kept.getByRole('listitem').last()];
  await expect(smol).toContainText(/269.MB · last used 24 November 2025/);
  await expect(folder).toContainText(/1.MB, a part of it/);
  await expect(folder.getByRole('button')).toHaveCount(1);
  await smol.getByRole('button', { name: /^Load/ }).click();
  await ready(page);
  await page.getByRole('button', { name: /^Model:/ }).click();
  await expect(page.getByRole('dialog')).toContainText('Weights stay packed');
});

test('a failed load is reported beside its control, and the model in use still answers', async ({ page }) => {
  await openPage(page, { loadErrors: [null, "The Hub has no model 'owner/nothing'. Check the id."] });
  await ready(page);
  await page.getByRole('button', { name: /^Model:/ }).click();
  const dialog = page.getByRole('dialog', { name: 'Choose a model' });
  await dialog.getByLabel('Model id').fill('owner/nothing');
  await page.keyboard.press('Enter');
  await expect(dialog.getByText("The Hub has no model 'owner/nothing'. Check the id.")).toBeVisible();
  await expect(dialog.getByText('tiny-atlas is still in use.')).toBeVisible();
  await page.keyboard.press('Escape');
  await promptField(page).fill('Still here');
  await ready(page);

  // The next attempt succeeds, closes the dialog and takes over.
  await page.getByRole('button', { name: /^Model:/ }).click();
  await dialog.getByLabel('Model id').fill('owner/good');
  await page.keyboard.press('Enter');
  await expect(dialog).toBeHidden();
  await expect(page.getByRole('button', { name: /^Model:/ })).toContainText('owner/good');
});

test('an id that cannot be one is refused before anything is fetched', async ({ page }) => {
  await openPage(page, { isEmbeddedServed: false });
  await page.getByLabel('Model id').fill('not an id');
  await page.getByRole('button', { name: 'Load from the Hub' }).click();
  await expect(page.getByRole('main').getByText("'not an id' is not the id of a model.")).toBeVisible();
});

test('chosen files are loaded, or what is missing is named', async ({ page }) => {
  await openPage(page, { isEmbeddedServed: false });
  const files = page.locator('input[type="file"][accept]');
  const file = (name: string) => ({ name, mimeType: '', buffer: Buffer.from('x') });
  await files.setInputFiles([file('model.safetensors'), file('config.json')]);
  await expect(
    page.getByRole('main').getByText("tokenizer.json is not beside 'model.safetensors'."),
  ).toBeVisible();
  await files.setInputFiles([file('smol.gguf')]);
  await ready(page);
});

test('the first model takes the focus from its chooser to the prompt', async ({ page }) => {
  await openPage(page, { isEmbeddedServed: false });
  await page.getByLabel('Model id').fill('owner/name');
  await page.keyboard.press('Enter');
  await ready(page);
  await expect(promptField(page)).toBeFocused();
});

test('a file dropped anywhere is loaded', async ({ page }) => {
  await openPage(page);
  await ready(page);
  const drop = async (name: string) => {
    const transfer = await page.evaluateHandle((fileName) => {
      const made = new DataTransfer();
      made.items.add(new File(['x'], fileName));
      return made;
    }, name);
    await page.dispatchEvent('main', 'dragover', { dataTransfer: transfer });
    await expect(page.getByText("Drop a model's files or its folder")).toBeVisible();
    await page.dispatchEvent('main', 'drop', { dataTransfer: transfer });
  };
  await drop('notes.txt');
  await expect(
    page.getByRole('dialog').getByText("'notes.txt' is not a .gguf, .safetensors or .onnx file."),
  ).toBeVisible();
  await page.keyboard.press('Escape');
  await drop('smol.gguf');
  await expect(status(page)).toHaveText(/Most probable next token/);
  await expect(page.getByRole('dialog')).toBeHidden();
});

test('the device badge tells backend, threads and the reason, or that there is none', async ({ page }) => {
  await openPage(page, { device: wasm });
  const badge = page.getByRole('button', { name: /^Device:/ });
  await expect(badge).toContainText('WASM· 4 threads');
  await badge.focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog', { name: 'Device' })).toContainText('slower than WASM');
  await page.keyboard.press('Escape');
  await expect(badge).toBeFocused();

  await openPage(page, { device: { error: 'No backend could be started.' } });
  await expect(badge).toContainText('No device');
});

test('a failed prediction keeps its place, says why, and can be tried again', async ({ page }) => {
  await openPage(page, { predictError: 'The device was lost.' });
  await expect(nextTokens(page)).toContainText('The device was lost.');
  await nextTokens(page).getByRole('button', { name: 'Try again' }).click();
  await expect(status(page)).toHaveText('The prediction failed. The device was lost.');
});

test('an empty prompt invites; an example fills it', async ({ page }) => {
  await openPage(page);
  await ready(page);
  await promptField(page).fill('');
  await expect(page.getByText('Type a prompt to see its tokens')).toBeVisible();
  await expect(page.getByRole('listbox')).toBeHidden();
  await page.getByRole('button', { name: /^When Mary and John/ }).click();
  await ready(page);
  await expect(page.getByRole('option')).toHaveCount(14);
});

test('a prompt of 300 tokens is shown in full, and one over the limit is not run', async ({ page }) => {
  await openPage(page, { model: { ...fakeModel('small', 6, 128, 4), maxPositions: 299 } });
  await ready(page);
  await promptField(page).fill('tower '.repeat(299).trim());
  await ready(page);
  await expect(page.getByRole('option')).toHaveCount(299);
  await promptField(page).fill('tower '.repeat(300).trim());
  await expect(page.getByRole('alert')).toHaveText(
    'The prompt has 300 tokens; this model reads at most 299. Shorten it by 1 to run it.',
  );
  await expect(nextTokens(page)).toContainText('Out of date');
  await expect(page.getByText('300 of 299 positions')).toBeVisible();
});

test('spaces, emoji, right-to-left text and special tokens are told apart', async ({ page }) => {
  await openPage(page);
  await ready(page);
  await promptField(page).fill('a\n\t 🗼 مرحبا <|endoftext|>b ');
  await ready(page);
  const names = await page.getByRole('option').evaluateAll((chips) => chips.map((chip) => chip.ariaLabel));
  expect(names.map((name) => name?.replace(/, id \d+$/, ''))).toEqual([
    'a, position 0',
    'newline, position 1',
    'tab, position 2',
    'space 🗼, position 3',
    'space مرحبا, position 4',
    'space, position 5',
    '<|endoftext|>, special, position 6',
    'b, position 7',
    'space, position 8',
  ]);
  await page.getByRole('option', { name: /^space 🗼/ }).hover();
  await expect(page.getByText(/^position 3 · id \d+ · ·🗼$/)).toBeVisible();
  await page.getByRole('button', { name: 'Remove it' }).click();
  await expect(promptField(page)).toHaveValue('a\n\t 🗼 مرحبا <|endoftext|>b');
});

test('results of an earlier text are marked at the first keystroke', async ({ page }) => {
  await openPage(page, { hangOnText: 'x' });
  await ready(page);
  await promptField(page).press('End');
  await promptField(page).press('x');
  await expect(nextTokens(page)).toHaveAttribute('data-stale', 'true');
  await expect(page.getByRole('button', { name: /^Add the most probable/ })).toBeHidden();
  await promptField(page).press('Backspace');
  await ready(page);
  await expect(nextTokens(page)).toHaveAttribute('data-stale', 'false');
});

test('the ghost chip adds the predicted token', async ({ page }) => {
  await openPage(page);
  await ready(page);
  await page.getByRole('button', { name: /^Add the most probable next token, space Paris, 70.%$/ }).click();
  await expect(promptField(page)).toHaveValue('The Eiffel Tower is located in the city of Paris');
});

test('a socket under the pointer is described, with cables to what it feeds', async ({ page }) => {
  await openPage(page);
  await ready(page);
  await socket(page, 'query_output:3').hover();
  await expect(inspector(page)).toContainText('query_output');
  await expect(inspector(page)).toContainText('position × 576');
  await expect(inspector(page).getByRole('button', { name: /^attention_scores/ })).toContainText('layer 3');
  await expect(page.locator('.cables path[data-kind="out"]')).toHaveCount(1);
  await expect(socket(page, 'attention_scores:3')).toHaveAttribute('data-mark', 'fed');
  await socket(page, 'query_output:3').click();
  await socket(page, 'mlp_output:5').hover();
  await expect(inspector(page)).toContainText('mlp_output');
  await page.mouse.move(0, 0);
  await expect(inspector(page)).toContainText('query_output');
});

test('the theme that is chosen outlives the page', async ({ page }) => {
  await page.emulateMedia({ colorScheme: 'light' });
  await openPage(page);
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await page.getByRole('radio', { name: 'Dark theme' }).click();
  await expect.poll(background).not.toBe(light);
  await page.reload();
  await expect(page.getByRole('radio', { name: 'Dark theme' })).toBeChecked();
  expect(await background()).not.toBe(light);
});

for (const layers of [6, 48]) {
  test(`a rack of ${layers} layers scrolls inside its card on a narrow screen`, async ({ page }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    await openPage(page, { model: fakeModel('any', layers, 128, 4) });
    await ready(page);
    await expectNoSidewaysScroll(page);
    await socket(page, 'block_input:0').focus();
    await page.keyboard.press('End');
    const last = socket(page, `block_input:${layers - 1}`);
    await expect(last).toBeFocused();
    await expect(last).toBeInViewport();
    const name = page.getByRole('rowheader', { name: /^block_input/ });
    await expect(name).toBeInViewport();
  });
}
