// A model of a few numbers as a folder that the page opens: configuration, weights by the names of its architecture, a
// tokenizer of words (`w0`, `w1`, ...), and what says how pictures and sounds become numbers.

import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, type Page } from '@playwright/test';
import { jsonBytes, type SmallTensor, safetensorsFile } from '../src/checkpoint/expected/smallFiles.ts';
import { writeWordTokenizer } from '../src/checkpoint/fixtures/wordTokenizer.ts';
import { tinyCheckpoint } from '../src/runtime/fixtures/tinyCheckpoint.ts';

interface SmallModel {
  /** Of the folder, and of the model on the page. */
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Of pictures and sounds. */
  readonly preprocessor?: Readonly<Record<string, unknown>>;
  /** Words of the tokenizer. */
  readonly words: number;
}

export async function smallModelFolder({ name, config, preprocessor, words }: SmallModel): Promise<string> {
  const folder = join(mkdtempSync(join(tmpdir(), 'patchbay-model-')), name);
  mkdirSync(folder);
  const checkpoint = tinyCheckpoint(config);
  const tensors: Record<string, SmallTensor> = {};
  for (const [tensor, { dtype, shape }] of checkpoint.tensors)
    tensors[tensor] = { dtype, shape, data: await checkpoint.read(tensor) };
  writeFileSync(join(folder, 'config.json'), jsonBytes(config));
  if (preprocessor) writeFileSync(join(folder, 'preprocessor_config.json'), jsonBytes(preprocessor));
  writeFileSync(join(folder, 'model.safetensors'), safetensorsFile(tensors));
  writeWordTokenizer(folder, words);
  return folder;
}

/** Open a folder on the page, in place of the embedded model, which is not served. */
export async function openFolder(page: Page, folder: string, named: string, hash = ''): Promise<void> {
  // Without the embedded model the page asks for one.
  await page.route('**/models/tiny-atlas/config.json', (route) => route.fulfill({ status: 404, body: '' }));
  await page.goto(`./?backend=wasm${hash}`);
  await page.getByLabel('Choose a folder').setInputFiles(folder);
  await expect(page.getByRole('button', { name: /^Model:/ })).toContainText(named, { timeout: 60_000 });
}

/** Open a folder by the list of models, on a page that a link has brought into view. */
export async function chooseFolder(page: Page, folder: string, named: string): Promise<void> {
  await page
    .getByRole('button', { name: /^Model:|Choose a model/ })
    .first()
    .click();
  await page.getByLabel('Choose a folder').last().setInputFiles(folder);
  await expect(page.getByRole('button', { name: /^Model:/ })).toContainText(named, { timeout: 60_000 });
  if (await page.getByRole('dialog').isVisible()) await page.keyboard.press('Escape');
}
