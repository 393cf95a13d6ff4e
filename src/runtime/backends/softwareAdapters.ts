// Which adapters compute on the processor. They give the right numbers, far more slowly than WASM does.

const softwareAdapters = /swiftshader|llvmpipe|lavapipe|software|basic render|warp/i;

/** @param words of an adapter: its name, its description, its vendor */
export const isSoftwareAdapter = (...words: readonly string[]): boolean =>
  words.some((each) => softwareAdapters.test(each));
