// Programs for pyvene of the models that read something beside the text they write, or a picture: the inputs lie beside the
// program, and every component of every stack is reached by its module, or refused.
// `PATCHBAY_PYTHON=python npm run unit -- src/interventions/export/stack`.

import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { firstInput } from '../../architectures/architecture.ts';
import { openFolder } from '../../checkpoint/openNode.ts';
import { standardNormal } from '../../random/noise.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { Model } from '../../runtime/model.ts';
import { IntervenableModel } from '../intervenableModel.ts';
import { claimedPrograms } from './expected/claimedPrograms.ts';
import { printedByProgram } from './expected/ownProgram.ts';
import type { CaseInputs } from './expected/programCases.ts';

const pairs = ['attention_scores', 'attention_weight'];
const crossed = [...pairs, ...pairs.map((name) => `cross_${name}`)];
const under = (prefix: string, names: readonly string[]) => names.map((name) => `${prefix}${name}`);
/** What sublayers of BLIP's texts read is the residual stream itself. */
const inputs = ['attention_input', 'cross_attention_input', 'mlp_input'];
/** Queries, keys and values of a picture come out of one matrix. */
const heads = ['head_query_output', 'head_key_output', 'head_value_output'];
const vision = under('vision.', [
  ...pairs,
  ...heads,
  'embedding_output',
  'block_middle',
  'final_norm_output',
]);

/** With each model the components at which a plain interchange is refused. */
const models: Readonly<Record<string, readonly string[]>> = {
  't5-gated': [...crossed, ...under('encoder.', pairs)],
  'whisper-heads': [
    ...crossed,
    'block_middle',
    ...under('encoder.', [...pairs, 'embedding_output', 'block_middle']),
  ],
  'vit-unbiased': [...pairs, 'embedding_output', 'block_middle'],
  'blip-wide': [...crossed, ...inputs, ...vision],
  'blip-answers': [...crossed, ...inputs, ...under('question.', [...crossed, ...inputs]), ...vision],
};

/** Two examples of what the model reads. */
function inputsOf({ architecture }: Model): CaseInputs {
  const input = firstInput(architecture);
  const { encoder } = architecture;
  const side = (seed: number) => {
    const ids = (from: number, length: number) =>
      [0, 1].map((row) =>
        Array.from({ length }, (_, at) => 2 + ((from + seed * 7 + row * 11 + at * 5) % 26)),
      );
    const count = input?.shape.reduce((product, size) => product * size, 1) ?? 0;
    const numbers = [0, 1].map((row) => Float32Array.from(standardNormal(10 * seed + row, count)));
    const read =
      input === undefined
        ? {}
        : input.kind === 'sound'
          ? { inputFeatures: numbers }
          : { pixelValues: numbers };
    if (!encoder) return read;
    if (input && encoder.input)
      return { ...read, [input.kind === 'sound' ? 'decoderInputIds' : 'inputIds']: ids(3, 7) };
    return { ...read, inputIds: ids(1, 7), decoderInputIds: ids(3, 7) };
  };
  return { base: side(1), source: side(2), other: side(3) } as CaseInputs;
}

test('pyvene computes the same in every stack', async () => {
  const { refused, sentences, wrong, count } = await claimedPrograms(
    Object.keys(models).map((name) => ({ name, inputs: inputsOf })),
  );
  expect(count).toBeGreaterThan(200);
  expect(wrong).toEqual([]);
  for (const sentence of sentences) expect(sentence).toMatch(/^representations\.0: \S.*\.$/s);
  expect(refused).toEqual(
    Object.fromEntries(Object.entries(models).map(([name, own]) => [name, [...own].sort()])),
  );
}, 1_200_000);

test.each([
  ['t5-gated', 'encoder.block_output'],
  ['vit-unbiased', 'block_output'],
  ['blip-answers', 'question.block_output'],
])(
  'the library’s own program predicts the same: %s',
  async (name, component) => {
    const folder = fileURLToPath(new URL(`../../cli/conformance/expected/${name}/model`, import.meta.url));
    const backend = createNodeBackend(1);
    const checkpoint = await openFolder(folder);
    const model = await Model.load(checkpoint, backend);
    try {
      const { base, source } = inputsOf(model);
      const intervenable = new IntervenableModel({ layer: 1, component }, model);
      const call = { base, sources: [source], unitLocations: { 'sources->base': { source: 2, base: 1 } } };
      const { intervenedOutputs } = await intervenable.run({ ...call, logits: 'last' });
      const best = intervenedOutputs.logits.map(({ data }) => data.indexOf(Math.max(...data)));
      expect(printedByProgram(intervenable, call, folder).split('\n').map(Number)).toEqual(best);
    } finally {
      await model.dispose();
      await checkpoint.close();
      await backend.close();
    }
  },
  60_000,
);

test.each(['transformerLens', 'nnsight'] as const)(
  '%s has no program of these models, and says so',
  async (tool) => {
    const backend = createNodeBackend(1);
    const checkpoint = await openFolder(
      fileURLToPath(new URL('../../cli/conformance/expected/t5-gated/model', import.meta.url)),
    );
    const model = await Model.load(checkpoint, backend);
    const { base, source } = inputsOf(model);
    const exported = new IntervenableModel({ layer: 1, component: 'block_output' }, model).exportCode(tool, {
      base,
      sources: [source],
    });
    expect(exported.ok ? exported.code : exported.why).toMatch(
      /^Programs for \w+ have not been tried with models of type 't5'\.$/,
    );
    await model.dispose();
    await checkpoint.close();
    await backend.close();
  },
);
