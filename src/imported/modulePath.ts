// Where in its program a node stood, as one path with slashes: from the scopes that torch.export writes, else from the names
// that TorchScript gives, `/transformer/h.0/mlp/c_fc/Gemm`.

import type { OnnxNode } from './onnxFile.ts';

/** Without the operator's own part; empty where nothing says. */
export function modulePath({ scopes, name, outputs }: OnnxNode): string {
  // The last scope is the operator itself, and each of the others the whole path down to it.
  const scope = scopes.at(-2) ?? (scopes.length === 1 ? '' : undefined);
  if (scope !== undefined) return scope.replaceAll('.', '/').replace(/\/(\d+)(?=\/|$)/g, '.$1');
  const named = name.includes('/') ? name : (outputs[0] ?? '');
  const end = named.lastIndexOf('/');
  return end <= 0 ? '' : named.slice(0, end).replace(/^\//, '');
}
