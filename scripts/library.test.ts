// The library as other programs import it: built, and run by Node itself, without a reader of TypeScript.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');

test('the built library runs on plain Node', () => {
  mkdirSync(join(root, '.cache'), { recursive: true });
  const folder = mkdtempSync(join(root, '.cache/library-'));
  try {
    const vite = join(root, 'node_modules/vite/bin/vite.js');
    const words = [vite, 'build', '--config', 'vite.library.config.ts', '--outDir', folder];
    const env = { ...process.env, PATCHBAY_LIBRARY: 'node' };
    execFileSync(process.execPath, words, { cwd: root, env, stdio: ['ignore', 'ignore', 'pipe'] });
    // The example of docs/interventions.md.
    const program = `
      import { IntervenableModel, loadModel } from './patchbay.js';
      const { model, tokenizer, dispose } = await loadModel(${JSON.stringify(join(root, 'models/tiny-atlas'))});
      const intervenable = new IntervenableModel({ layer: 0, component: 'mlp_output' }, model, { tokenizer });
      const { intervenedOutputs } = await intervenable.run({
        base: 'The Louvre Museum is in downtown',
        sources: ['The Prado Museum is in downtown'],
        unitLocations: { 'sources->base': 3 },
        logits: 'last',
      });
      const [{ data }] = intervenedOutputs.logits;
      console.log(tokenizer.tokenText(data.indexOf(Math.max(...data))));
      await dispose();
    `;
    writeFileSync(join(folder, 'program.mjs'), program);
    const printed = execFileSync(process.execPath, [join(folder, 'program.mjs')], { encoding: 'utf8' });
    expect(printed).toBe(' Madrid\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
