import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('the example of the README prints what the README says', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [, code = '', answer = ''] =
    /## As a library\n\n((?: {4}.*\n|\n)+?)\nIt prints "([^"]+)"/.exec(readme) ?? [];
  // Within the repository, where the package finds itself by its name.
  mkdirSync(join(root, '.cache'), { recursive: true });
  const folder = mkdtempSync(join(root, '.cache', 'readme-'));
  try {
    const program = join(folder, 'example.mts');
    writeFileSync(program, code.replaceAll(/^ {4}/gm, ''));
    const words = ['--conditions=patchbay-source', '--import', 'tsx', program];
    expect(execFileSync(process.execPath, words, { cwd: root, encoding: 'utf8' })).toBe(`${answer}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
