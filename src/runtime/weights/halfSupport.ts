// Whether a device computes in float16, in words for who asked for it.

import { type Backend, BackendError } from '../backends/backend.ts';

/** Why a backend cannot, with the remedy; undefined where it can. */
export function halfProblem({
  kind,
  description,
  half,
}: Pick<Backend, 'kind' | 'description' | 'half'>): string | undefined {
  if (half) return undefined;
  return kind === 'webgpu'
    ? `The graphics adapter '${description}' does not compute in float16: WebGPU gives it no 'shader-f16'. Choose float32 (f32), or another adapter.`
    : `The backend '${kind}' computes in float32 alone. Choose float32 (f32), or the backend 'webgpu' for float16.`;
}

/** @throws BackendError where it cannot */
export function expectHalf(backend: Pick<Backend, 'kind' | 'description' | 'half'>): void {
  const problem = halfProblem(backend);
  if (problem !== undefined) throw new BackendError(problem);
}
