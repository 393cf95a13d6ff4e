// `patchbay conformance --fixtures DIR --backend B`: every case of a reference folder, a line each, and the sum of them.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { UnsupportedModelError } from '../../architectures/architecture.ts';
import { architectureOf, describeArchitecture } from '../../architectures/registry.ts';
import { CheckpointError } from '../../checkpoint/checkpoint.ts';
import { openModel } from '../../checkpoint/openNode.ts';
import { openDiskFile } from '../../checkpoint/sources/disk.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import type { WebGpuLimits } from '../../runtime/backends/gpuLimits.ts';
import { Model } from '../../runtime/model.ts';
import { readChoice, UsageError } from '../arguments.ts';
import {
  backendOption,
  type CommandBackend,
  commandBackends,
  deviceOption,
  readBackend,
  readDevice,
} from '../backendOptions.ts';
import { type BrowserSession, openBrowser } from '../browser/chromium.ts';
import { type Arguments, type Command, usageOf } from '../command.ts';
import { type CaseResult, hinderedCases, type Obstacle, runCases } from '../conformance/cases.ts';
import { type Tolerance, tolerances } from '../conformance/compare.ts';
import { conformOnnx, isOnnxFolder } from '../conformance/onnxFolder.ts';
import { familyOf, openReference, type Reference } from '../conformance/reference.ts';
import { createHostBackend, type HostOptions } from '../hostModel.ts';
import { readThreads, threadsOption } from '../threads.ts';

interface Folder {
  readonly path: string;
  readonly label: string;
  /** The checkpoint, where the folder brings one or the command names one. */
  readonly model: string | undefined;
}

/** The folder itself when it holds cases, else those of its folders that do. */
function referenceFolders(path: string, model: string | undefined): readonly Folder[] {
  const folderAt = (folder: string): Folder => {
    const own = join(folder, 'model');
    return { path: folder, label: basename(resolve(folder)), model: existsSync(own) ? own : model };
  };
  if (existsSync(join(path, 'cases.json'))) return [folderAt(path)];
  if (!existsSync(path)) throw new UsageError(`There is no folder '${path}'.`);
  const folders = readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(path, entry.name, 'cases.json')))
    .map((entry) => folderAt(join(path, entry.name)));
  if (folders.length === 0) throw new UsageError(`'${path}' holds no cases.json, nor does a folder in it.`);
  return folders;
}

async function withReference<T>(folder: Folder, use: (reference: Reference) => Promise<T>): Promise<T> {
  const source = await openDiskFile(join(folder.path, 'tensors.safetensors'));
  if (!source) throw new UsageError(`'${folder.path}' has cases.json but no tensors.safetensors.`);
  try {
    return await use(
      await openReference(folder.label, readFileSync(join(folder.path, 'cases.json'), 'utf8'), source),
    );
  } finally {
    await source.close();
  }
}

interface Run extends HostOptions {
  readonly kind?: string;
  /** Default that of the backend. */
  readonly tolerance?: Tolerance;
  readonly onCase: (folder: Folder, result: CaseResult) => void;
}

/** What `attempt` says when it throws one of the errors that a model's files can give. */
async function complaint(attempt: () => unknown): Promise<string | undefined> {
  try {
    await attempt();
    return undefined;
  } catch (error) {
    if (error instanceof UnsupportedModelError || error instanceof CheckpointError) return error.message;
    throw error;
  }
}

/** Why no case of the folder can run, or undefined. */
async function obstacleTo(folder: Folder): Promise<Obstacle | undefined> {
  const spec = folder.model;
  if (spec === undefined) {
    return { status: 'skipped', reason: 'the folder brings no model; name one with --model' };
  }
  let unsupported: string | undefined;
  const damaged = await complaint(async () => {
    const checkpoint = await openModel(spec);
    try {
      const names = new Set(checkpoint.tensors.keys());
      unsupported = await complaint(() => describeArchitecture(checkpoint.config, names));
      if (unsupported === undefined) architectureOf(checkpoint);
    } finally {
      await checkpoint.close();
    }
  });
  if (unsupported !== undefined) return { status: 'skipped', reason: unsupported };
  return damaged === undefined ? undefined : { status: 'failed', reason: damaged };
}

/** Run a folder; where it stops short (no memory, no adapter), its remaining cases fail with the reason, and others go on. */
async function runFolder(folder: Folder, run: Run, attempt: (run: Run) => Promise<void>): Promise<void> {
  let done = 0;
  const onCase: Run['onCase'] = (of, result) => {
    done += 1;
    run.onCase(of, result);
  };
  try {
    await attempt({ ...run, onCase });
  } catch (error) {
    const obstacle = {
      status: 'failed',
      reason: error instanceof Error ? error.message : String(error),
    } as const;
    await withReference(folder, async (reference) => {
      for (const result of hinderedCases(reference, obstacle, run.kind).slice(done))
        run.onCase(folder, result);
    });
  }
}

async function conformOnHost(folder: Folder, backend: Backend, run: Run): Promise<void> {
  await withReference(folder, async (reference) => {
    const checkpoint = await openModel(folder.model ?? '');
    try {
      const model = await Model.load(checkpoint, backend);
      const options = {
        tolerance: run.tolerance ?? tolerances[backend.kind],
        ...(run.kind === undefined ? {} : { kind: run.kind }),
      };
      try {
        for await (const result of runCases(model, reference, options)) run.onCase(folder, result);
      } finally {
        await model.dispose();
      }
    } finally {
      await checkpoint.close();
    }
  });
}

function printCase(folder: Folder, { status, label, difference, reason }: CaseResult): void {
  const errors = difference
    ? `  abs ${difference.absolute.toExponential(1)}  rel ${difference.relative.toExponential(1)}`
    : '';
  console.log(`${status.padEnd(7)} ${folder.label}: ${label}${errors}${reason ? `  (${reason})` : ''}`);
}

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** Run every case of these folders on a backend. */
export async function conform(folders: readonly Folder[], kind: CommandBackend, run: Run): Promise<void> {
  const runnable: Folder[] = [];
  const isOnnx = ({ path }: Folder): boolean => isOnnxFolder(path);
  await conformOnnxFolders(folders.filter(isOnnx), kind, run);
  for (const folder of folders) {
    if (isOnnx(folder)) continue;
    const obstacle = await obstacleTo(folder);
    if (obstacle === undefined) runnable.push(folder);
    else {
      await withReference(folder, async (reference) => {
        for (const result of hinderedCases(reference, obstacle, run.kind)) run.onCase(folder, result);
      });
    }
  }
  if (runnable.length === 0) return;
  if (kind === 'chromium') return conformInBrowser(runnable, run);
  const backend = await createHostBackend(kind, run);
  try {
    for (const folder of runnable) {
      await runFolder(folder, run, (counted) => conformOnHost(folder, backend, counted));
    }
  } finally {
    await backend.close();
  }
}

/** Models brought as ONNX, which have kinds of cases of their own; on WebGPU on one device. */
async function conformOnnxFolders(folders: readonly Folder[], kind: CommandBackend, run: Run): Promise<void> {
  const backend = kind === 'webgpu' && folders.length > 0 ? await createHostBackend(kind, run) : undefined;
  try {
    for (const folder of folders) await conformOnnxFolder(folder, kind, run, backend);
  } finally {
    await backend?.close();
  }
}

async function conformOnnxFolder(
  folder: Folder,
  backend: CommandBackend,
  run: Run,
  gpuBackend: Backend | undefined,
): Promise<void> {
  if (backend === 'chromium') {
    const reason = 'models brought as ONNX are compared on backends that need no browser';
    run.onCase(folder, { label: 'all cases', kind: 'onnx', status: 'skipped', reason });
    return;
  }
  try {
    const onCase = (result: CaseResult) => run.onCase(folder, result);
    await conformOnnx(folder.path, backend, { ...run, gpuBackend, onCase });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    run.onCase(folder, { label: 'the folder', kind: 'onnx', status: 'failed', reason });
  }
}

async function conformInBrowser(folders: readonly Folder[], run: Run): Promise<void> {
  const session: BrowserSession = await openBrowser(folders.flatMap(({ path, model = '' }) => [path, model]));
  try {
    for (const [index, folder] of folders.entries()) {
      const request = {
        backend: 'webgpu' as const,
        label: folder.label,
        reference: 2 * index,
        model: 2 * index + 1,
      };
      const { kind, tolerance } = run;
      const chosen = {
        ...request,
        ...(kind === undefined ? {} : { kind }),
        ...(tolerance ? { tolerance } : {}),
      };
      await runFolder(folder, run, (counted) =>
        session.conform(chosen, (result) => counted.onCase(folder, result)),
      );
    }
  } finally {
    await session.close();
  }
}

/** A folder belongs to the family that its cases name, and to the one that it is named after. */
function isOfFamily({ path, label }: Folder, family: string): boolean {
  return label === family || familyOf(label, readFileSync(join(path, 'cases.json'), 'utf8')) === family;
}

/** A single number bounds both errors, as a reference of a large model may ask for. */
function readTolerance(text: string | undefined): Tolerance | undefined {
  if (text === undefined) return undefined;
  const bound = Number(text);
  if (text.trim() === '' || !(bound > 0 && bound < 1))
    throw new UsageError(
      `The tolerance '${text}' does not work; give a number between 0 and 1, such as 1e-3.`,
    );
  return { absolute: bound, relative: bound };
}

function readLimits(args: Arguments, backend: CommandBackend): WebGpuLimits | undefined {
  const text = args.text('limits');
  if (text === undefined) return undefined;
  if (backend !== 'webgpu')
    throw new UsageError(`--limits is for the backend webgpu; on ${backend} leave it out.`);
  return readChoice<WebGpuLimits>(text, 'limits', ['all', 'smallest']);
}

async function run(args: Arguments): Promise<number> {
  const path = args.text('fixtures');
  if (path === undefined || args.positionals.length > 0) throw new UsageError(usageOf(command));
  const backend = readBackend(args, commandBackends);
  const family = args.text('family');
  const kind = args.text('kind');
  const tolerance = readTolerance(args.text('tolerance'));
  const all = referenceFolders(path, args.text('model'));
  const folders = all.filter((folder) => family === undefined || isOfFamily(folder, family));
  if (folders.length === 0)
    throw new UsageError(
      `'${path}' has no folder of family '${family}'. Its folders: ${all.map(({ label }) => label).join(', ')}.`,
    );
  const threads = readThreads(args, backend);
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  await conform(folders, backend, {
    threads,
    device: readDevice(args, backend),
    limits: readLimits(args, backend),
    ...(kind === undefined ? {} : { kind }),
    ...(tolerance ? { tolerance } : {}),
    onCase: (folder, result) => {
      counts[result.status] += 1;
      printCase(folder, result);
    },
  });
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed > 0 ? 1 : 0;
}

export const command: Command = {
  name: 'conformance',
  about: 'compare with reference results, a line for each case',
  positionals: '',
  options: {
    fixtures: {
      value: 'DIR',
      about: 'a folder with cases.json and tensors.safetensors, or a folder of such folders',
      isRequired: true,
    },
    backend: backendOption,
    device: deviceOption,
    limits: {
      value: 'all|smallest',
      about: 'on webgpu what is asked of the adapter; smallest is what every adapter has',
    },
    threads: threadsOption,
    model: { value: 'MODEL', about: 'the checkpoint, where a folder brings none' },
    family: { value: 'F', about: 'only the folders of this family' },
    kind: { value: 'K', about: 'only the cases of this kind, activations or interchange for instance' },
    tolerance: { value: 'T', about: 'bounds both errors, in place of the backend’s own' },
  },
  run,
};
