// onnxruntime's program for WebGPU has 26 MB of WebAssembly, and some of its functions take V8's optimiser half a minute of a
// core each. It works beside the program, for whom the GPU is what counts, and a process that is done does not end
// before: so that program is compiled by V8's baseline compiler alone. In a browser that is the browser's own affair.

import { setFlagsFromString } from 'node:v8';

const flags = ['wasm-tier-up', 'wasm-dynamic-tiering'];

/** @param load compiles a program; others that are compiled meanwhile fare as it does */
export async function compiledByBaseline<T>(load: () => Promise<T>): Promise<T> {
  for (const flag of flags) setFlagsFromString(`--no-${flag}`);
  try {
    return await load();
  } finally {
    for (const flag of flags) setFlagsFromString(`--${flag}`);
  }
}
