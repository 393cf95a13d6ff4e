// npx tsx bench/align/profile.ts [--steps 20]
// Where the time of a training step goes, on WASM in Node with one thread: runs of graphs, forward, backward and of the
// optimiser, and copies. The gender of a name on the embedded model, batches of 16, one direction, at the name.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openModel } from '../../src/checkpoint/openNode.ts';
import { readAlignExperiment } from '../../src/experiments/align/experiment.ts';
import { KeptExamples, promptsOf } from '../../src/experiments/align/keptExamples.ts';
import { resolveAlign } from '../../src/experiments/align/resolve.ts';
import { partsOf } from '../../src/experiments/align/sites.ts';
import { SiteTraining } from '../../src/experiments/align/siteTraining.ts';
import { trainableOf } from '../../src/experiments/align/trainable.ts';
import { defaultKeptBytes } from '../../src/experiments/keptBases.ts';
import type { Backend } from '../../src/runtime/backends/backend.ts';
import { createWasmBackendOnNode } from '../../src/runtime/backends/wasmBackendOnNode.ts';
import { Model } from '../../src/runtime/model.ts';
import { describeMachine } from '../machine.ts';

const { values } = parseArgs({ options: { steps: { type: 'string', default: '20' } } });
const steps = Number(values.steps);
const spent = new Map<string, { calls: number; ms: number }>();
let isCounting = false;

function count<T>(what: string, work: () => T): T {
  const start = performance.now();
  const add = () => {
    if (!isCounting) return;
    const { calls, ms } = spent.get(what) ?? { calls: 0, ms: 0 };
    spent.set(what, { calls: calls + 1, ms: ms + performance.now() - start });
  };
  const made = work();
  if (made instanceof Promise) void made.then(add, add);
  else add();
  return made;
}

/** The same backend, its calls counted by what they are for. */
function counted(backend: Backend): Backend {
  const of = (name: 'upload' | 'assemble' | 'read' | 'dispose') => {
    const call: (...given: never[]) => unknown = backend[name].bind(backend);
    return (...given: never[]) => count(name, () => call(...given));
  };
  const compile: Backend['compile'] = async (graph) => {
    const program = await backend.compile(graph);
    const outputs = [...graph.outputs.keys()].join(' ');
    const what = outputs.includes('gradient')
      ? 'graphs, backward'
      : outputs.includes('next.')
        ? 'graph of the optimiser'
        : 'graphs, forward';
    return {
      run: (inputs) => count(what, () => program.run(inputs)),
      dispose: () => program.dispose(),
    };
  };
  const own = {
    upload: of('upload'),
    assemble: of('assemble'),
    read: of('read'),
    dispose: of('dispose'),
    compile,
  };
  return new Proxy(backend, {
    get(target, name) {
      if (name in own) return Reflect.get(own, name);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

const checkpoint = await openModel(fileURLToPath(new URL('../../models/tiny-atlas', import.meta.url)));
const tokenizer = await checkpoint.tokenizer();
const plain = await createWasmBackendOnNode(1);
const model = await Model.load(checkpoint, counted(plain));
const example = JSON.parse(
  readFileSync(new URL('../../examples/align/gender-sites.json', import.meta.url), 'utf8'),
);
const work = { done: () => undefined };
console.log(`${describeMachine()}; per step, mean of ${steps}`);
for (const layer of [0, 3]) {
  const experiment = readAlignExperiment({
    ...example,
    site: { component: 'block_output', layer, position: 'name' },
    training: { batchSize: 16, epochs: 20, learningRate: 0.01 },
  });
  const align = resolveAlign(model.architecture, tokenizer, experiment);
  const [site] = align.sites;
  const [prompts] = promptsOf(model.architecture, align, defaultKeptBytes);
  if (!site || !prompts) throw new Error('There is no site.');
  const kept = await KeptExamples.of(model, align, site, prompts, work);
  const trainable = trainableOf(experiment, partsOf(align, site));
  const { training, seed } = experiment;
  const made = await SiteTraining.begin({ model, kept, trainable, training, train: align.train, seed });
  const batches = made.batches(0);
  const step = async (at: number) => {
    const record = await made.step(batches[at % batches.length] ?? [], work);
    if (typeof record === 'string') throw new Error(`The ${record} is not a number.`);
  };
  for (let at = 0; at < 5; at++) await step(at);
  spent.clear();
  isCounting = true;
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  for (let at = 0; at < steps; at++) await step(at);
  const { user, system } = process.cpuUsage(cpu);
  isCounting = false;
  console.log(
    `layer ${layer}: ${((performance.now() - start) / steps).toFixed(1)} ms, processor time ${((user + system) / 1000 / steps).toFixed(1)} ms`,
  );
  for (const [what, { calls, ms }] of [...spent].sort(([, a], [, b]) => b.ms - a.ms))
    console.log(`  ${what}: ${(calls / steps).toFixed(1)} calls, ${(ms / steps).toFixed(2)} ms`);
  await made.dispose();
  kept.dispose();
}
await model.dispose();
await plain.close();
await checkpoint.close();
