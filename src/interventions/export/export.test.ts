// Programs for other tools: what they say, what they refuse, and that they compute the same where Python has the tools.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { openFolder } from '../../checkpoint/openNode.ts';
import { standardNormal } from '../../random/noise.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { Model } from '../../runtime/model.ts';
import type { ConfigurationInput } from '../configuration/configuration.ts';
import { type CodeLanguage, IntervenableModel, type RunArguments } from '../intervenableModel.ts';

const python = process.env.PATCHBAY_PYTHON;
const folderOf = (family: string) =>
  fileURLToPath(new URL(`../../cli/conformance/expected/interventions-${family}/model`, import.meta.url));

const base = [
  [3, 17, 8, 25, 1, 20, 12],
  [9, 2, 11, 4, 28, 6, 19],
];
const source = [
  [5, 9, 21, 2, 14, 7, 19],
  [1, 1, 2, 3, 5, 8, 13],
];

interface Case {
  readonly configuration: ConfigurationInput;
  readonly call: RunArguments;
}
const block = { layer: 1, component: 'block_output' } as const;
const both = (units: readonly number[]) => [units, units];
const call: RunArguments = {
  base,
  sources: [source],
  unitLocations: { 'sources->base': [[[[2], [5]]], [[[4], [3]]]] },
};

const cases: Readonly<Record<string, Case>> = {
  'an interchange at places of their own': { configuration: block, call },
  'an addition in a subspace': {
    configuration: { layer: 0, component: 'mlp_output', intervention_type: 'AdditionIntervention' },
    call: { ...call, subspaces: [0, 5, 9] },
  },
  'a constant of a vector': {
    configuration: {
      ...block,
      intervention_type: 'SubtractionIntervention',
      source_representation: [...standardNormal(3, 24)].map(Math.fround),
    },
    call: { base, unitLocations: { base: 4 } },
  },
  'a head at a position': {
    configuration: { layer: 1, component: 'head_attention_value_output', unit: 'h.pos' },
    call: {
      ...call,
      unitLocations: { 'sources->base': [[[both([0]), both([2])]], [[both([3]), both([4])]]] },
    },
  },
  'zeros over all positions': {
    configuration: { layer: 2, component: 'attention_output', intervention_type: 'ZeroIntervention' },
    call: { base },
  },
  'two at once': {
    configuration: [
      { layer: 2, component: 'attention_output', group_key: 0 },
      { layer: 0, component: 'mlp_output', group_key: 0 },
    ],
    call: {
      ...call,
      unitLocations: {
        'sources->base': [
          [both([3]), both([2])],
          [both([5]), both([4])],
        ],
      },
    },
  },
  'queries of a head': {
    configuration: { layer: 1, component: 'head_query_output', unit: 'h' },
    call: { ...call, unitLocations: { 'sources->base': { source: 1, base: 2 } } },
  },
};

const widths: Readonly<Record<string, number>> = { gpt2: 16, llama: 24 };

/** Runs each program by itself and prints what it has left as `result`. nnsight reads the source of what it traces. */
const runAll = `
import json, linecache, sys, torch
programs, results = json.load(open(sys.argv[1])), {}
for name, code in programs.items():
    linecache.cache[name] = (len(code), None, code.splitlines(True), name)
    scope = {"__name__": "__main__"}
    torch.set_grad_enabled(True)
    exec(compile(code, name, "exec"), scope)
    results[name] = scope["result"]
print(json.dumps(results))
`;

const modules: Readonly<Record<string, string>> = {
  pyvene: 'pyvene',
  transformerLens: 'transformer_lens',
  nnsight: 'nnsight',
};

function hasModule(name: string): boolean {
  try {
    execFileSync(python ?? '', ['-c', `import ${name}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe.each(['gpt2', 'llama'])('programs on %s', (family) => {
  let backend: Backend;
  let checkpoint: Checkpoint;
  let model: Model;
  beforeAll(async () => {
    backend = createNodeBackend(1);
    checkpoint = await openFolder(folderOf(family));
    model = await Model.load(checkpoint, backend);
  });
  afterAll(async () => {
    await model.dispose();
    await checkpoint.close();
    await backend.close();
  });
  /** Constants of the width of this model. */
  const fitted = (configuration: ConfigurationInput): ConfigurationInput =>
    JSON.parse(JSON.stringify(configuration), (key, value) =>
      key === 'source_representation' ? value.slice(0, widths[family]) : value,
    );

  // TransformerLens opens no LLaMA without a tokenizer, and the tiny one has none.
  const runnable = (['pyvene', 'transformerLens', 'nnsight'] as const).filter(
    (language) => family === 'gpt2' || language !== 'transformerLens',
  );
  for (const language of runnable) {
    test(`${language} computes the same`, ({ skip }) => computesTheSame(language, skip));
  }
  const computesTheSame = async (language: (typeof runnable)[number], skip: (why: string) => void) => {
    const module = modules[language] ?? '';
    if (python === undefined || !hasModule(module))
      return skip(`needs PATCHBAY_PYTHON, a Python with torch and ${module}`);
    const folder = mkdtempSync(join(tmpdir(), 'patchbay-code-'));
    try {
      const programs: Record<string, string> = {};
      const results = new Map<string, readonly number[]>();
      for (const [name, { configuration, call: of }] of Object.entries(cases)) {
        const intervenable = new IntervenableModel(fitted(configuration), model);
        const exported = intervenable.exportCode(language, of, folderOf(family));
        if (!exported.ok) throw new Error(`${name}: ${exported.why}`);
        const logits = language === 'transformerLens' ? 'logits' : 'output.logits';
        programs[name] = exported.code.replace(/^print\(.*$/m, `result = ${logits}.flatten().tolist()`);
        const { intervenedOutputs } = await intervenable.run(of);
        results.set(
          name,
          intervenedOutputs.logits.flatMap(({ data }) => [...data]),
        );
      }
      // One process for all: it takes longer to load PyTorch than to run them.
      const path = join(folder, 'programs.json');
      writeFileSync(path, JSON.stringify(programs));
      const printed = execFileSync(python, ['-c', runAll, path], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const wanted: Readonly<Record<string, readonly number[]>> = JSON.parse(
        printed.trim().split('\n').at(-1) ?? '{}',
      );
      for (const [name, found] of results) {
        expect([name, found.length]).toEqual([name, wanted[name]?.length]);
        const worst = found.reduce(
          (most, x, i) => Math.max(most, Math.abs(x - (wanted[name]?.[i] ?? Number.NaN))),
          0,
        );
        expect(worst, name).toBeLessThan(1e-4);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };

  const refused: readonly (readonly [CodeLanguage, ConfigurationInput, RunArguments, RegExp])[] = [
    [
      'pyvene',
      { ...block, source_layer: 0 },
      call,
      /^pyvene takes a source from the same site of its group's own run, and cannot say 'representations\.0\.source_layer'\.$/,
    ],
    [
      'transformerLens',
      { ...block, component: 'mlp_input' },
      call,
      /^representations\.0: TransformerLens has no hook that holds 'mlp_input' as the checkpoint computes it\.$/,
    ],
    [
      'nnsight',
      { ...block, intervention_type: 'BoundlessRotatedSpaceIntervention' },
      call,
      /^representations\.0: a BoundlessRotatedSpaceIntervention would have to be written by hand in nnsight\.$/,
    ],
    [
      'transformerLens',
      block,
      { base: [[1, 2, 3], [4]], sources: [[[1, 2], [3]]], unitLocations: { 'sources->base': 0 } },
      /^The prompts of one batch have different lengths/,
    ],
  ];
  test.each(refused)('%s says why it cannot', (language, configuration, of, why) => {
    const exported = new IntervenableModel(configuration, model).exportCode(language, of);
    expect(exported.ok ? exported.code : exported.why).toMatch(why);
  });

  test('the library’s own program declares the same', async () => {
    const exported = new IntervenableModel(block, model).exportCode('typescript', call, 'owner/name');
    expect(exported).toEqual({
      ok: true,
      code: `import { IntervenableModel, loadModel } from 'patchbay';

const { model, dispose } = await loadModel("owner/name");
const intervenable = new IntervenableModel(
  [
    {
      "layer": 1,
      "component": "block_output"
    }
  ],
  model,
);
const { intervenedOutputs } = await intervenable.run({
  base: [[3,17,8,25,1,20,12],[9,2,11,4,28,6,19]],
  sources: [[[5,9,21,2,14,7,19],[1,1,2,3,5,8,13]]],
  unitLocations: ${JSON.stringify(call.unitLocations, null, 2).replaceAll('\n', '\n  ')},
  logits: 'last',
});
for (const { data } of intervenedOutputs.logits) console.log(data.indexOf(Math.max(...data)));
await dispose();
`,
    });
  });
});
