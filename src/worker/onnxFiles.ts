// Whether a source is an ONNX file, asked before the code that opens one is fetched.

import type { ModelSource } from './protocol.ts';

export type OnnxSource =
  | {
      readonly kind: 'files';
      readonly files: readonly File[];
      /** The file itself; others hold weights, or say what goes with it. */
      readonly name: string;
    }
  | (Extract<ModelSource, { readonly kind: 'hub' }> & { readonly file: string });

const isOnnx = (name: string): boolean => /\.onnx$/i.test(name);

/** @returns undefined where the source is of another kind */
export function onnxOf(source: ModelSource): OnnxSource | undefined {
  if (source.kind === 'hub') {
    const { file } = source;
    return file !== undefined && isOnnx(file) ? { ...source, file } : undefined;
  }
  if (source.kind !== 'files') return undefined;
  const { files } = source;
  const file = files.find(({ name }) => isOnnx(name));
  return file && { kind: 'files', files, name: file.name };
}
