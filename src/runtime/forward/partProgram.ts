// The compiled graph of a part in one variant, made once.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Backend, Program } from '../backends/backend.ts';
import type { Programs } from '../backends/programs.ts';
import { partAt, type StackStage } from '../plan/stacks.ts';
import { halvedPart } from './halfTensors.ts';
import { type VariantSlots, variantGraph, variantKey } from './variant.ts';

interface PartContext {
  readonly architecture: Architecture;
  readonly backend: Backend;
  readonly programs: Programs;
  /** Tensors that wait in float16. */
  readonly weights: { readonly half: ReadonlySet<string> };
}

export async function partProgram(
  { programs, backend, architecture, weights }: PartContext,
  at: StackStage,
  slots: VariantSlots,
): Promise<Program> {
  const part = partAt(architecture, at)?.part;
  return programs.get(variantKey(part?.key ?? '', slots), () =>
    backend.compile(halvedPart(variantGraph(architecture, at, slots), part?.weights ?? {}, weights.half)),
  );
}
