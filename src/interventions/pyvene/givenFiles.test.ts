import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../../runtime/model.ts';
import { IntervenableModel } from '../intervenableModel.ts';

let backend: Backend;
let model: Model;
const folder = mkdtempSync(join(tmpdir(), 'patchbay-saved-'));
beforeAll(async () => {
  backend = createNodeBackend(1);
  model = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), backend);
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await model.dispose();
  await backend.close();
});

const configuration = {
  layer: 1,
  component: 'block_output',
  intervention_type: 'LowRankRotatedSpaceIntervention',
  low_rank_dimension: 3,
};

test('what save returns is loaded from memory, from the disk and from picked files', async () => {
  const saved = new IntervenableModel(configuration, model, { seed: 7 });
  const files = saved.save();
  const picked: File[] = [];
  for (const [name, bytes] of files) {
    writeFileSync(join(folder, name), bytes);
    picked.push(new File([bytes.slice()], name));
  }
  const rotationOf = (of: IntervenableModel) => [...of.interventions.values()][0]?.parameters.rotation;
  for (const given of [files, folder, picked]) {
    const loaded = await IntervenableModel.load(given, model);
    expect(rotationOf(loaded)?.shape).toEqual([16, 3]);
    expect(rotationOf(loaded)?.data).toEqual(rotationOf(saved)?.data);
  }
});

test('what holds no files is refused', async () => {
  await expect(IntervenableModel.load(join(folder, 'missing'), model)).rejects.toThrow(
    /^The folder '.*missing' cannot be read/,
  );
  // What a type would refuse is what is tested.
  const wrong = { config: 1 } as unknown as string;
  await expect(IntervenableModel.load(wrong, model)).rejects.toThrow(
    '{"config":1} holds no files of interventions.',
  );
});
