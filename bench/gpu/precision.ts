// A trace whose layers are computed in float16 beside the same one in float32: how far the numbers are from each other, over
// the first cells, which every such run compares, and over all of them; what each takes: bench/README.md.
//
//     npx tsx bench/gpu/precision.ts --device N --model FOLDER|FILE.gguf --prompt "text" --subject "text"
//         [--components block_output,mlp_output] [--samples 1] [--window 1]

import { parseArgs } from 'node:util';
import { openModel } from '../../src/checkpoint/openNode.ts';
import type { AnyResult, RunOptions } from '../../src/experiments/kind.ts';
import { metrics, type Samples } from '../../src/experiments/metrics.ts';
import { type Deviation, largestDeviation } from '../../src/experiments/precision.ts';
import { kindOf } from '../../src/experiments/registry.ts';
import type { Backend } from '../../src/runtime/backends/backend.ts';
import { createWebGpuBackendOnNode } from '../../src/runtime/backends/webgpuBackendOnNode.ts';
import { Model } from '../../src/runtime/model.ts';
import type { Precision } from '../../src/runtime/weights/residency.ts';

const { values } = parseArgs({
  options: {
    device: { type: 'string', default: '1' },
    model: { type: 'string', default: 'models/tiny-atlas' },
    prompt: { type: 'string', default: 'The Colosseum is in the city of' },
    subject: { type: 'string', default: 'The Colosseum' },
    components: { type: 'string', default: 'block_output' },
    samples: { type: 'string', default: '1' },
    window: { type: 'string', default: '1' },
  },
});

/** Every measurement, wherever it stands, in order. */
function measurements(value: unknown): readonly Samples[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('answerLogit' in value) return [value as Samples]; // As results have them.
  return Object.values(value).flatMap(measurements);
}

async function traced(backend: Backend, precision: Precision) {
  const checkpoint = await openModel(values.model);
  const before = backend.liveBytes;
  const model = await Model.load(checkpoint, backend, { precision, residency: 'expanded' });
  const held = backend.liveBytes - before;
  const kind = await kindOf('trace');
  const experiment = kind.read({
    kind: 'trace',
    version: 1,
    model: values.model,
    prompt: values.prompt,
    subject: values.subject,
    corruption: { kind: 'noise', level: { standardDeviations: 3 }, samples: Number(values.samples), seed: 1 },
    streams: values.components.split(',').map((component) => ({ component, window: Number(values.window) })),
  });
  const ready = await kind.resolve(model.architecture, await checkpoint.tokenizer(), experiment);
  const turn = async (options: RunOptions = {}) => {
    const growth = kind.growth();
    const started = performance.now();
    for await (const update of ready.run(model, options)) growth.take(update);
    if (!growth.result) throw new Error('The trace gave no result.');
    return { seconds: (performance.now() - started) / 1000, result: growth.result };
  };
  const { result } = await turn();
  // Graphs are compiled now, and what has been compared is not compared again: a result without cells that says so is gone on with.
  const { result: empty } = await turn({ leaveOut: ready.estimate().units });
  const earlier = { ...empty, ...(result.precision ? { precision: result.precision } : {}) };
  const { seconds } = await turn({ earlier });
  const peak = backend.peakBytes;
  await model.dispose();
  await checkpoint.close();
  return { held, peak, seconds, result };
}

const megabytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

function row(name: string, largest: Deviation['largest'] | undefined): void {
  const numbers = metrics.flatMap((metric) => {
    const value = largest?.[metric];
    return value === undefined ? [] : [`${metric} ${Number(value.toPrecision(2))}`];
  });
  console.log(`${name}: ${numbers.join(', ')}`);
}

const sweep = ({ precision: _, ...rest }: AnyResult) => measurements(rest);

const inHalf = await open('float16');
const inFull = await open('float32');

async function open(precision: Precision) {
  const backend = await createWebGpuBackendOnNode({ device: Number(values.device) });
  const found = await traced(backend, precision);
  console.log(
    `${precision} on ${backend.description}: weights ${megabytes(found.held)} MB, most ${megabytes(found.peak)} MB, ${found.seconds.toFixed(1)} s`,
  );
  await backend.close();
  return found;
}

const exact = sweep(inFull.result);
const pairs = sweep(inHalf.result).flatMap((half, at) => (exact[at] ? [{ half, full: exact[at] }] : []));
const { deviation } = inHalf.result.precision ?? {};
row(`first ${deviation?.cells} cells`, deviation?.largest);
row(`all ${pairs.length} measurements`, largestDeviation(pairs));
console.log(`seconds: ${(inFull.seconds / inHalf.seconds).toFixed(2)} of float32's to one of float16's`);
