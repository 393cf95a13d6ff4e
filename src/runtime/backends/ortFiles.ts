// Where the page serves onnxruntime's own files from: Vite emits them beside the page, so nothing comes from a CDN.
// Only code that Vite bundles may import this.

import webgpuMjs from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url';
import webgpuWasm from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url';
import wasmMjs from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import wasmWasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';

/** ORT resolves relative paths against its own script, so they are made absolute. */
const absolute = (path: string): string => new URL(path, import.meta.url).href;

export const webgpuFiles = { mjs: absolute(webgpuMjs), wasm: absolute(webgpuWasm) };
export const wasmFiles = { mjs: absolute(wasmMjs), wasm: absolute(wasmWasm) };
