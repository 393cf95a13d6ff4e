// Where onnxruntime's files for WASM lie on Node. In a checkout its own package has them and it finds them itself. An
// installed Patchbay does not bring that package: the page has the same two files, and the build of the package
// (vite.package.config.ts) puts their addresses in place of this module.

export const wasmFilesOnNode: { readonly mjs: string; readonly wasm: string } | undefined = undefined;
