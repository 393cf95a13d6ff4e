// Runs a graph on onnxruntime-node, for tests that stand below the runtime floor.

import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { encodeModel } from '../../onnx/codec.ts';
import type { Graph } from '../../onnx/graph.ts';
import type { Tensor } from './evaluate.ts';

/** Float32 outputs by name. @param inputs by name, more than the graph needs if need be */
export async function runOnNode(
  graph: Graph,
  inputs: Readonly<Record<string, Tensor>>,
): Promise<Readonly<Record<string, Float32Array>>> {
  const session = await InferenceSession.create(encodeModel(graph), { logSeverityLevel: 3 });
  const feeds = Object.fromEntries(
    [...graph.inputs].map(([name, { dtype }]) => {
      const tensor = inputs[name];
      if (!tensor) throw new Error(`No input '${name}'.`);
      const data = dtype === 'int32' ? Int32Array.from(tensor.data) : Float32Array.from(tensor.data);
      return [name, new OrtTensor(dtype, data, tensor.shape)];
    }),
  );
  const outputs = await session.run(feeds);
  await session.release();
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { data }]) => {
      if (!(data instanceof Float32Array)) throw new Error(`'${name}' is not float32.`);
      return [name, data];
    }),
  );
}
