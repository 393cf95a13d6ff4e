// What the Patch page asks for while a hand moves a cable: from a moved cable to its prediction, with the states of the
// prompts kept and without, and a rack of estimates against one forward and one backward pass.
//
//     npx tsx bench/patch/hand.ts MODEL [--backend wasm|node] [--threads 2] [--turns 20]

import { parseArgs } from 'node:util';
import { openModel } from '../../src/checkpoint/openNode.ts';
import { attributePatches } from '../../src/experiments/attribute/attribute.ts';
import { readInterveneExperiment } from '../../src/experiments/intervene/experiment.ts';
import { resolveIntervene } from '../../src/experiments/intervene/resolve.ts';
import { runIntervene } from '../../src/experiments/intervene/run.ts';
import { createNodeBackend } from '../../src/runtime/backends/nodeBackend.ts';
import { createWasmBackendOnNode } from '../../src/runtime/backends/wasmBackendOnNode.ts';
import { crossEntropy } from '../../src/runtime/backward/objectives.ts';
import { Model } from '../../src/runtime/model.ts';
import { createShelf } from '../../src/worker/keptPrompts.ts';
import { describeMachine, median } from '../machine.ts';
import { ioi } from './ioi.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    backend: { type: 'string', default: 'wasm' },
    threads: { type: 'string', default: '2' },
    turns: { type: 'string', default: '20' },
  },
});
const [path = 'models/tiny-atlas'] = positionals;
const [threads, turns] = [Number(values.threads), Number(values.turns)];
const backend =
  values.backend === 'node' ? createNodeBackend(threads) : await createWasmBackendOnNode(threads);
const checkpoint = await openModel(path);
const model = await Model.load(checkpoint, backend);
const tokenizer = await checkpoint.tokenizer();
const { architecture } = model;
const [pair] = ioi(path).pairs;
if (!tokenizer || !pair) throw new Error('The pair is text.');
const [base, source] = [String(pair.corrupted), String(pair.clean)];
const [baseTokens, sourceTokens] = [base, source].map((text) => tokenizer.encode(text));
if (!baseTokens || !sourceTokens) throw new Error('There are two prompts.');
const differing = baseTokens.findIndex((id, index) => id !== sourceTokens[index]);

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

const cable = (layer: number) =>
  resolveIntervene(
    architecture,
    tokenizer,
    readInterveneExperiment({
      kind: 'intervene',
      version: 1,
      model: path,
      base,
      sources: [source],
      configuration: { layer, component: 'block_output' },
      unitLocations: { 'sources->base': differing },
    }),
  );
/** All layers in an order that jumps, as a hand does. */
const layers = Array.from({ length: turns }, (_, turn) => (turn * 7 + 3) % architecture.layerCount);

async function moved(isKept: boolean): Promise<readonly number[]> {
  const known = new Map<string, Float32Array>();
  const shelf = createShelf(model);
  const options = { known, isWhole: false, ...(isKept ? { prompts: shelf } : {}) };
  await runIntervene(model, cable(0), options);
  const times: number[] = [];
  for (const layer of layers) times.push(await timed(() => runIntervene(model, cable(layer), options)));
  return times;
}

const request = {
  clean: sourceTokens,
  corrupted: baseTokens,
  places: baseTokens.map((_, position) => position),
  components: ['block_output'],
  answer: tokenizer.encode(' Mary')[0] ?? 0,
  distractor: tokenizer.encode(' John')[0] ?? 0,
};
const last = { positions: [baseTokens.length - 1] };
const passes = () =>
  model.gradients({
    rows: [{ start: { kind: 'tokens', tokens: baseTokens }, edits: [] }],
    terms: [
      {
        row: 0,
        site: { component: 'logits', layer: null },
        location: last,
        ...crossEntropy([request.answer]),
      },
    ],
    at: [{ row: 0, site: { component: 'block_input', layer: 0 }, location: { positions: 'all' } }],
  });

const summary = (times: readonly number[]) =>
  `median ${median(times).toFixed(0)} ms, ${Math.min(...times).toFixed(0)} to ${Math.max(...times).toFixed(0)} ms`;
console.log(
  `${describeMachine()}; ${values.backend}, ${threads} threads; ${path}, ${baseTokens.length} tokens`,
);
// In turns, so that what else the machine does falls on both.
for (let turn = 0; turn < 2; turn++) {
  console.log(`a moved cable, from the tokens: ${summary(await moved(false))}`);
  console.log(`a moved cable, from kept states: ${summary(await moved(true))}`);
}
await attributePatches(model, request, {});
await passes();
const estimates: number[] = [];
const both: number[] = [];
for (let turn = 0; turn < 5; turn++) {
  estimates.push(await timed(() => attributePatches(model, request, {})));
  both.push(await timed(passes));
}
console.log(`a rack of estimates: ${summary(estimates)}`);
console.log(
  `one forward and one backward pass: ${summary(both)}; ratio ${(median(estimates) / median(both)).toFixed(2)}`,
);
await model.dispose();
await checkpoint.close();
await backend.close();
