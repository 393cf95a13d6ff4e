// Every program that is handed out is run where Python has the tools, on every family, and compared with what is
// computed here: `PATCHBAY_PYTHON=python npm run unit -- src/interventions/export`.

import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { writeWordTokenizer } from '../../checkpoint/fixtures/wordTokenizer.ts';
import { openFolder } from '../../checkpoint/openNode.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { Model } from '../../runtime/model.ts';
import { PlanError } from '../../runtime/plan/plan.ts';
import { IntervenableModel } from '../intervenableModel.ts';
import { InterventionError } from '../intervention.ts';
import { type ProgramCase, programCases } from './expected/programCases.ts';
import { missingPython, runPrograms } from './expected/pythonPrograms.ts';

const folderOf = (name: string): string =>
  fileURLToPath(new URL(`../../cli/conformance/expected/${name}/model`, import.meta.url));

const tools = { pyvene: 'pyvene', transformerLens: 'transformer_lens', nnsight: 'nnsight' } as const;
type Tool = keyof typeof tools;

const pairs = ['attention_scores', 'attention_weight'];
const unreturned = [...pairs, 'block_middle'];
const projections = ['query_output', 'key_output', 'value_output'];
const headProjections = projections.map((name) => `head_${name}`);
const heads = [...headProjections, 'head_attention_value_output'];
const unhooked = [
  'attention_input',
  'attention_value_output',
  'final_norm_output',
  'logits',
  'mlp_activation',
  'mlp_input',
  ...pairs,
  ...projections,
];

/**
 * Heads that are hidden / heads wide and not, shared by groups and not; both residuals of GPT-NeoX; windows. With each, the
 * components at which a plain interchange is refused.
 */
const models: Readonly<Record<string, Readonly<Record<Tool, readonly string[]>>>> = {
  'interventions-gpt2': {
    pyvene: unreturned,
    transformerLens: [...unhooked, 'block_middle', 'qkv_output'],
    nnsight: unreturned,
  },
  'gpt2-inner': {
    pyvene: unreturned,
    transformerLens: [...unhooked, 'block_middle', 'qkv_output'],
    nnsight: unreturned,
  },
  'gpt_neox-old-words': {
    pyvene: [...pairs, ...headProjections, 'logits'],
    transformerLens: [...unhooked, 'qkv_output'],
    nnsight: [...pairs, ...projections, ...headProjections],
  },
  'interventions-llama': {
    pyvene: unreturned,
    transformerLens: [...unhooked, 'block_middle'],
    nnsight: unreturned,
  },
  'llama-biases': {
    pyvene: [...unreturned, ...heads],
    transformerLens: [...unhooked, 'block_middle'],
    nnsight: unreturned,
  },
  'mistral-window': {
    pyvene: unreturned,
    transformerLens: [...unhooked, 'block_middle'],
    nnsight: unreturned,
  },
  'mistral-unbounded': {
    pyvene: [...unreturned, ...heads],
    transformerLens: [...unhooked, 'block_middle'],
    nnsight: unreturned,
  },
  'qwen2-window-layers': {
    pyvene: [...unreturned, ...heads],
    transformerLens: [...unhooked, 'block_middle'],
    nnsight: unreturned,
  },
  'qwen2-layer-types': {
    pyvene: [...unreturned, ...heads],
    transformerLens: [...unhooked, 'block_middle'],
    nnsight: unreturned,
  },
};

describe.each(Object.entries(models))('programs on %s', (name, refusals) => {
  let backend: Backend;
  let checkpoint: Checkpoint;
  let model: Model;
  let folder: string;
  beforeAll(async () => {
    backend = createNodeBackend(1);
    checkpoint = await openFolder(folderOf(name));
    model = await Model.load(checkpoint, backend);
    folder = mkdtempSync(join(tmpdir(), 'patchbay-exported-'));
    cpSync(folderOf(name), join(folder, 'model'), { recursive: true });
    // TransformerLens opens nothing without a tokenizer; programs give token ids.
    writeWordTokenizer(join(folder, 'model'), model.architecture.vocabularySize);
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await model.dispose();
    await checkpoint.close();
    await backend.close();
  });

  const intervenableOf = ({ configuration, parameters = {} }: ProgramCase) =>
    new IntervenableModel(configuration, model, { parameters });

  /** What is computed here; undefined for what the model itself refuses, which is no case. */
  async function computed(of: ProgramCase): Promise<readonly number[] | undefined> {
    try {
      const { intervenedOutputs, collectedActivations } = await intervenableOf(of).run(of.call);
      return [...intervenedOutputs.logits, ...collectedActivations.flat()].flatMap(({ data }) => [...data]);
    } catch (error) {
      if (error instanceof InterventionError || error instanceof PlanError) return undefined;
      throw error;
    }
  }

  test.each(Object.keys(tools) as Tool[])(
    '%s computes the same in every case that it claims',
    async (tool) => {
      const missing = missingPython(tools[tool]);
      const programs = new Map<string, string>();
      const results = new Map<string, readonly number[]>();
      const refused: string[] = [];
      for (const each of programCases(model.architecture)) {
        const isPlain = each.name.endsWith(', VanillaIntervention');
        // Without Python only what is claimed can be compared.
        if (missing !== undefined && !isPlain) continue;
        const found = await computed(each);
        if (!found) continue;
        const intervenable = intervenableOf(each);
        const exported = intervenable.exportCode(tool, each.call, join(folder, 'model'));
        if (!exported.ok) {
          expect(exported.why).toMatch(/^\S.*\.$/s);
          if (isPlain) refused.push(each.name.split(',')[0] ?? '');
          continue;
        }
        const saved = `saved for ${tool} ${programs.size}`;
        if (exported.code.includes('load("interventions"')) {
          mkdirSync(join(folder, saved));
          for (const [file, bytes] of intervenable.save()) writeFileSync(join(folder, saved, file), bytes);
        }
        programs.set(each.name, exported.code.replace('load("interventions"', `load("${saved}"`));
        results.set(each.name, found);
      }
      expect(refused.sort()).toEqual([...refusals[tool]].sort());
      if (missing !== undefined) return;
      const answers = runPrograms(programs, folder);
      const wrong: string[] = [];
      for (const [label, found] of results) {
        const answer = answers.get(label);
        if (!answer || 'error' in answer) {
          wrong.push(`${label}: ${answer?.error ?? 'no answer'}`);
          continue;
        }
        const theirs = [...answer.logits, ...answer.collected];
        const worst = Math.max(...found.map((x, i) => Math.abs(x - (theirs[i] ?? Number.NaN))));
        // A NaN is no agreement.
        if (!(theirs.length === found.length && worst < 1e-4)) wrong.push(`${label}: off by ${worst}`);
      }
      expect(wrong).toEqual([]);
    },
    600_000,
  );
});
