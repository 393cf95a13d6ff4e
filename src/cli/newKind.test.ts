// A kind that the program has never seen: with its own file and a line of the registry, the command line runs it.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { main } from './main.ts';

vi.mock('../experiments/registry.ts', async (original) => {
  const { registryOf } = await original<typeof import('../experiments/registry.ts')>();
  const registry = registryOf({
    toy: async () => (await import('../experiments/fixtures/toyKind.ts')).toyKind,
  });
  return { ...registry, kindNames: registry.names };
});

let folder = '';
const said: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'patchbay-'));
  for (const what of ['log', 'error'] as const)
    vi.spyOn(console, what).mockImplementation((text: string) => void said.push(text));
});
afterEach(() => {
  vi.restoreAllMocks();
  said.length = 0;
  rmSync(folder, { recursive: true });
});

const run = (experiment: object, ...words: readonly string[]) => {
  const file = join(folder, 'toy.json');
  writeFileSync(file, JSON.stringify(experiment));
  return main(['run', file, '--out', folder, ...words]);
};
const toy = { kind: 'toy', version: 1, model: 'tiny-atlas', prompts: [[1, 2], [3], [4, 5, 6]] };

test('it is run, printed, written and resumed', async () => {
  expect(await run(toy)).toBe(0);
  const written = () => JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8'));
  const whole = written();
  expect(said[0]).toBe(`Probabilities: ${whole.probabilities.map((p: number) => p.toFixed(3)).join(' ')}`);
  expect(said.at(-1)).toContain(`Written: ${join(folder, 'result.json')}, ${join(folder, 'prompts.csv')}`);

  // A number that no run gives: where it is still there, its prompt was not run again.
  const partial = { ...whole, probabilities: [0.123, null, null] };
  writeFileSync(join(folder, 'result.json'), JSON.stringify(partial));
  expect(await run(toy)).toBe(0);
  expect(written().probabilities).toEqual([0.123, ...whole.probabilities.slice(1)]);
});

test('what it does not have is refused with its own sentences', async () => {
  expect(await run(toy, '--metric', 'rank')).toBe(1);
  expect(await run({ ...toy, prompts: 'text' })).toBe(1);
  expect(await run({ ...toy, kind: 'trace' })).toBe(1);
  expect(said).toEqual([
    'A toy has one measure, the probability of the answer; leave --metric out.',
    expect.stringContaining("'prompts'"),
    "There is no experiment of kind 'trace'.  Known: toy.",
  ]);
});
