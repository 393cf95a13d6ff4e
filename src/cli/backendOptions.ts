// What a command computes on: `--backend`, and of several graphics adapters `--device`.

import type { BackendKind } from '../runtime/backends/backend.ts';
import type { Precision, WeightResidency } from '../runtime/weights/residency.ts';
import { readChoice, readCount, UsageError } from './arguments.ts';
import type { Arguments, CommandOption } from './command.ts';

/** A backend of this program, or the page's own in a browser that this program drives. */
export type CommandBackend = BackendKind | 'chromium';

/** Backends that need no browser. */
export const hostBackends = ['node', 'wasm', 'webgpu'] as const;
export const commandBackends = [...hostBackends, 'chromium'] as const;

export const hostBackendOption: CommandOption = { value: hostBackends.join('|'), about: 'default node' };
export const backendOption: CommandOption = {
  value: commandBackends.join('|'),
  about: 'default node; chromium is the page’s WebGPU in a browser',
};

export const deviceOption: CommandOption = {
  value: 'N',
  about:
    'on webgpu the graphics adapter of this number (patchbay devices); default the first that is no software',
};

/** @throws UsageError for a backend that the command does not have */
export const readBackend = <T extends string>(args: Arguments, choices: readonly T[]): T =>
  readChoice(args.text('backend') ?? 'node', 'backend', choices);

/** @throws UsageError for what is not a number, and where no graphics adapter is chosen */
export function readDevice(args: Arguments, backend: CommandBackend): number | undefined {
  const text = args.text('device');
  if (text === undefined) return undefined;
  if (backend !== 'webgpu')
    throw new UsageError(`--device is for the backend webgpu; on ${backend} leave it out.`);
  return readCount(text, 'device');
}

/** What computes in the end, as results name it. */
export const kindOfBackend = (backend: CommandBackend): BackendKind =>
  backend === 'chromium' ? 'webgpu' : backend;

const weightForms = { float32: 'expanded', packed: 'packed', streamed: 'streamed' } as const satisfies Record<
  string,
  WeightResidency
>;

export const weightsOption: CommandOption = {
  value: Object.keys(weightForms).join('|'),
  about:
    'how weights wait between uses: in float32, as they are stored, or in the file; default as there is room',
};

/** @throws UsageError for what is no such form, and in a browser, which chooses for itself */
export function readWeights(args: Arguments, backend: CommandBackend): WeightResidency | undefined {
  const text = args.text('weights');
  if (text === undefined) return undefined;
  if (backend === 'chromium')
    throw new UsageError(
      '--weights is for backends without a browser, which chooses for itself. Leave it out.',
    );
  return weightForms[readChoice(text, 'weights', ['float32', 'packed', 'streamed'])];
}

const precisions = { f32: 'float32', f16: 'float16' } as const satisfies Record<string, Precision>;

export const precisionOption: CommandOption = {
  value: Object.keys(precisions).join('|'),
  about:
    'f16: on webgpu the layers multiply by weights in float16, and the first cells are computed in float32 too: how far they differ stands beside the figure; default f32',
};

/** @throws UsageError for what is no such precision, and for f16 on a backend without it */
export function readPrecision(args: Arguments, backend: CommandBackend): Precision {
  const named = readChoice(args.text('precision') ?? 'f32', 'precision', ['f32', 'f16']);
  if (named === 'f16' && backend !== 'webgpu')
    throw new UsageError(
      `--precision f16 is for the backend webgpu; on ${backend} everything is computed in float32. Choose --backend webgpu, or leave it out.`,
    );
  return precisions[named];
}
