// Whether a source is an ONNX file, asked before the code that opens one is fetched.

import type { ModelSource } from './protocol.ts';

export interface OnnxFiles {
  readonly files: readonly File[];
  /** The file itself; others hold weights, or the tokenizer. */
  readonly name: string;
  readonly sizeBytes: number;
}

/** @returns undefined where the source is of another kind */
export function onnxOf(source: ModelSource): OnnxFiles | undefined {
  if (source.kind !== 'files') return undefined;
  const { files } = source;
  const file = files.find(({ name }) => /\.onnx$/i.test(name));
  return file && { files, name: file.name, sizeBytes: files.reduce((sum, { size }) => sum + size, 0) };
}
