// Estimates of sockets on a model that fills masks: each prompt is watched where its own mask stands.

import { afterAll, expect, test } from 'vitest';
import { residueTokenizer } from '../checkpoint/tokenizer/residueTokenizer.ts';
import { buildTokenizer } from '../checkpoint/tokenizer/tokenizer.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint } from '../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../runtime/model.ts';
import { estimateSockets } from './patching.ts';

const residues = ['<cls>', '<pad>', '<eos>', '<unk>', ...'LAGVSERTIDPKQNFYMHWCXBUZO.-', '<null_1>', '<mask>'];
const backend = createNodeBackend(1);
const checkpoint = tinyCheckpoint({
  model_type: 'esm',
  vocab_size: residues.length,
  hidden_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 16,
  max_position_embeddings: 40,
  position_embedding_type: 'rotary',
  pad_token_id: 1,
});
const model = await Model.load(checkpoint, backend);
const tokenizer = await buildTokenizer(residueTokenizer(residues.join('\n')), {}, 'tiny', 'esm');
afterAll(async () => {
  await model.dispose();
  await backend.close();
});

const inUse = { model, tokenizer, checkpoint, source: { kind: 'files', files: [] } } as const;

async function logitAt(text: string, position: number): Promise<number> {
  const [read] = await model.run({
    rows: [{ start: { kind: 'tokens', tokens: tokenizer.encode(text) }, edits: [] }],
    reads: [{ row: 0, site: { component: 'logits', layer: null }, location: { positions: [position] } }],
  });
  return read?.value?.data[residues.indexOf('A')] ?? Number.NaN;
}

test('the masks of base and source are watched, wherever each stands', async () => {
  const [base, source] = ['MK<mask>YIAK', 'MKT<mask>YIAK'];
  const places = [0, 1, 2, 4, 5, 6, 7, 8, 9];
  const request = { base, source, places, component: 'block_output', answer: 'A', distractor: null };
  const { values, shape, baselines } = await estimateSockets(request, {}, inUse);
  expect(baselines.base).toBeCloseTo(await logitAt(base, 3), 5);
  expect(baselines.source).toBeCloseTo(await logitAt(source, 4), 5);
  expect(shape).toEqual([2, places.length]);
  // Nothing but the mask's state is read behind the last layer.
  const lastLayer = [...values].slice(-places.length);
  expect(lastLayer.map((value) => value !== 0)).toEqual(lastLayer.map((_, at) => at === 3));
  await expect(estimateSockets({ ...request, base: 'MKYIAK' }, {}, inUse)).rejects.toThrow(
    /and the base has none. Write '<mask>'/,
  );
});
