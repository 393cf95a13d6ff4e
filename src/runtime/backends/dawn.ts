// WebGPU without a browser: Dawn, which is Chromium's own implementation, from the npm package `webgpu`. It holds programs for
// six platforms and weighs more than all else that Patchbay installs but onnxruntime-node, so it is installed by whoever
// wants it and looked for when somebody does. What onnxruntime expects of a browser and Dawn leaves out is put right here.

import { constants } from 'node:os';
import { pathToFileURL } from 'node:url';
import { BackendError } from './backend.ts';
import { ticking } from './dawnLoop.ts';
import { isSoftwareAdapter } from './softwareAdapters.ts';
import { findSoftwareDriver, type SoftwareDriver } from './softwareDriver.ts';

/** A graphics adapter, as `patchbay devices` lists it. */
export interface GraphicsDevice {
  /** From 1 on, the fastest first: what `--device` takes. */
  readonly number: number;
  readonly name: string;
  /** `vulkan`, `metal`, `d3d12`. */
  readonly api: string;
  /** It computes on the processor. */
  readonly isSoftware: boolean;
}

export interface DawnOptions {
  /** An adapter by its number; default the first that is not software. `null` computes nothing: for counting what is asked of it. */
  readonly device?: number | 'null' | undefined;
}

/** An adapter that a device can be asked of. */
export interface OpenDawn {
  readonly adapter: GPUAdapter;
  readonly device: GraphicsDevice;
  /** Give up the runtime: without it the process would not end. */
  readonly close: () => void;
}

interface DawnPackage {
  readonly create: (flags: readonly string[]) => GPU;
  readonly globals: Readonly<Record<string, unknown>>;
}

const packageName = 'webgpu';
/** `backend: 'vulkan', name: 'NVIDIA H100'` */
const listedAdapter = /^ \* backend: '(\w+)', name: '(.*)'$/gm;
/** No adapter is called so: Dawn answers with the names of those that there are. */
const noName = 'patchbay lists adapters';

const wordsOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
const isMissing = (cause: unknown): boolean =>
  cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND';

function isDawn(module: object): module is DawnPackage {
  return 'create' in module && typeof module.create === 'function' && 'globals' in module;
}

/** @throws BackendError where the package is not there, or has no program for this machine */
async function importDawn(): Promise<DawnPackage> {
  const named = process.env.PATCHBAY_DAWN;
  try {
    const module: object = await import(
      /* @vite-ignore */ named === undefined ? packageName : pathToFileURL(named).href
    );
    if (isDawn(module)) return module;
    throw new Error('it is another package of that name');
  } catch (cause) {
    const reason = isMissing(cause) ? 'it is not installed' : `it cannot be loaded: ${wordsOf(cause)}`;
    throw new BackendError(
      `The backend 'webgpu' needs the npm package webgpu, and ${reason}. Install it (npm install webgpu), or choose the backend 'node' or 'wasm'.`,
    );
  }
}

/**
 * Dawn asks the system for the Vulkan loader by name. Where there is none, the one that Chromium brings is loaded first, and
 * stays: a name that is loaded already is not looked for.
 */
function loadVulkan(path: string): void {
  const staysLoaded = 0x1000;
  try {
    process.dlopen({ exports: {} }, path, constants.dlopen.RTLD_NOW | staysLoaded);
  } catch {
    // It is no addon of Node's, which Node says after it has loaded it. What could not be loaded is missed below.
  }
}

function prepareDriver(software: SoftwareDriver | undefined): void {
  if (process.platform !== 'linux' || !software) return;
  // Beside the system's own drivers, unless somebody has named theirs.
  if (!process.env.VK_DRIVER_FILES) process.env.VK_ADD_DRIVER_FILES ??= software.description;
  loadVulkan('libvulkan.so.1');
  if (software.loader !== undefined) loadVulkan(software.loader);
}

/** `queue.writeBuffer` refuses views of shared memory, which onnxruntime's heap is, and browsers take them. */
function takeSharedMemory(queue: unknown): void {
  if (typeof queue !== 'function') return;
  const prototype: GPUQueue & { takesSharedMemory?: true } = queue.prototype;
  if (prototype.takesSharedMemory) return;
  const { writeBuffer } = prototype;
  prototype.takesSharedMemory = true;
  prototype.writeBuffer = function (this: GPUQueue, buffer, offset, data, from = 0, size) {
    const unit = ArrayBuffer.isView(data) && 'BYTES_PER_ELEMENT' in data ? Number(data.BYTES_PER_ELEMENT) : 1;
    const bytes = ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data);
    const end = size === undefined ? undefined : (from + size) * unit;
    // A slice of shared memory is shared too; an array of its own is not.
    writeBuffer.call(this, buffer, offset, Uint8Array.from(bytes.subarray(from * unit, end)));
  };
}

let loaded: Promise<DawnPackage> | undefined;

function loadDawn(): Promise<DawnPackage> {
  loaded ??= importDawn().then((dawn) => {
    prepareDriver(findSoftwareDriver());
    for (const [name, value] of Object.entries(dawn.globals)) {
      if (!(name in globalThis)) Object.assign(globalThis, { [name]: value });
    }
    takeSharedMemory(dawn.globals.GPUQueue);
    return dawn;
  });
  return loaded;
}

/** What Dawn finds, the fastest first. Empty where there is no driver. @throws BackendError where Dawn is not there */
export async function graphicsDevices(): Promise<readonly GraphicsDevice[]> {
  const { create } = await loadDawn();
  const answer = await create([`adapter=${noName}`])
    .requestAdapter({ powerPreference: 'high-performance' })
    .then(() => '', wordsOf);
  return [...answer.matchAll(listedAdapter)].map(([, api = '', name = ''], index) => ({
    number: index + 1,
    name,
    api,
    isSoftware: isSoftwareAdapter(name),
  }));
}

/** What is said where there is no adapter. */
export function noDriver(): BackendError {
  const remedy =
    process.platform === 'linux'
      ? "Install the GPU's driver with Vulkan (Debian: nvidia-driver, or mesa-vulkan-drivers and libvulkan1), name one by VK_DRIVER_FILES"
      : "Install the GPU's driver";
  return new BackendError(
    `WebGPU found no graphics adapter on this machine. ${remedy}, or choose the backend 'node' or 'wasm'.`,
  );
}

const listOf = (devices: readonly GraphicsDevice[]): string =>
  devices.map(({ number, name }) => `${number} (${name})`).join(', ');

/**
 * The device that is meant. Software is used by those alone who ask for it: it computes what WASM does, far more slowly.
 * @throws BackendError that says what there is
 */
export function chosenDevice(devices: readonly GraphicsDevice[], number?: number): GraphicsDevice {
  if (devices.length === 0) throw noDriver();
  if (number === undefined) {
    const first = devices.find(({ isSoftware }) => !isSoftware);
    if (first) return first;
    throw new BackendError(
      `WebGPU found only software here, which is slower than the backends 'node' and 'wasm': ${listOf(devices)}. Choose one of those, or name the software by its number (--device 1).`,
    );
  }
  const found = devices.find((device) => device.number === number);
  if (found) return found;
  throw new BackendError(`There is no graphics adapter ${number}. Those here: ${listOf(devices)}.`);
}

/** What is said where the first of several GPUs is taken because nobody has named one: an integrated one may stand beside it. */
export function choiceNote(devices: readonly GraphicsDevice[]): string | undefined {
  const hardware = devices.filter(({ isSoftware }) => !isSoftware);
  const [first] = hardware;
  if (!first || hardware.length < 2) return undefined;
  return `There are ${hardware.length} GPUs here: ${listOf(hardware)}. ${first.name} is used; name another by --device.`;
}

/** A name as `GPUAdapterInfo` has it. */
const identifierOf = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');

/** What is open, the last opened last; Dawn lives as long as somebody holds it. */
const open: GPU[] = [];
let ownNavigator: PropertyDescriptor | undefined;

/** onnxruntime asks for `navigator.gpu`; Node's own navigator has none, and older Nodes have no navigator. */
function publish(): void {
  const gpu = open.at(-1);
  if (gpu) {
    const { userAgent = 'node', hardwareConcurrency = 1 } = globalThis.navigator ?? {};
    const value = { userAgent, hardwareConcurrency, gpu };
    Object.defineProperty(globalThis, 'navigator', { value, configurable: true, writable: true });
  } else if (ownNavigator) Object.defineProperty(globalThis, 'navigator', ownNavigator);
  else Reflect.deleteProperty(globalThis, 'navigator');
}

/** Every number that it gives is 0. */
const nothing: GraphicsDevice = { number: 0, name: 'Null backend', api: 'null', isSoftware: true };

async function chosenGpu(create: DawnPackage['create'], number: number | undefined) {
  const devices = await graphicsDevices();
  const device = chosenDevice(devices, number);
  const isSame = ({ name, api }: GraphicsDevice) => name === device.name && api === device.api;
  if (devices.findIndex(isSame) !== devices.indexOf(device))
    throw new BackendError(
      `There are several adapters called '${device.name}', and Dawn takes the first of one name: ${listOf(devices)}. Show this process the one that is meant alone, as NVIDIA's driver does by CUDA_VISIBLE_DEVICES or a container by its devices, or choose the first.`,
    );
  return { gpu: create([`backend=${device.api}`, `adapter=${device.name}`]), device };
}

/**
 * Take a graphics adapter, for one device.
 * @throws BackendError where Dawn is missing, there is no driver, or no adapter of that number
 */
export async function openDawn({ device: number }: DawnOptions = {}): Promise<OpenDawn> {
  const { create } = await loadDawn();
  const { gpu, device } =
    number === 'null' ? { gpu: create(['backend=null']), device: nothing } : await chosenGpu(create, number);
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw noDriver();
  if (adapter.info.device !== identifierOf(device.name))
    throw new BackendError(
      `Dawn chooses adapters by a part of their name, and for '${device.name}' it gave '${adapter.info.device}'. Name its driver alone by VK_DRIVER_FILES.`,
    );
  if (open.length === 0) ownNavigator = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  open.push(gpu);
  publish();
  const stop = ticking();
  return {
    adapter,
    device,
    close: () => {
      stop();
      open.splice(open.indexOf(gpu), 1);
      publish();
    },
  };
}
