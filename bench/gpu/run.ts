// What each kind of work asks of a GPU, counted, and how long it takes: bench/README.md. Bundled by pack.sh it runs where
// nothing but a driver is.
//
//     npx tsx bench/gpu/run.ts [--device N] [--layers 4] [--width 64] [--vocabulary 512] [--samples 1] [--turns 2] [--only trace,patch]
//         [--model FILE] [--residency expanded|packed]   in place of random weights
//         [--tokens 10]   of the prompt that is predicted from
//         [--unrehearsed]   nothing runs while the weights arrive
//         [--share 0.25]   of the batches that the backend would have
//         [--kernels]   in place of counts: how long the GPU is at work, of how long it all takes

import { parseArgs } from 'node:util';
import { openModel } from '../../src/checkpoint/openNode.ts';
import { rehearse } from '../../src/experiments/rehearse.ts';
import { graphicsDevices } from '../../src/runtime/backends/dawn.ts';
import { createWebGpuBackendOnNode } from '../../src/runtime/backends/webgpuBackendOnNode.ts';
import { tinyCheckpoint } from '../../src/runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../../src/runtime/model.ts';
import { countGpu, type GpuCounts, readZeros } from './counts.ts';
import { clockKernels, type KernelTime } from './kernelTime.ts';
import { configurationOf, type Shape, worksOf } from './work.ts';

const { values } = parseArgs({
  options: {
    device: { type: 'string' },
    layers: { type: 'string', default: '4' },
    width: { type: 'string', default: '64' },
    vocabulary: { type: 'string', default: '512' },
    samples: { type: 'string', default: '1' },
    turns: { type: 'string', default: '2' },
    only: { type: 'string' },
    model: { type: 'string' },
    tokens: { type: 'string', default: '10' },
    residency: { type: 'string' },
    unrehearsed: { type: 'boolean', default: false },
    share: { type: 'string', default: '1' },
    kernels: { type: 'boolean', default: false },
  },
});

interface Turn {
  readonly work: string;
  readonly turn: string;
  readonly seconds: number;
  /** Until the first of what it finds is there; undefined where that is all. */
  readonly firstSeconds?: number | undefined;
  readonly counts: GpuCounts;
  /** When it has ended, idle buffers included. */
  readonly heldBytes: number;
  readonly kernels?: KernelTime | undefined;
}

const columns: readonly (readonly [keyof GpuCounts, string])[] = [
  ['dispatches', 'dispatches'],
  ['passes', 'passes'],
  ['submissions', 'submissions'],
  ['pipelines', 'pipelines'],
  ['buffers', 'buffers made'],
  ['mostBytes', 'most MB held'],
  ['copies', 'copies'],
  ['copiedBytes', 'MB copied'],
  ['upBytes', 'MB up'],
  ['downBytes', 'MB down'],
  ['waits', 'waits'],
];

const shown = (name: keyof GpuCounts, value: number): string =>
  name.endsWith('Bytes') ? (value / 2 ** 20).toFixed(2) : String(value);

function print(turns: readonly Turn[]): void {
  console.log(`| | ${columns.map(([, title]) => title).join(' | ')} | first, s | s |`);
  console.log(`|---|${columns.map(() => '---|').join('')}---|---|`);
  for (const { work, turn, seconds, firstSeconds, counts } of turns) {
    const cells = columns.map(([name]) => shown(name, counts[name]));
    const first = firstSeconds === undefined ? '' : firstSeconds.toFixed(3);
    console.log(`| ${work}, ${turn} | ${cells.join(' | ')} | ${first} | ${seconds.toFixed(3)} |`);
  }
}

/** What is not kernels is the program's own time, and what it and the GPU wait for each other. */
function printKernels(turns: readonly Turn[]): void {
  console.log('| | s | kernels, s | share that is not | by |');
  console.log('|---|---|---|---|---|');
  for (const { work, turn, seconds, kernels } of turns) {
    if (!kernels) continue;
    const share = `${(100 * (1 - kernels.seconds / seconds)).toFixed(0)} %`;
    console.log(
      `| ${work}, ${turn} | ${seconds.toFixed(3)} | ${kernels.seconds.toFixed(3)} | ${share} | ${kernels.by} |`,
    );
  }
}

/** Warm turns that ask for different things are not what a count is for, and none may leave a buffer behind. */
function checkSame(turns: readonly Turn[]): void {
  for (const name of new Set(turns.map(({ work }) => work))) {
    const [first, ...others] = turns.filter(({ work, turn }) => work === name && turn === 'warm');
    const left = (others.at(-1)?.heldBytes ?? 0) - (first?.heldBytes ?? 0);
    if (first && others.length > 0 && left !== 0) {
      console.log(`LEFT BEHIND by ${others.length} turns of ${name}: ${left} bytes of buffers`);
      process.exitCode = 1;
    }
    for (const other of others) {
      const apart = columns.filter(([name]) => first?.counts[name] !== other.counts[name]);
      if (apart.length === 0) continue;
      console.log(`NOT THE SAME each time, ${other.work}: ${apart.map(([name]) => name).join(', ')}`);
      process.exitCode = 1;
    }
  }
}

// Loads Dawn, so that there is something to count at.
const devices = await graphicsDevices();
/** `null` counts without computing. */
const device =
  values.device === undefined ? undefined : values.device === 'null' ? 'null' : Number(values.device);
if (values.kernels && values.device === 'null')
  throw new Error(
    'The null backend computes nothing, so that no time of kernels can be taken. Name an adapter.',
  );
const counter = countGpu();
const clock = values.kernels ? clockKernels() : undefined;
if (values.device === 'null') readZeros();
const backend = await createWebGpuBackendOnNode({ device });
console.log(`${backend.description}; adapters: ${devices.map(({ name }) => name).join(', ')}`);
const checkpoint = values.model
  ? await openModel(values.model)
  : tinyCheckpoint(
      configurationOf({
        layers: Number(values.layers),
        width: Number(values.width),
        vocabulary: Number(values.vocabulary),
      }),
    );
const residency = (['expanded', 'packed', 'streamed'] as const).find((each) => each === values.residency);
counter.reset();
const begun = performance.now();
const model = await Model.load(checkpoint, backend, {
  ...(residency ? { residency } : {}),
  room: { batchShare: Number(values.share), notices: [] },
  ...(values.unrehearsed ? {} : { rehearse }),
});
const loadedSeconds = (performance.now() - begun) / 1000;
await model.rehearsal.over;
const loading: Turn = {
  work: 'load',
  turn: values.unrehearsed ? 'unrehearsed' : 'rehearsed',
  firstSeconds: loadedSeconds,
  seconds: (performance.now() - begun) / 1000,
  counts: counter.counts(),
  heldBytes: counter.heldBytes(),
};
const { layerCount: layers, width, vocabularySize: vocabulary } = model.architecture;
const shape: Shape = { layers, width, vocabulary };
console.log(
  `${layers} layers, ${width} wide, ${vocabulary} tokens: ${model.parameterCount} parameters, weights ${model.residency}, ${(counter.heldBytes() / 2 ** 20).toFixed(1)} MB of buffers\n`,
);
const only = values.only?.split(',');
const turns: Turn[] = [loading];
for (const { name, run } of worksOf(shape, Number(values.samples), Number(values.tokens))) {
  if (only && !only.includes(name)) continue;
  for (let turn = 0; turn < Number(values.turns); turn++) {
    counter.reset();
    clock?.start();
    const started = performance.now();
    let firstSeconds: number | undefined;
    await run(model, checkpoint, () => {
      firstSeconds ??= (performance.now() - started) / 1000;
    });
    const seconds = (performance.now() - started) / 1000;
    turns.push({
      work: name,
      turn: turn === 0 ? 'cold' : 'warm',
      seconds,
      firstSeconds,
      kernels: await clock?.stop(),
      counts: counter.counts(),
      heldBytes: counter.heldBytes(),
    });
  }
}
if (clock) printKernels(turns);
else {
  print(turns);
  checkSame(turns);
}
await model.dispose();
await backend.close();
console.log(`\n${backend.liveTensors} tensors and ${backend.livePrograms} programs left.`);
