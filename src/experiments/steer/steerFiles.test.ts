import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Checkpoint, Tokenizer } from '../../checkpoint/checkpoint.ts';
import { openModel } from '../../checkpoint/openNode.ts';
import { memorySource } from '../../checkpoint/sources/byteSource.ts';
import { expand } from '../../checkpoint/storage/expand.ts';
import { readControlVector, safetensorsVector } from '../../checkpoint/vectors/vectorFile.ts';
import { missingPython } from '../../interventions/export/expected/pythonPrograms.ts';
import { IntervenableModel } from '../../interventions/intervenableModel.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { generateTexts } from '../../runtime/generation/generate.ts';
import { Model } from '../../runtime/model.ts';
import { readSteerExperiment } from './experiment.ts';
import { textRun } from './passageRun.ts';
import { resolveSteer } from './resolve.ts';
import type { SteerResult } from './result.ts';
import { steerFiles } from './steerFiles.ts';
import { readSteering } from './steering.ts';
import { placeSteering, steeringEdits } from './steeringEdits.ts';
import { vectorData } from './vectorData.ts';
import { completeSteer } from './work.ts';

const modelFolder = fileURLToPath(new URL('../../../models/tiny-atlas', import.meta.url));
let backend: Backend;
let checkpoint: Checkpoint;
let tokenizer: Tokenizer;
let model: Model;
beforeAll(async () => {
  backend = createNodeBackend(1);
  checkpoint = await openModel(modelFolder);
  tokenizer = await checkpoint.tokenizer();
  model = await Model.load(checkpoint, backend);
});
afterAll(async () => {
  await model.dispose();
  await checkpoint.close();
  await backend.close();
});

const classes = {
  method: 'difference',
  positive: ['The Colosseum', 'The Trevi Fountain', 'The Spanish Steps', 'The Piazza Navona'],
  negative: ['The Pont Neuf', 'The Orsay Museum', 'The Grand Palais', 'The Bastille Opera'],
};
const blocks = { name: 'italy', layers: [1, 3], from: classes };
const heads = { name: 'heads', component: 'head_attention_value_output', layers: [5, 6], from: classes };
const newTokens = 4;

async function run(
  vectors: readonly object[],
  edits: readonly object[],
  more: object = {},
): Promise<SteerResult> {
  const experiment = readSteerExperiment({
    ...{ kind: 'steer', version: 1, model: modelFolder, vectors, edits, candidates: 0 },
    prompts: ['The Eiffel Tower is in the city of', 'The Louvre Museum can be found in the city of'],
    generation: { maxNewTokens: newTokens },
    ...more,
  });
  return completeSteer(model, await resolveSteer(model.architecture, tokenizer, experiment));
}

const steered = (result: SteerResult) =>
  result.texts.map((own) => own?.find(({ column }) => column === 'steered')?.tokens);
const source = (result: SteerResult, name: string) =>
  memorySource(name, steerFiles(result).files[name] ?? new Uint8Array());
const whyNot = (result: SteerResult, name: string) =>
  steerFiles(result).refused.find((refused) => refused.name === name)?.why;

const everywhere = { prompt: 'all', steps: 'all', specialTokens: true };

describe('vectors for use elsewhere', () => {
  test('a control vector holds what is added at each block, strengths multiplied in', async () => {
    const result = await run([blocks], [{ vector: 'italy', strength: 0.5, ...everywhere }]);
    const { directions, modelHint } = await readControlVector(source(result, 'italy.gguf'));
    const [vector] = result.vectors;
    const [one = new Float32Array()] = vector ? vectorData(vector) : [];
    expect(modelHint).toBe('gpt2');
    expect([...directions.keys()].sort()).toEqual([1, 3]);
    expect(directions.get(1)).toEqual(one.map((entry) => entry * 0.5));
  });

  test('llama.cpp cannot add at block 0, nor leave positions out, nor do more than add', async () => {
    const low = { ...blocks, layers: [0, 3] };
    const refused = async (vector: object, edit: object) =>
      whyNot(await run([vector], [edit], { prompts: [] }), 'italy.gguf');
    expect(await refused(low, { vector: 'italy', ...everywhere })).toContain(
      'llama.cpp adds nothing at the output of block 0',
    );
    expect(await refused(blocks, { vector: 'italy' })).toContain('at every position');
    expect(await refused(blocks, { vector: 'italy', ...everywhere, map: { kind: 'ablate' } })).toContain(
      'does nothing else',
    );
    expect(
      await refused({ ...blocks, component: 'mlp_output' }, { vector: 'italy', ...everywhere }),
    ).toContain("not at 'mlp_output'");
  });

  test('safetensors have each site by its name', async () => {
    const result = await run([heads], [{ vector: 'heads', heads: [2], strength: 2 }], { prompts: [] });
    const [own] = await Promise.all([
      safetensorsVector(source(result, 'vectors.safetensors'), 'heads.layer_6.head_2'),
    ]);
    const added = await safetensorsVector(source(result, 'added.safetensors'), 'heads.layer_6.head_2');
    expect(added).toEqual(own.map((entry) => 2 * entry));
    const { sites = [] } = result.vectors[0] ?? {};
    const at = sites.findIndex(({ layer, head }) => layer === 6 && head === 2);
    expect(Math.hypot(...own)).toBeCloseTo(sites[at]?.norm ?? 0, 3);
  });

  test('a steering file generates the same texts', async () => {
    const edits = [
      { vector: 'italy', layers: [3], strength: 0.3, unit: 'relative', prompt: 'all', steps: 'none' },
      {
        name: 'capped',
        vector: 'italy',
        layers: [1],
        unit: 'sigma',
        map: { kind: 'cap', at: 0.5 },
        steps: { from: 1 },
      },
    ];
    const result = await run([blocks], edits);
    const text = new TextDecoder().decode(steerFiles(result).files['steering.json']);
    const placed = await placeSteering(readSteering(JSON.parse(text)), () =>
      Promise.reject(new Error('no file')),
    );
    const rows = result.prompts.map(({ tokens }) => ({
      tokens,
      edits: steeringEdits(model.architecture, placed, textRun(tokens), (id) => tokenizer.isSpecial(id)),
    }));
    const texts = await generateTexts(model, { rows, maxNewTokens: newTokens });
    expect(texts.map(({ tokens }) => tokens)).toEqual(steered(result));
  });
});

/** What is in the folder for pyvene. */
const folderOf = (result: SteerResult): ReadonlyMap<string, Uint8Array> =>
  new Map(
    Object.entries(steerFiles(result).files).flatMap(([path, bytes]) =>
      path.startsWith('interventions/') ? [[path.slice('interventions/'.length), bytes] as const] : [],
    ),
  );

describe("pyvene's folder", () => {
  test('generates the same texts here', async () => {
    const result = await run([blocks], [{ vector: 'italy', strength: 0.7 }]);
    const loaded = await IntervenableModel.load(folderOf(result), model);
    for (const [at, { tokens }] of result.prompts.entries()) {
      const [text] = await loaded.generate({ base: tokens, maxNewTokens: newTokens });
      expect(text?.tokens).toEqual(steered(result)[at]);
    }
  });

  test("holds heads as honest LLaMA does: biases at the output projection's output, which are W_o δ", async () => {
    const result = await run([heads], [{ vector: 'heads', heads: [0, 3], strength: 20, unit: 'sigma' }]);
    const names = [...folderOf(result).keys()];
    expect(names).toContain('intkey_comp_transformer_h[5]_attn_c_proj_output_unit_pos_nunit_1#0.bin');
    const loaded = await IntervenableModel.load(folderOf(result), model);
    const [intervention] = [...loaded.interventions.values()];
    expect(intervention?.type.name).toBe('AdditionIntervention');
    for (const [at, { tokens }] of result.prompts.entries()) {
      const [text] = await loaded.generate({ base: tokens, maxNewTokens: newTokens });
      expect(text?.tokens).toEqual(steered(result)[at]);
    }
    // Conv1D: [in, out].
    const name = 'transformer.h.5.attn.c_proj.weight';
    const info = checkpoint.tensors.get(name);
    const weights = expand(info?.dtype ?? 'F32', await checkpoint.read(name), 128 * 128);
    const added = await Promise.all(
      [0, 3].map((head) =>
        safetensorsVector(source(result, 'added.safetensors'), `heads.layer_5.head_${head}`),
      ),
    );
    const bytes = Buffer.from(result.biases[0]?.base64 ?? '', 'base64');
    expect(bytes.length).toBe(4 * 128);
    for (let out = 0; out < 128; out++) {
      let sum = 0;
      added.forEach((delta, index) => {
        delta.forEach((entry, at) => {
          sum += entry * (weights[([0, 3][index] ?? 0) * 32 * 128 + at * 128 + out] ?? 0);
        });
      });
      expect(Math.abs(bytes.readFloatLE(4 * out) - sum)).toBeLessThan(1e-3);
    }
  });

  const missing = missingPython('pyvene');
  const words = missing === undefined ? '' : ` (${missing})`;
  test.skipIf(missing !== undefined)(
    `generates in pyvene what it generates here${words}`,
    async () => {
      const made = {
        blocks: await run([blocks], [{ vector: 'italy', strength: 0.7 }]),
        heads: await run([heads], [{ vector: 'heads', heads: [0, 3], strength: 20, unit: 'sigma' }]),
      };
      const root = mkdtempSync(join(tmpdir(), 'patchbay-steer-'));
      const call = { prompt: made.blocks.prompts[0]?.tokens ?? [], tokens: newTokens, position: 2 };
      try {
        for (const [name, result] of Object.entries(made)) {
          mkdirSync(join(root, 'here', name), { recursive: true });
          for (const [file, bytes] of folderOf(result)) writeFileSync(join(root, 'here', name, file), bytes);
          writeFileSync(join(root, 'here', name, 'call.json'), JSON.stringify(call));
        }
        const script = new URL('../../interventions/expected/generate_pyvene.py', import.meta.url);
        const folders = ['here', 'own', 'report.json'].map((name) => join(root, name));
        execFileSync(process.env.PATCHBAY_PYTHON ?? '', [fileURLToPath(script), modelFolder, ...folders], {
          stdio: ['ignore', 'ignore', 'pipe'],
        });
        const report: unknown = JSON.parse(readFileSync(join(root, 'report.json'), 'utf8'));
        const same = { base: call.prompt, maxNewTokens: newTokens };
        for (const [name, result] of Object.entries(made)) {
          const loaded = await IntervenableModel.load(folderOf(result), model);
          const pyvene = { preset: 'pyvene' } as const;
          const [decode] = await loaded.generate({ ...same, placement: pyvene });
          const [all] = await loaded.generate({ ...same, placement: { ...pyvene, interveneOnPrompt: true } });
          expect(report).toMatchObject({ [name]: { decode: decode?.sequence, everywhere: all?.sequence } });
          expect(decode?.sequence).not.toEqual(all?.sequence);
        }
      } finally {
        rmSync(root, { recursive: true, force: true });
      }
    },
    300_000,
  );

  test('is not written for what pyvene has no words for', async () => {
    const ablated = await run([blocks], [{ vector: 'italy', map: { kind: 'ablate' } }], { prompts: [] });
    expect(whyNot(ablated, 'the folder interventions')).toContain('does more than add');
    const edits = [{ vector: 'italy' }, { name: 'again', vector: 'italy', layers: [3] }];
    expect(whyNot(await run([blocks], edits, { prompts: [] }), 'the folder interventions')).toContain(
      'at one site',
    );
  });
});

describe('programs', () => {
  const why = ({ programs }: SteerResult, name: string) => programs.find((own) => own.name === name)?.why;

  test('are refused where they would write other texts', async () => {
    const sampled = await run([blocks], [{ vector: 'italy' }], {
      generation: { maxNewTokens: 1, temperature: 1 },
    });
    expect(why(sampled, 'steer_nnsight.py')).toContain('are sampled');
    const ablated = await run([blocks], [{ vector: 'italy', map: { kind: 'ablate' } }]);
    expect(why(ablated, 'steer_transformer_lens.py')).toContain('does more than add a vector');
    const edits = [
      { vector: 'italy', layers: [1] },
      { name: 'later', vector: 'italy', layers: [3], steps: { from: 1 } },
    ];
    expect(why(await run([blocks], edits), 'steer_pyvene.py')).toContain('act at different positions');
    expect(why(await run([heads], [{ vector: 'heads' }]), 'steer_pyvene.py')).toContain("'h.pos'");
  });

  const tools = {
    'steer_pyvene.py': 'pyvene',
    'steer_nnsight.py': 'nnsight',
    'steer_transformer_lens.py': 'transformer_lens',
  };
  for (const [name, module] of Object.entries(tools)) {
    const missing = missingPython(module);
    const words = missing === undefined ? '' : ` (${missing})`;
    test.skipIf(missing !== undefined)(
      `${name} writes the same texts${words}`,
      async () => {
        const made = [
          await run(
            [blocks],
            [{ vector: 'italy', strength: 0.7, prompt: [1, -1], steps: { from: 1, count: 2 } }],
          ),
          await run(
            [blocks],
            [{ vector: 'italy', layers: [3], strength: 0.7, steps: { from: 2, every: 2 } }],
          ),
          ...(module === 'pyvene'
            ? []
            : [await run([heads], [{ vector: 'heads', heads: [1, 3], strength: 20, unit: 'sigma' }])]),
        ];
        for (const result of made) {
          const folder = mkdtempSync(join(tmpdir(), 'patchbay-steer-'));
          try {
            for (const [path, bytes] of Object.entries(steerFiles(result).files)) {
              mkdirSync(dirname(join(folder, path)), { recursive: true });
              writeFileSync(join(folder, path), bytes);
            }
            writeFileSync(join(folder, name), result.programs.find((own) => own.name === name)?.text ?? '');
            const printed = execFileSync(process.env.PATCHBAY_PYTHON ?? '', [name], {
              cwd: folder,
              encoding: 'utf8',
              stdio: ['ignore', 'pipe', 'pipe'],
            });
            const ids = printed
              .trim()
              .split('\n')
              .flatMap((line) => /\[[\d, ]+\]$/.exec(line) ?? [])
              .map((list): unknown => JSON.parse(list));
            expect(ids).toEqual(steered(result));
          } finally {
            rmSync(folder, { recursive: true, force: true });
          }
        }
      },
      300_000,
    );
  }
});
