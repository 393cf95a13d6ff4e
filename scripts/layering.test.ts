import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { kindNames } from '../src/experiments/registry.ts';
import { circleOf, meetings, readImports, root } from './imports.ts';

/** The floors of the house: a file may import from its own folder and from floors strictly below. */
const floor: Readonly<Record<string, number>> = {
  app: 7,
  library: 7,
  worker: 6,
  share: 6,
  cli: 6,
  experiments: 5,
  interventions: 4,
  imported: 4,
  runtime: 3,
  architectures: 2,
  autodiff: 2,
  onnx: 1,
  random: 0,
  messages: 0,
  checkpoint: 1,
  figures: 1,
  media: 1,
};

/**
 * The files by which folders that stand side by side meet: what is not named here is the folder's own. Name a file here
 * when it is meant for neighbours.
 */
const doors: Readonly<Record<string, readonly string[]>> = {
  'checkpoint/cache': ['cacheShelf.ts'],
  'checkpoint/chat': ['generationFiles.ts'],
  'checkpoint/gguf': ['ggufHeader.ts', 'ggufBytes.ts'],
  'checkpoint/safetensors': ['safetensors.ts'],
  'checkpoint/sources': ['byteSource.ts', 'hub.ts'],
  'checkpoint/storage': ['storage.ts', 'codes.ts', 'expand.ts', 'half.ts'],
  'checkpoint/tokenizer': ['tokenizer.ts', 'tokenizerFiles.ts', 'tokenText.ts'],
  'cli/browser': ['chromium.ts'],
  'cli/conformance': ['cases.ts', 'compare.ts', 'onnxFolder.ts', 'reference.ts'],
  'cli/serve': ['pageServer.ts'],
  'experiments/align': ['numbersText.ts'],
  'experiments/fixtures': ['maskedModel.ts'],
  'experiments/patch': ['outline.ts', 'pairInputs.ts', 'places.ts', 'result.ts', 'work.ts'],
  'interventions/configuration': [
    ...[
      'configuration.ts',
      'locations.ts',
      'modulePaths.ts',
      'modulePlaces.ts',
      'moduleTables.ts',
      'pyveneKeys.ts',
    ],
    'resolve.ts',
  ],
  'interventions/execution': ['edits.ts', 'prompt.ts', 'runs.ts'],
  'interventions/pyvene': ['pyveneFolder.ts', 'pyveneNames.ts', 'pyveneState.ts', 'savedFolder.ts'],
  'interventions/types': ['registry.ts'],
  'runtime/backends': ['arena.ts', 'backend.ts', 'dawn.ts', 'programs.ts', 'webgpuBackendOnNode.ts'],
  'runtime/backward': ['objective.ts', 'objectives.ts'],
  'runtime/forward': [
    ...['captureRequests.ts', 'captures.ts', 'editGroups.ts', 'execute.ts', 'fetches.ts'],
    ...['lookup.ts', 'placedRow.ts', 'rowKeeper.ts', 'siteGraph.ts', 'states.ts', 'taps.ts', 'variant.ts'],
  ],
  'runtime/plan': [
    'carried.ts',
    'keptRow.ts',
    'plan.ts',
    'schedule.ts',
    'scheduled.ts',
    'sites.ts',
    'stacks.ts',
    'stage.ts',
  ],
  'runtime/weights': ['weights.ts'],
};

const imports = readImports();
const folderOf = (path: string): string => path.split('/')[0] ?? '';
const isTest = (path: string): boolean => /\.test\.tsx?$/.test(path);
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8');

test('imports point downwards only', () => {
  const upward = [...imports].flatMap(([path, targets]) => {
    const from = folderOf(path);
    return targets
      .filter((target) => {
        const to = folderOf(target);
        return to !== from && (floor[to] ?? 99) >= (floor[from] ?? 99);
      })
      .map((target) => `${path} imports ${target}`);
  });
  expect(upward).toEqual([]);
});

test('no files import each other in a circle', () => {
  expect(circleOf(imports)).toBeUndefined();
});

/** The page's folders are those of its pages, which are moving to shared rooms; tests may look anywhere. */
const between = meetings(imports).filter(({ from, file }) => folderOf(from) !== 'app' && !isTest(file));

test('folders that stand side by side form no circle', () => {
  const graph = new Map<string, Set<string>>();
  for (const { from, to } of between) graph.set(from, (graph.get(from) ?? new Set()).add(to));
  expect(circleOf(graph)).toBeUndefined();
});

test('folders that stand side by side meet by their doors only', () => {
  const past = between.filter(({ to, target }) => !doors[to]?.includes(target.slice(to.length + 1)));
  expect(past.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
});

test('only the page imports React', () => {
  const outside = [...imports.keys()]
    .filter((path) => folderOf(path) !== 'app')
    .filter((path) => /from 'react(-dom)?[/']/.test(textOf(path)));
  expect(outside).toEqual([]);
});

test('nobody outside the kinds asks which kind an experiment or a result is', () => {
  // `experiment.kind === …` under whatever name, a switch over it, or the name of a result's kind. Calls of the worker,
  // places of the page and cases of references have kinds of their own.
  const named = kindNames.join('|');
  const value = '(?:experiment|result|earlier|given|file)\\??\\.kind';
  const question = new RegExp(
    `${value}\\s*[!=]==\\s*'|switch \\(${value}\\)|'(?:${named}|attribution)-result'`,
  );
  const own = /^experiments\/[^/]+\//;
  const asking = [...imports.keys()]
    // The floors below know no experiments.
    .filter((path) => (floor[folderOf(path)] ?? 99) >= (floor.experiments ?? 0))
    .filter((path) => !own.test(path) && !isTest(path))
    .filter((path) => question.test(textOf(path)));
  expect(asking).toEqual([]);
});

test('every folder of src has a floor', () => {
  const unknown = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .filter((name) => !(name in floor));
  expect(unknown).toEqual([]);
});
