// Files whose tensors have other names, other heads, or an unembedding that the configuration does not speak of.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { architectureOf, architectureOfWeights, weightSources } from '../../architectures/registry.ts';
import type { Checkpoint, ModelConfiguration, TensorInfo } from '../../checkpoint/checkpoint.ts';
import { openFolder } from '../../checkpoint/openNode.ts';
import { nextLogits } from '../../experiments/predict.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../../runtime/model.ts';
import { committedFolders } from './expectedFolders.ts';

/** The same weights under other names; what `rename` maps to undefined is left out. */
function renamed(checkpoint: Checkpoint, rename: (name: string) => string | undefined): Checkpoint {
  const names = new Map<string, string>();
  const tensors = new Map<string, TensorInfo>();
  for (const [name, info] of checkpoint.tensors) {
    const other = rename(name);
    if (other === undefined) continue;
    names.set(other, name);
    tensors.set(other, { ...info, name: other });
  }
  return { ...checkpoint, tensors, read: (name, signal) => checkpoint.read(names.get(name) ?? name, signal) };
}

/** With more tensors, each a copy of another's numbers or of its own. */
function withTensor(
  checkpoint: Checkpoint,
  name: string,
  shape: readonly number[],
  data?: Float32Array,
): Checkpoint {
  const values = data ?? new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.25);
  const info: TensorInfo = { name, dtype: 'F32', shape, sizeBytes: values.byteLength };
  return {
    ...checkpoint,
    tensors: new Map([...checkpoint.tensors, [name, info]]),
    read: async (wanted, signal) =>
      wanted === name ? new Uint8Array(values.slice().buffer) : checkpoint.read(wanted, signal),
  };
}

const withConfig = (checkpoint: Checkpoint, more: ModelConfiguration): Checkpoint => ({
  ...checkpoint,
  config: { ...checkpoint.config, ...more },
});

let backend: Backend;
beforeAll(async () => {
  backend = await createNodeBackend(1);
});
afterAll(() => backend.close());

async function loaded(checkpoint: Checkpoint) {
  const model = await Model.load(checkpoint, backend);
  try {
    return { logits: await nextLogits(model, [5, 17, 3]), notices: model.notices };
  } finally {
    await model.dispose();
  }
}

const encoder = {
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 24,
  max_position_embeddings: 32,
  vocab_size: 31,
};
const families: readonly (readonly [string, ModelConfiguration, string])[] = [
  ['gpt2', tinyConfigurations.gpt2, 'lm_head'],
  ['llama', tinyConfigurations.llama, 'lm_head'],
  ['gpt_neox', tinyConfigurations.gpt_neox, 'embed_out'],
  ['mistral', tinyConfigurations.mistral, 'lm_head'],
  ['bert', { ...encoder, model_type: 'bert' }, 'cls.predictions.decoder'],
  ['roberta', { ...encoder, model_type: 'roberta' }, 'lm_head.decoder'],
  ['esm', { ...encoder, model_type: 'esm', position_embedding_type: 'rotary' }, 'lm_head.decoder'],
  [
    'distilbert',
    { model_type: 'distilbert', dim: 16, n_layers: 2, n_heads: 2, hidden_dim: 24, vocab_size: 31 },
    'vocab_projector',
  ],
];

describe.each(families)('%s', (_, configuration, path) => {
  const untied = tinyCheckpoint({ ...configuration, tie_word_embeddings: false });
  const tied = withConfig(untied, { tie_word_embeddings: true });
  const name = `${path}.weight`;

  test('an unembedding of the file’s own is used although the configuration ties it, and this is reported', async () => {
    const [own, found] = [await loaded(untied), await loaded(tied)];
    expect(found.logits).toEqual(own.logits);
    expect(own.notices).toEqual([]);
    expect(found.notices[0]).toContain(`and '${name}' in the file differs from`);
  });

  test('an unembedding that equals the embedding is tied without a word', async () => {
    const { tied: names } = architectureOf(tied);
    const table = await tied.read(names?.table ?? '');
    const bytes = new Float32Array(table.buffer.slice(table.byteOffset, table.byteOffset + table.byteLength));
    const copy = withTensor(tied, name, untied.tensors.get(name)?.shape ?? [], bytes);
    const alone = renamed(tied, (other) => (other === name ? undefined : other));
    const [found, plain] = [await loaded(copy), await loaded(alone)];
    expect(found.logits).toEqual(plain.logits);
    expect(found.notices).toEqual([]);
    const { architecture } = await architectureOfWeights(copy);
    expect(
      weightSources(architecture).some((source) => source.kind === 'tensor' && source.tensor === name),
    ).toBe(false);
  });
});

describe.each(committedFolders)('$name', ({ modelPath }) => {
  test('is found without its prefix, inside a larger model, and beside a head of another kind', async () => {
    const checkpoint = await openFolder(modelPath);
    const names = (each: Checkpoint) =>
      weightSources(architectureOf(each)).flatMap((source) =>
        source.kind === 'tensor' ? [source.tensor] : [],
      );
    const own = names(checkpoint);
    const inside = renamed(checkpoint, (name) => `language_model.${name}`);
    expect(names(inside)).toEqual(own.map((name) => `language_model.${name}`));
    const prefix = /^(model|transformer|gpt_neox)\./;
    const bare = renamed(checkpoint, (name) => name.replace(prefix, ''));
    expect(names(bare)).toEqual(own.map((name) => name.replace(prefix, '')));
    const scored = withTensor(checkpoint, 'score.weight', [2, 8]);
    expect(names(scored)).toEqual(own);
    expect((await architectureOfWeights(scored)).notices.join()).toContain("'score.weight'");
    await checkpoint.close();
  });
});

test('a mamba2 model of several groups says that versions of transformers differ in its norm', async () => {
  const noticesWith = async (groups: number) => {
    const mamba2 = { model_type: 'mamba2', hidden_size: 16, num_heads: 4, head_dim: 8, state_size: 4 };
    const config = { ...mamba2, n_groups: groups, num_hidden_layers: 1, vocab_size: 31 };
    return (await architectureOfWeights(tinyCheckpoint(config))).notices;
  };
  expect(await noticesWith(1)).toEqual([]);
  expect(await noticesWith(2)).toEqual([
    'This mamba2 model has 2 groups. The norm behind the recurrence goes over all of them at once, as in transformers 5.18; later versions (5.24) normalise each group by itself and give other logits.',
  ]);
});

test('a body without an unembedding is refused for what it is, and an adapter inside a layer is refused', () => {
  const untied = tinyCheckpoint({ ...tinyConfigurations.llama, tie_word_embeddings: false });
  const body = renamed(untied, (name) =>
    name === 'lm_head.weight' ? undefined : name.replace(/^model\./, ''),
  );
  expect(() => architectureOf(body)).toThrow(
    "random llama has no tensor 'lm_head.weight', the unembedding, and its config.json does not tie one to the embedding, so it gives no logits. It was saved from the body of the model alone",
  );
  expect(() => architectureOf(withTensor(body, 'score.weight', [1, 16]))).toThrow(
    /It has 'score.weight' instead/,
  );
  const adapted = withTensor(untied, 'model.layers.0.self_attn.q_proj.lora_A.weight', [4, 16]);
  expect(() => architectureOf(adapted)).toThrow(/lora_A.weight', which has no place/);
  expect(() => architectureOf(withTensor(untied, 'lm_head.bias', [31]))).toThrow(/'lm_head.bias'/);
});
