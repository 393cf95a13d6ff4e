// Where onnxruntime's files for WASM and WebGPU lie on Node. In a checkout its own package has them and it finds them itself.
// An installed Patchbay does not bring that package: the page has the same files, and the build of the package
// (vite.package.config.ts) puts their addresses in place of this module.

interface OrtFiles {
  readonly mjs: string;
  readonly wasm: string;
}

export const wasmFilesOnNode: OrtFiles | undefined = undefined;
export const webgpuFilesOnNode: OrtFiles | undefined = undefined;
