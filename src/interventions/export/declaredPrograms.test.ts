// Programs for pyvene of the families that it does not know, or has other widths for: every component is reached by the module
// and the width that the program tells pyvene, or refused. One Python runs the programs of all families:
// `PATCHBAY_PYTHON=python npm run unit -- src/interventions/export/declared`.

import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openFolder } from '../../checkpoint/openNode.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { Model } from '../../runtime/model.ts';
import { PlanError } from '../../runtime/plan/plan.ts';
import { IntervenableModel } from '../intervenableModel.ts';
import { InterventionError } from '../intervention.ts';
import { programCases } from './expected/programCases.ts';
import { missingPython, runPrograms } from './expected/pythonPrograms.ts';

const folderOf = (name: string): string =>
  fileURLToPath(new URL(`../../cli/conformance/expected/${name}/model`, import.meta.url));

const pairs = ['attention_scores', 'attention_weight'];
const heads = (...names: readonly string[]) => names.flatMap((name) => [name, `head_${name}`]);
/** Norms of each head by itself stand in an axis of their own. */
const norms = heads('query_norm_output', 'key_norm_output');
const projections = heads('query_output', 'key_output', 'value_output');
const headProjections = projections.filter((name) => name.startsWith('head_'));
/** What sublayers read where it is the residual stream itself. */
const inputs = ['attention_input', 'mlp_input'];
const experts = ['expert_output', 'router_output'];

/** With each model the components at which a plain interchange is refused. */
const models: Readonly<Record<string, readonly string[]>> = {
  'bert-relu': [...pairs, ...inputs],
  'bloom-six-heads': [...pairs, ...inputs, ...headProjections, 'block_middle'],
  'cohere-norms': [...pairs, ...norms, 'attention_input', 'logits'],
  'distilbert-sines': [...pairs, ...inputs],
  'esm-rotary': pairs,
  'falcon-one-query': [...pairs, ...projections, 'attention_input'],
  'falcon-sequential': [...pairs, ...projections, 'block_middle'],
  'gemma-first-words': [...pairs, 'block_middle', 'embedding_output'],
  'gemma2-uncapped': [...pairs, 'block_middle', 'embedding_output', 'logits'],
  'gemma3_text-old-words': [...pairs, ...norms, 'block_middle', 'embedding_output', 'logits'],
  'gpt_bigcode-by-head': [...pairs, ...projections, 'block_middle'],
  'gpt_neo-local': [...pairs, 'block_middle'],
  'gptj-inner': [...pairs, 'attention_input'],
  'granite-factors': [...pairs, 'block_middle', 'logits'],
  'mamba-unbiased': ['ssm_state'],
  'mamba2-limits': ['ssm_state'],
  'mixtral-window': [...pairs, ...experts, 'block_middle', 'mlp_output'],
  'olmo2-biases': [...pairs, ...inputs, 'block_middle'],
  'opt-350m': [...pairs, ...inputs, 'block_middle', 'final_norm_output', 'mlp_activation', 'mlp_output'],
  'phi-norms': [...pairs, ...norms, 'attention_input'],
  'phi3-longrope': [...pairs, ...projections, 'block_middle'],
  'qwen3-window': [...pairs, ...norms, 'block_middle'],
  'qwen3_moe-mixed': [...pairs, ...norms, ...experts, 'block_middle'],
  'roberta-relu': [...pairs, ...inputs],
  'stablelm-parallel': [...pairs, ...norms, 'attention_input'],
  'starcoder2-unbiased': [...pairs, 'block_middle'],
};

/** A plain interchange at every component, a rotation that is loaded from a folder, and what is collected. */
const tried =
  /, (VanillaIntervention|CollectIntervention|LowRankRotatedSpaceIntervention|a head at a place|everywhere|a constant|a subspace)$/;
/** The forms that depend on the model's tables alone, where every component would only repeat them. */
const isTried = (name: string): boolean => {
  if (!tried.test(name)) return false;
  return (
    !/, (everywhere|a constant|a subspace)$/.test(name) ||
    /^(block_output|query_output|ssm_output),/.test(name)
  );
};

let backend: Backend;
let folder: string;
beforeAll(() => {
  backend = createNodeBackend(1);
  folder = mkdtempSync(join(tmpdir(), 'patchbay-declared-'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await backend.close();
});

interface Made {
  readonly refused: readonly string[];
  /** By the name of the case: the program and what is computed here. */
  readonly programs: ReadonlyMap<string, { readonly code: string; readonly found: readonly number[] }>;
}

/** @param isPlainOnly nothing is compared, only what is claimed */
async function madeOf(name: string, isPlainOnly: boolean): Promise<Made> {
  const checkpoint = await openFolder(folderOf(name));
  const model = await Model.load(checkpoint, backend);
  cpSync(folderOf(name), join(folder, name), { recursive: true });
  const refused: string[] = [];
  const programs = new Map<string, { readonly code: string; readonly found: readonly number[] }>();
  try {
    for (const each of programCases(model.architecture)) {
      const isPlain = each.name.endsWith(', VanillaIntervention');
      if (!isTried(each.name) || (isPlainOnly && !isPlain)) continue;
      let intervenable: IntervenableModel;
      let found: readonly number[];
      try {
        intervenable = new IntervenableModel(each.configuration, model, {
          parameters: each.parameters ?? {},
        });
        const { intervenedOutputs, collectedActivations } = await intervenable.run(each.call);
        found = [...intervenedOutputs.logits, ...collectedActivations.flat()].flatMap(({ data }) => [
          ...data,
        ]);
      } catch (error) {
        // What the model itself refuses is no case.
        if (error instanceof InterventionError || error instanceof PlanError) continue;
        throw error;
      }
      const exported = intervenable.exportCode('pyvene', each.call, join(folder, name));
      if (!exported.ok) {
        expect(exported.why).toMatch(/^representations\.0: \S.*\.$/s);
        if (isPlain) refused.push(each.name.split(',')[0] ?? '');
        continue;
      }
      const saved = `${name} ${programs.size}`;
      if (exported.code.includes('load("interventions"')) {
        mkdirSync(join(folder, saved));
        for (const [file, bytes] of intervenable.save()) writeFileSync(join(folder, saved, file), bytes);
      }
      programs.set(each.name, {
        code: exported.code.replace('load("interventions"', `load("${saved}"`),
        found,
      });
    }
  } finally {
    await model.dispose();
    await checkpoint.close();
  }
  return { refused, programs };
}

test('pyvene computes the same in every component that a program of its family claims', async () => {
  const missing = missingPython('pyvene');
  const programs = new Map<string, string>();
  const results = new Map<string, readonly number[]>();
  const refusals: Record<string, readonly string[]> = {};
  for (const name of Object.keys(models)) {
    const made = await madeOf(name, missing !== undefined);
    refusals[name] = [...made.refused].sort();
    for (const [label, { code, found }] of made.programs) {
      programs.set(`${name}: ${label}`, code);
      results.set(`${name}: ${label}`, found);
    }
  }
  const wrong: string[] = [];
  if (missing === undefined) {
    const answers = runPrograms(programs, folder);
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
  }
  expect(wrong).toEqual([]);
  expect(refusals).toEqual(
    Object.fromEntries(Object.entries(models).map(([name, own]) => [name, [...own].sort()])),
  );
}, 1_200_000);
