// A model that a browser can load and run, on a server that imitates the Hub. Its weights are random and large enough
// to be fetched in three pieces.

import { serveHub } from '../src/checkpoint/expected/fileServer.ts';
import {
  byteLevelTokenizer,
  jsonBytes,
  type SmallTensor,
  safetensorsFile,
} from '../src/checkpoint/expected/smallFiles.ts';
import { tinyCheckpoint } from '../src/runtime/fixtures/tinyCheckpoint.ts';

const config = { model_type: 'gpt2', n_embd: 512, n_layer: 3, n_head: 8, n_positions: 64, vocab_size: 260 };

async function weights(): Promise<Uint8Array> {
  const checkpoint = tinyCheckpoint(config);
  const tensors: Record<string, SmallTensor> = {};
  for (const [name, { dtype, shape }] of checkpoint.tensors) {
    tensors[name] = { dtype, shape, data: await checkpoint.read(name) };
  }
  return safetensorsFile(tensors);
}

const files = {
  'config.json': jsonBytes(config),
  'tokenizer.json': jsonBytes(byteLevelTokenizer()),
  'tokenizer_config.json': jsonBytes({}),
  'model.safetensors': await weights(),
};

export const modelId = 'lab/random';
export const gatedId = 'lab/gated';
export const token = 'hf_secret';
export const pieceBytes = 16 * 2 ** 20;
export const pieceCount = Math.ceil(files['model.safetensors'].byteLength / pieceBytes);

/** @param weightsAt another server that weights are redirected to */
export const startHub = (weightsAt?: string) =>
  serveHub({
    repositories: { [modelId]: files, [gatedId]: files },
    revisions: ['main', 'step1000'],
    gated: { [gatedId]: token },
    ...(weightsAt === undefined ? {} : { weightsAt }),
  });

/** The files under the paths of the server that weights are redirected to. */
export const storedFiles = { [`${gatedId}/model.safetensors`]: files['model.safetensors'] };
