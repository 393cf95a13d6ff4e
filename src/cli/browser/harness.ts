// Runs in Chromium on behalf of the command line: the same engine, on the browser's own backends.

import { loadModel } from 'patchbay';
import { runAll } from '../../../examples/library/all.ts';
import { renderChat } from '../../checkpoint/chat/chatTemplate.ts';
import type { ModelConfiguration } from '../../checkpoint/checkpoint.ts';
import { openUrl } from '../../checkpoint/open.ts';
import { memorySource } from '../../checkpoint/sources/byteSource.ts';
import type { AnyExperiment, AnyResult } from '../../experiments/kind.ts';
import { growExperiment } from '../../experiments/runExperiment.ts';
import { graph } from '../../onnx/graph.ts';
import { apply, input } from '../../onnx/value.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { wasmFiles, webgpuFiles } from '../../runtime/backends/ortFiles.ts';
import { createWasmBackend } from '../../runtime/backends/wasmBackend.ts';
import { createWebGpuBackend } from '../../runtime/backends/webgpuBackend.ts';
import { tinyCheckpoint } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../../runtime/model.ts';
import { type CaseResult, runCases } from '../conformance/cases.ts';
import { type Tolerance, tolerances } from '../conformance/compare.ts';
import { openReference } from '../conformance/reference.ts';
import { type ComponentNumbers, countLiveTensors, exerciseComponents } from './exercise.ts';
import { runOperators } from './operators.ts';

export type BrowserBackend = 'webgpu' | 'wasm';

export interface BrowserConformance {
  readonly backend: BrowserBackend;
  readonly label: string;
  /** URLs that end with a slash. */
  readonly referenceUrl: string;
  readonly modelUrl: string;
  readonly kind?: string;
  /** Default that of the backend. */
  readonly tolerance?: Tolerance;
}

export interface Exercise {
  /** Of a random model. */
  readonly config: ModelConfiguration;
  readonly passes: number;
}

export interface ExerciseResult {
  readonly components: readonly ComponentNumbers[];
  readonly live: { readonly afterFirst: number; readonly afterLast: number };
  /** Once the model is disposed. */
  readonly liveAtEnd: number;
  readonly programsAtEnd: number;
}

async function createBackend(kind: BrowserBackend): Promise<Backend> {
  if (kind === 'wasm') {
    const threads = crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1;
    return createWasmBackend({ threads, wasmPaths: wasmFiles });
  }
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) throw new Error('This Chromium offers no WebGPU adapter.');
  return createWebGpuBackend({ adapter, wasmPaths: webgpuFiles });
}

async function fetchBytes(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}.`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Run a reference folder's cases and report each as it ends. */
async function conform(request: BrowserConformance): Promise<void> {
  const { backend: kind, label, referenceUrl, modelUrl } = request;
  const backend = await createBackend(kind);
  try {
    const checkpoint = await openUrl(modelUrl, label);
    const model = await Model.load(checkpoint, backend);
    const cases = new TextDecoder().decode(await fetchBytes(`${referenceUrl}cases.json`));
    const tensors = memorySource(
      'tensors.safetensors',
      await fetchBytes(`${referenceUrl}tensors.safetensors`),
    );
    const reference = await openReference(label, cases, tensors);
    const options = {
      tolerance: request.tolerance ?? tolerances[kind],
      ...(request.kind === undefined ? {} : { kind: request.kind }),
    };
    for await (const result of runCases(model, reference, options))
      await window.report({ kind: 'case', result });
    await model.dispose();
    await checkpoint.close();
  } finally {
    await backend.close();
  }
}

export interface BrowserRun {
  readonly backend: BrowserBackend;
  readonly label: string;
  /** Of a folder, ending with a slash, or of a .gguf file. */
  readonly modelUrl: string;
  readonly experiment: AnyExperiment;
  readonly earlier?: AnyResult;
}

/** What the page tells the runner while it works. */
export type HarnessReport =
  | { readonly kind: 'loaded' }
  | { readonly kind: 'case'; readonly result: CaseResult }
  | { readonly kind: 'progress'; readonly done: number; readonly total: number }
  | { readonly kind: 'result'; readonly result: AnyResult };

let controller = new AbortController();

/** A result is whole each time, and a step of training may take a millisecond. */
const reportEveryMs = 1000;

/** Run an experiment and report the result whenever it has grown. */
async function run({ backend: kind, label, modelUrl, experiment, earlier }: BrowserRun): Promise<void> {
  controller = new AbortController();
  const { signal } = controller;
  const backend = await createBackend(kind);
  try {
    const checkpoint = await openUrl(modelUrl, label);
    const model = await Model.load(checkpoint, backend, { signal });
    const onProgress = (done: number, total: number) => void window.report({ kind: 'progress', done, total });
    const onReady = () => window.report({ kind: 'loaded' });
    // Whoever drives this page ends it when a template does not come to an end.
    const options = { signal, onProgress, onReady, renderChat, ...(earlier ? { earlier } : {}) };
    let growth: { readonly result: AnyResult | undefined } | undefined;
    let reportedAt = performance.now();
    const reportResult = async () => {
      reportedAt = performance.now();
      const result = growth?.result;
      if (result) await window.report({ kind: 'result', result });
    };
    try {
      for await (growth of growExperiment(model, checkpoint, experiment, options))
        if (performance.now() - reportedAt > reportEveryMs) await reportResult();
    } finally {
      await reportResult();
    }
    await model.dispose();
    await checkpoint.close();
  } catch (error) {
    // The runner, which stopped it, knows.
    if (!signal.aborted) throw error;
  } finally {
    await backend.close();
  }
}

/** Read and override every component of a random model on WebGPU, and pass through it again and again. */
async function exercise({ config, passes }: Exercise): Promise<ExerciseResult> {
  const backend = await createBackend('webgpu');
  try {
    const model = await Model.load(tinyCheckpoint(config), backend);
    const components = await exerciseComponents(model);
    const live = await countLiveTensors(model, passes);
    await model.dispose();
    return { components, live, liveAtEnd: backend.liveTensors, programsAtEnd: backend.livePrograms };
  } finally {
    await backend.close();
  }
}

/** What the WebGPU backend says to a graph with this operator, and null when it takes it. */
async function refusal(operator: string): Promise<string | null> {
  const backend = await createBackend('webgpu');
  try {
    const x = input('x', 'float32', [4]);
    await backend.compile(graph({ y: apply(operator, [x], {}, 'float32', [4]) }));
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await backend.close();
  }
}

async function operators(): Promise<Readonly<Record<string, readonly number[]>>> {
  const backend = await createBackend('webgpu');
  try {
    return await runOperators(backend);
  } finally {
    await backend.close();
  }
}

/** Make the device meet an error that nothing waits for, and see that the numbers read next are not handed over. */
async function afterFault(): Promise<{ complaint: string; next: readonly number[] }> {
  const real = await navigator.gpu?.requestAdapter();
  if (!real) throw new Error('This Chromium offers no WebGPU adapter.');
  let device: GPUDevice | undefined;
  const { features, limits, info } = real;
  const requestDevice: GPUAdapter['requestDevice'] = async (descriptor) => {
    device = await real.requestDevice(descriptor);
    return device;
  };
  // Only these members of an adapter are used.
  const adapter = { features, limits, info, requestDevice } as GPUAdapter;
  const backend = await createWebGpuBackend({ adapter, wasmPaths: webgpuFiles });
  try {
    const tensor = backend.upload(Float32Array.of(1, 2, 3, 4), [4]);
    const arrived = new Promise((resolve) =>
      device?.addEventListener('uncapturederror', resolve, { once: true }),
    );
    device?.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.MAP_WRITE });
    // Chromium tells of an error no sooner than the queue is flushed.
    device?.queue.submit([]);
    await arrived;
    const complaint = await backend.read(tensor).then(
      () => '',
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    return { complaint, next: [...(await backend.read(tensor))] };
  } finally {
    await backend.close();
  }
}

/** The library's examples, as a page would run them. */
async function tutorials(
  modelUrl: string,
  backend: BrowserBackend,
  words: readonly string[],
): Promise<Tutorials> {
  const loaded = await loadModel(modelUrl, { backend });
  try {
    return await runAll(loaded, words);
  } finally {
    await loaded.dispose();
  }
}

export type Tutorials = Awaited<ReturnType<typeof runAll>>;

declare global {
  interface Window {
    /** Set by the runner. */
    report(report: HarnessReport): Promise<void>;
    conform(request: BrowserConformance): Promise<void>;
    run(request: BrowserRun): Promise<void>;
    /** Stop the experiment that runs. */
    stop(): void;
    exercise(request: Exercise): Promise<ExerciseResult>;
    refusal(operator: string): Promise<string | null>;
    operators(): ReturnType<typeof operators>;
    afterFault(): ReturnType<typeof afterFault>;
    tutorials(...call: Parameters<typeof tutorials>): ReturnType<typeof tutorials>;
  }
}

window.conform = conform;
window.run = run;
window.stop = () => controller.abort();
window.exercise = exercise;
window.refusal = refusal;
window.operators = operators;
window.afterFault = afterFault;
window.tutorials = tutorials;
