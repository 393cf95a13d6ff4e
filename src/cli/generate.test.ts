import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { main } from './main.ts';

// One thread for one operator: pools of several spin while others wait for the cores.
vi.mock(import('../runtime/backends/nodeBackend.ts'), async (original) => {
  const { createNodeBackend } = await original();
  return { createNodeBackend: () => createNodeBackend(1) };
});

/** What a GPU that does not answer would hear of Ctrl-C by. */
let heard: AbortSignal | undefined;
vi.mock(import('./hostModel.ts'), async (original) => {
  const own = await original();
  const withModel: typeof own.withModel = (spec, kind, options, use) => {
    heard = options.signal;
    return own.withModel(spec, kind, options, use);
  };
  return { ...own, withModel };
});

let shown = '';
let told = '';
let folder = '';
beforeEach(() => {
  shown = '';
  told = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    shown += String(text);
    return true;
  });
  vi.spyOn(console, 'log').mockImplementation((text: string) => {
    shown += `${text}\n`;
  });
  vi.spyOn(console, 'error').mockImplementation((text: string) => {
    told += `${text}\n`;
  });
  folder = mkdtempSync(join(tmpdir(), 'patchbay-generate-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const prompt = 'The Eiffel Tower is located in the city of';
const generate = (...words: readonly string[]) => main(['generate', 'tiny-atlas', prompt, ...words]);

test('a text comes with what is in force and why it ended', async () => {
  expect(await generate('--tokens', '1')).toBe(0);
  expect(shown).toBe(' Paris\n');
  expect(told).toContain(
    'the most probable token at each step; ends at "<|endoftext|>" (generation_config.json).',
  );
  expect(told).toContain('As many tokens as were asked for (--tokens).');
});

test('a steered text has the unsteered one after it', async () => {
  const path = join(folder, 'strong.json');
  const vector = Array.from({ length: 128 }, (_, at) => Math.sin(at));
  writeFileSync(
    path,
    JSON.stringify({ kind: 'steering', version: 1, edits: [{ layers: [1], vector, strength: 50 }] }),
  );
  expect(await generate('--tokens', '1', '--steer', path)).toBe(0);
  const [steered, unsteered] = shown.split('\n\nUnsteered:\n');
  expect(unsteered).toBe(' Paris\n');
  expect(steered).not.toBe(' Paris');
});

test.each([
  [['--chat'], 1, 'This model has no chat template'],
  [['--system', 'Be brief.'], 2, '--system is a turn of a chat. Give --chat as well.'],
  [['--stop', ''], 1, 'A stop string is empty'],
  [['--temperature', 'hot'], 2, "--temperature must be a number; it is 'hot'."],
  [['--top-p', '2'], 1, "'topP' is 2"],
  [['--top-p', '0.9'], 1, "'topP' is 0.9, and changes nothing at temperature 0"],
  [['--steer', 'nowhere.json'], 1, "'nowhere.json' does not exist. Check the path."],
])('%j is refused in a sentence', async (words, code, message) => {
  expect(await generate(...words)).toBe(code);
  expect(told).toContain(message);
});

test('more tokens than the context holds are reported beforehand', async () => {
  expect(await generate('--tokens', '10000', '--temperature', '1')).toBe(0);
  expect(told).toMatch(
    /the prompt has \d+ tokens and this model 64 positions, so at most \d+ new tokens fit/,
  );
});

test('Ctrl-C ends the text, and the wait for a GPU that does not answer', async () => {
  const handlers = process.listeners('SIGINT');
  vi.mocked(process.stdout.write).mockImplementation((text) => {
    shown += String(text);
    process.emit('SIGINT');
    return true;
  });
  expect(await generate('--tokens', '5')).toBe(130);
  expect(shown).toBe(' Paris\n');
  expect(heard?.aborted).toBe(true);
  expect(process.listeners('SIGINT')).toEqual(handlers);
});
