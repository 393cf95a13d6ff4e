// Rules of single families that no reference folder meets, with values from transformers 5.24.
import { expect, test } from 'vitest';
import { positionsBehindPadding } from '../../architectures/families/bert.ts';
import { describeArchitecture, weightSources } from '../../architectures/registry.ts';
import { graph } from '../../onnx/graph.ts';
import { input } from '../../onnx/value.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';

test('padding before and between tokens is not counted in a RoBERTa position, in any sequence of a batch', async () => {
  const backend = createNodeBackend(1);
  const shape = ['tokens'] as const;
  const [tokens, positions] = [input('tokens', 'int32', shape), input('positions', 'int32', shape)];
  const program = await backend.compile(graph({ y: positionsBehindPadding({ tokens, positions }, 1) }));
  // create_position_ids_from_input_ids of [5, 1, 7], [1, 1, 9, 8] and [4, 6, 1].
  const ids = Int32Array.of(5, 1, 7, 1, 1, 9, 8, 4, 6, 1);
  const { y } = await program.run({
    tokens: backend.upload(ids, [10]),
    positions: backend.upload(Int32Array.of(0, 1, 2, 0, 1, 2, 3, 0, 1, 2), [10]),
  });
  if (!y) throw new Error('no output');
  expect([...(await backend.read(y))]).toEqual([2, 1, 3, 1, 1, 2, 3, 2, 3, 1]);
  await program.dispose();
  await backend.close();
});

test("the original length that Phi-3's configuration has by default wins over the one inside the rope options", () => {
  const amplitude = (more: object): number | undefined => {
    const rope = { type: 'longrope', short_factor: [1, 1], long_factor: [2, 2] };
    const config = {
      model_type: 'phi3',
      hidden_size: 8,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      num_key_value_heads: 2,
      intermediate_size: 8,
      vocab_size: 31,
      max_position_embeddings: 8192,
      rope_scaling: { ...rope, original_max_position_embeddings: 16 },
      ...more,
    };
    const [table] = weightSources(describeArchitecture(config, new Set())).filter(
      (source) => source.kind === 'positions',
    );
    // The cosine of the first position.
    return table?.rows(1)[0];
  };
  // attention_scaling of Phi3ForCausalLM's rotary embedding.
  expect(amplitude({})).toBeCloseTo(1.0408329997330663, 6);
  expect(amplitude({ original_max_position_embeddings: 8 })).toBeCloseTo(2.081665999466133, 6);
});
