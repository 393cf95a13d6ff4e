// What programs for other tools are refused, and that the library's own program runs. What the programs for Python
// compute is compared in exportedPrograms.test.ts.

import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { openFolder } from '../../checkpoint/openNode.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { Model } from '../../runtime/model.ts';
import type { ConfigurationInput } from '../configuration/configuration.ts';
import { type CodeLanguage, IntervenableModel, type RunArguments } from '../intervenableModel.ts';
import { printedByProgram } from './expected/ownProgram.ts';

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

const block = { layer: 1, component: 'block_output' } as const;
const call: RunArguments = {
  base,
  sources: [source],
  unitLocations: { 'sources->base': [[[[2], [5]]], [[[4], [3]]]] },
};

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
  const refused: readonly (readonly [CodeLanguage, ConfigurationInput, RunArguments, RegExp])[] = [
    [
      'typescript',
      block,
      {
        base: { inputIds: [[0, 0, 3, 17]], attentionMask: [[0, 0, 1, 1]] },
        sources: [[[5, 9]]],
        unitLocations: { 'sources->base': { source: 1, base: 3 } },
      },
      /^The prompts have padding before them, from which locations are counted/,
    ],
    [
      'pyvene',
      { ...block, source_layer: 0 },
      call,
      /^pyvene takes a source from the same site of its group's own run, and cannot say 'representations\.0\.source_layer'\.$/,
    ],
    [
      'pyvene',
      { ...block, component: 'block_middle' },
      call,
      /^representations\.0: no module of the model returns 'block_middle', so pyvene cannot reach it\.$/,
    ],
    [
      'nnsight',
      { ...block, component: 'block_middle' },
      call,
      /^representations\.0: no module of this model returns or takes 'block_middle' by itself\.$/,
    ],
    [
      'pyvene',
      { ...block, component: 'block_middle', intervention_type: 'RotatedSpaceIntervention' },
      call,
      /^representations\.0: no module of the model returns 'block_middle', so pyvene cannot reach it\.$/,
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

  test.each<readonly [string, ConfigurationInput, RunArguments | ((width: number) => RunArguments)]>([
    ['places of their own', block, call],
    [
      'numbers in the place of a source',
      block,
      (width) => ({
        base,
        unitLocations: { 'sources->base': { base: 6 } },
        sourceRepresentations: {
          'layer_1_comp_block_output_unit_pos_nunit_1#0': Array.from({ length: width }, (_, at) =>
            Math.sin(at),
          ),
        },
      }),
    ],
    [
      'parameters from a saved folder',
      { ...block, intervention_type: 'LowRankRotatedSpaceIntervention', low_rank_dimension: 2 },
      { ...call, subspaces: [1] },
    ],
    [
      'runs in series',
      { representations: [{ ...block, component: 'mlp_output' }, block], mode: 'serial' },
      {
        base,
        sources: [source, base],
        unitLocations: { 'source_0->source_1': 3, 'source_1->base': { source: 3, base: 6 } },
      },
    ],
  ])(
    'the library’s own program predicts the same: %s',
    async (_, configuration, given) => {
      const of = typeof given === 'function' ? given(model.architecture.width) : given;
      const intervenable = new IntervenableModel(configuration, model);
      const printed = printedByProgram(intervenable, of, folderOf(family));
      const { intervenedOutputs } = await intervenable.run({ ...of, logits: 'last' });
      const best = intervenedOutputs.logits.map(({ data }) => data.indexOf(Math.max(...data)));
      expect(printed.split('\n').map(Number)).toEqual(best);
    },
    60_000,
  );
});

test.each<readonly [string, object, RegExp]>([
  [
    'olmo2-biases',
    { component: 'mlp_input' },
    /^representations\.0: in the modules of olmo2 'mlp_input' is the same tensor as the residual stream, and pyvene would edit both\.$/,
  ],
  [
    'gptj-inner',
    { component: 'attention_input' },
    /^representations\.0: in the modules of gptj 'attention_input' is the same tensor as what the MLP reads, and pyvene would edit both\.$/,
  ],
  [
    'bloom-six-heads',
    {
      component: 'query_output',
      intervention_type: 'LowRankRotatedSpaceIntervention',
      low_rank_dimension: 2,
    },
    /^representations\.0: 'query_output' lies within a module's output in bloom, where pyvene takes no LowRankRotatedSpaceIntervention of it\.$/,
  ],
])('pyvene says why it has no program of %s', async (name, more, why) => {
  const backend = createNodeBackend(1);
  const checkpoint = await openFolder(
    fileURLToPath(new URL(`../../cli/conformance/expected/${name}/model`, import.meta.url)),
  );
  const model = await Model.load(checkpoint, backend);
  try {
    const exported = new IntervenableModel({ ...block, ...more }, model).exportCode('pyvene', {
      base,
      sources: [source],
      unitLocations: { 'sources->base': 0 },
    });
    expect(exported.ok ? exported.code : exported.why).toMatch(why);
  } finally {
    await model.dispose();
    await checkpoint.close();
    await backend.close();
  }
});
