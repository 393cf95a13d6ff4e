// Texts under interventions of folders: what pyvene generates from a folder written here, and from one of its own.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { openFolder } from '../../checkpoint/openNode.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { Model } from '../../runtime/model.ts';
import { readConfiguration } from '../configuration/configuration.ts';
import { filesOf } from '../expected/pyveneFolders.ts';
import { IntervenableModel } from '../intervenableModel.ts';

const python = process.env.PATCHBAY_PYTHON;
const pathOf = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));

const modelPath = pathOf('../cli/conformance/expected/interventions-gpt2/model');

const filesIn = (folder: string) =>
  filesOf(
    new Map(readdirSync(folder).map((name) => [name, new Uint8Array(readFileSync(join(folder, name)))])),
  );

const prompt = [3, 17, 8, 25, 1];
const call = { prompt, tokens: 8, position: 2 };
const reportSchema = v.record(
  v.string(),
  v.object({ decode: v.array(v.number()), everywhere: v.array(v.number()), prompt: v.array(v.number()) }),
);

async function textsOf(intervenable: IntervenableModel) {
  const of = async (interveneOnPrompt: boolean, isLocated: boolean) => {
    const [text] = await intervenable.generate({
      base: prompt,
      maxNewTokens: call.tokens,
      ...(isLocated ? { unitLocations: { base: call.position } } : {}),
      placement: { preset: 'pyvene', interveneOnPrompt },
    });
    return text?.sequence;
  };
  return { decode: await of(false, false), everywhere: await of(true, false), prompt: await of(true, true) };
}

test.skipIf(python === undefined)(
  'a folder with a vector generates the same here and in pyvene, whoever wrote it (needs PATCHBAY_PYTHON, a Python with torch and pyvene)',
  async () => {
    const root = mkdtempSync(join(tmpdir(), 'patchbay-generated-'));
    const backend = createNodeBackend(1);
    const checkpoint = await openFolder(modelPath);
    const model = await Model.load(checkpoint, backend);
    try {
      const vector = Array.from({ length: model.architecture.width }, (_, at) => 4 * Math.cos(3 * at));
      const here = new IntervenableModel(
        readConfiguration({
          representations: [{ layer: 0, component: 'block_output', source_representation: vector }],
          intervention_types: 'AdditionIntervention',
        }),
        model,
      );
      const folder = join(root, 'here', 'added');
      mkdirSync(folder, { recursive: true });
      for (const [file, bytes] of here.save()) writeFileSync(join(folder, file), bytes);
      writeFileSync(join(folder, 'call.json'), JSON.stringify(call));
      const words = [
        pathOf('expected/generate_pyvene.py'),
        ...[modelPath, join(root, 'here'), join(root, 'own'), join(root, 'report.json')],
      ];
      execFileSync(python ?? '', words, { stdio: ['ignore', 'ignore', 'pipe'] });
      const report = v.parse(reportSchema, JSON.parse(readFileSync(join(root, 'report.json'), 'utf8')));
      const added = await textsOf(here);
      expect(added).toEqual(report.added);
      expect(added.decode).not.toEqual(added.everywhere);
      const own = await IntervenableModel.load(filesIn(join(root, 'own')), model);
      expect(await textsOf(own)).toEqual(report.own);
    } finally {
      rmSync(root, { recursive: true, force: true });
      await model.dispose();
      await checkpoint.close();
      await backend.close();
    }
  },
);
