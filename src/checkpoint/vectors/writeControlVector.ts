// Writes llama.cpp's control vectors, as repeng does: `direction.N` for the output of block N.

import { CheckpointError } from '../checkpoint.ts';
import { alignedTo, GgufBytes } from '../gguf/ggufBytes.ts';

const float32 = 0;

/**
 * @param directions by the block at whose output they are added, counted from 0
 * @param modelHint  the kind of model, `llama` for instance
 * @throws CheckpointError for block 0, where llama.cpp adds nothing, and directions of several widths
 */
export function writeControlVector(
  directions: ReadonlyMap<number, Float32Array>,
  modelHint: string,
): Uint8Array {
  const entries = [...directions].sort(([a], [b]) => a - b);
  const width = entries[0]?.[1].length ?? 0;
  if (width === 0) throw new CheckpointError('A control vector needs at least one direction.');
  if (entries.some(([, { length }]) => length !== width))
    throw new CheckpointError('The directions of a control vector must all have the width of the model.');
  if (directions.has(0))
    throw new CheckpointError(
      'llama.cpp adds nothing at the output of block 0, so a control vector cannot hold it. Choose another layer.',
    );
  const layerCount = entries.at(-1)?.[0] ?? 0;
  const bytes = new GgufBytes();
  bytes.begin(entries.length, 3);
  bytes.entry('general.architecture', 'controlvector');
  bytes.entry('controlvector.model_hint', modelHint);
  bytes.entry('controlvector.layer_count', layerCount);
  const stride = alignedTo(4 * width);
  entries.forEach(([layer], index) => {
    bytes
      .string(`direction.${layer}`)
      .uint32(1)
      .uint64(width)
      .uint32(float32)
      .uint64(index * stride);
  });
  bytes.pad();
  for (const [, direction] of entries) {
    const view = new DataView(new ArrayBuffer(4 * width));
    direction.forEach((entry, at) => {
      view.setFloat32(4 * at, entry, true);
    });
    bytes.bytes(new Uint8Array(view.buffer)).pad();
  }
  return bytes.whole();
}
