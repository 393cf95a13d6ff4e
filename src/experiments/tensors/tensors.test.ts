// Sweeps over the tensors of small files: numbers worked out by hand, and those of a patch of the same file by prompts.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { figureSummary } from '../../figures/cellSummary.ts';
import { layoutOverlay } from '../../figures/overlay.ts';
import { plainFigureSvg } from '../../figures/plainFigure.ts';
import { floats, onnxBytes, residualBytes } from '../../imported/fixtures/smallOnnx.ts';
import { smallTokenBytes, smallTokens } from '../../imported/fixtures/smallTokenOnnx.ts';
import { plainNode } from '../../imported/formulaNodes.ts';
import { tensorFrom } from '../../imported/tensor.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../../runtime/model.ts';
import { type OpenedOnnx, openedOnnx } from '../fixtures/openedOnnx.ts';
import type { PatchResult } from '../patch/result.ts';
import { kindOf, readExperiment, readResult } from '../registry.ts';
import { tensorsFigures, tensorsOverlays } from './figure.ts';
import { effectOf } from './grid.ts';
import { readTensorsResult, type TensorsResult } from './result.ts';

let backend: Backend;
let residual: OpenedOnnx;
let tokens: OpenedOnnx;

beforeAll(async () => {
  backend = createNodeBackend(1);
  residual = await openedOnnx('residual.onnx', residualBytes(), backend);
  tokens = await openedOnnx('small.onnx', smallTokenBytes(), backend);
});

afterAll(async () => {
  await residual.close();
  await tokens.close();
  expect(backend.liveTensors).toBe(0);
  await backend.close();
});

async function run<Result>({ model }: OpenedOnnx, experiment: object): Promise<Result> {
  const read = await readExperiment({ version: 1, model: 'file', ...experiment });
  const kind = await kindOf(read.kind);
  const ready = await kind.resolve(model.architecture, undefined, read);
  const growth = kind.growth();
  for await (const update of ready.run(model)) growth.take(structuredClone(update));
  // The type of the result is that of the kind that the test asks for.
  return (await readResult(JSON.parse(JSON.stringify(growth.result)))) as Result;
}

const sweep = (opened: OpenedOnnx, experiment: object): Promise<TensorsResult> =>
  run<TensorsResult>(opened, { kind: 'tensors', ...experiment });

const cellsOf = (result: TensorsResult, panel = 0): readonly (number | null | undefined)[] =>
  result.panels[panel]?.cells.map((samples) => samples?.[0]) ?? [];

// y is the sum of x2 = x1 + relu(x1 [[0, 1], [1, 0]]), and x1 = x + relu(x [[1, 0], [0, 2]]).
describe('two residual blocks of two numbers', () => {
  const clean = { x: { numbers: [1, 1] } };
  const corrupted = { x: { numbers: [1, 0] } };

  test('restoring what a layer adds gives what can be worked out by hand', async () => {
    const result = await sweep(residual, {
      clean,
      corrupted,
      watched: { kind: 'scalar' },
      sites: [{ site: 'block_output' }, { site: 'act/Relu' }],
    });
    expect(result.clean).toEqual([10]);
    expect(result.corrupted).toEqual([4]);
    expect(result.panels.map(({ site }) => site)).toEqual(['block_output', 'act/Relu']);
    expect(cellsOf(result, 0)).toEqual([10, 10]);
    // (1, 0) + (1, 2) is (2, 2), and so (4, 4); (2, 0) + (3, 2) is (5, 2).
    expect(cellsOf(result, 1)).toEqual([8, 7]);
    expect(result.watched).toBe('y');
  });

  test('a figure has the digits that tell small numbers apart', async () => {
    const result = await sweep(residual, {
      clean: { x: { numbers: [1e-3, 1e-3] } },
      corrupted: { x: { numbers: [1e-3, 0] } },
      sites: [{ site: 'act/Relu' }],
    });
    // (0.004 - 0.01)²
    const [figure] = tensorsFigures(result);
    expect(figure && figureSummary(figure)).toContain('Clean 0.0000000, corrupted 0.0000360.');
  });

  test('corrupted states in the clean run, and an ablation, give what can be worked out by hand', async () => {
    const sites = [{ site: 'act/Relu' }];
    const spoilt = await sweep(residual, {
      clean,
      corrupted,
      direction: 'corrupt',
      watched: { kind: 'scalar' },
      sites,
    });
    // (1, 1) + (1, 0) is (2, 1), and so (3, 3); (2, 3) + (0, 2) is (2, 5).
    expect(cellsOf(spoilt)).toEqual([6, 7]);
    const ablated = await sweep(residual, {
      clean,
      ablation: { value: 0 },
      watched: { kind: 'scalar' },
      sites,
    });
    // (1, 1) and so (2, 2); (2, 3).
    expect(cellsOf(ablated)).toEqual([4, 5]);
    expect(ablated.corrupted).toBe(null);
  });

  test('how far an output lies from the clean run is measured of all of its numbers', async () => {
    const squared = await sweep(residual, {
      clean,
      corrupted,
      sites: [{ site: 'act/Relu' }],
      watched: { kind: 'squared', output: '/layer.1/Add_output_0' },
    });
    // The clean run has (5, 5), the corrupted one (2, 2); cells (4, 4) and (5, 2).
    expect(squared.clean).toEqual([0]);
    expect(squared.corrupted).toEqual([9]);
    expect(cellsOf(squared)).toEqual([1, 4.5]);
    const cosine = await sweep(residual, {
      clean,
      corrupted,
      sites: [{ site: 'act/Relu' }],
      watched: { kind: 'cosine', output: '/layer.1/Add_output_0' },
    });
    expect(cellsOf(cosine)[0]).toBeCloseTo(1, 8);
    expect(cellsOf(cosine)[1]).toBeCloseTo(35 / Math.sqrt(50 * 29), 8);
    const reference = await sweep(residual, {
      clean,
      corrupted,
      reference: { x: { numbers: [0, 0] } },
      sites: [{ site: 'act/Relu' }],
      watched: { kind: 'distance', output: '/layer.1/Add_output_0' },
    });
    expect(reference.clean[0]).toBeCloseTo(Math.sqrt(50), 6);
    expect(cellsOf(reference)[1]).toBeCloseTo(Math.sqrt(29), 6);
  });

  test('a cell that is no number leaves the others their effect, and a place that is not there is refused', async () => {
    const output = '/layer.1/Add_output_0';
    // Nothing is left of a residual stream of zeros: 0 / 0.
    const result = await sweep(residual, {
      clean,
      ablation: { value: 0 },
      sites: [{ site: 'block_output' }, { site: 'act/Relu' }],
      watched: { kind: 'cosine', output },
      reference: { x: { numbers: [1, 0] } },
    });
    expect(cellsOf(result, 0)).toEqual([null, null]);
    const [mean] = cellsOf(result, 1);
    expect(Number.isFinite(effectOf(result)(mean ?? Number.NaN))).toBe(true);
    const watched = { kind: 'entry', output, entry: 0, at: [7] };
    await expect(
      sweep(residual, { clean, corrupted, watched, sites: [{ site: 'act/Relu' }] }),
    ).rejects.toThrow("'at' needs 0 places, and has 1");
  });

  test('a component of one’s own, and a chain between tensors that one names, are swept as those that were found', async () => {
    const common = { clean, corrupted, watched: { kind: 'scalar' } };
    const named = await sweep(residual, {
      ...common,
      names: {
        added: '/layer.{layer}/act/Relu_output_0',
        backwards: ['/layer.1/Add_output_0', '/layer.0/Add_output_0'],
      },
      sites: [{ site: 'added' }, { site: 'backwards' }, { site: 'added:1' }],
    });
    expect([0, 1, 2].map((panel) => cellsOf(named, panel))).toEqual([[8, 7], [10, 10], [7]]);
    const chained = await sweep(residual, {
      ...common,
      chain: { from: 'x', to: '/layer.1/act/Relu_output_0' },
      sites: [{ site: 'chain' }],
    });
    expect(chained.panels[0]?.layers).toEqual([{ layer: 0, tensor: '/layer.0/Add_output_0' }]);
    expect(cellsOf(chained)).toEqual([10]);
    const refused = (experiment: object) => expect(sweep(residual, { ...common, ...experiment })).rejects;
    await refused({ names: { a: '/x.{layer}' }, sites: [{ site: 'a' }] }).toThrow(
      "'a' is named as '/x.{layer}', and the model has no tensor '/x.0'.",
    );
    await refused({ chain: { from: 'y', to: '/layer.0/Add_output_0' }, sites: [{ site: 'chain' }] }).toThrow(
      "There is no chain from 'y' to '/layer.0/Add_output_0'",
    );
  });

  test('noise is drawn as NumPy draws it, once a sample, and restoring the input’s first state takes it away', async () => {
    const result = await sweep(residual, {
      clean,
      noise: { tensor: 'x', level: 0.5, samples: 2, seed: 7 },
      watched: { kind: 'scalar' },
      sites: [{ site: 'block_output' }],
    });
    // numpy.random.RandomState(7).randn(4) * 0.5
    const drawn = [0.845262851, -0.232968692, 0.016410071, 0.203758149];
    const y = (a: number, b: number): number => {
      const [p, q] = [a + Math.max(0, a), b + Math.max(0, 2 * b)];
      return p + Math.max(0, q) + q + Math.max(0, p);
    };
    const expected = [0, 2].map((at) => y(1 + (drawn[at] ?? 0), 1 + (drawn[at + 1] ?? 0)));
    result.corrupted?.forEach((value, at) => {
      expect(value).toBeCloseTo(expected[at] ?? Number.NaN, 5);
    });
    expect(result.level).toBe(0.5);
    expect(result.panels[0]?.cells).toEqual([
      [10, 10],
      [10, 10],
    ]);
  });
});

describe('a file that reads tokens', () => {
  const clean = { input_ids: { numbers: [1, 5, 9, 2, 7] } };
  const corrupted = { input_ids: { numbers: [3, 5, 8, 2, 4] } };

  test('its cells by layer and position are those of a patch by prompts', async () => {
    const watched = { kind: 'entry', output: 'logits', at: [-1], entry: 6 };
    for (const direction of ['restore', 'corrupt']) {
      const ours = await sweep(tokens, {
        clean,
        corrupted,
        direction,
        watched,
        sites: [{ site: 'block_output' }, { site: 'attention_weight' }],
      });
      const theirs = await run<PatchResult>(tokens, {
        kind: 'patch',
        direction,
        pairs: [{ clean: clean.input_ids.numbers, corrupted: corrupted.input_ids.numbers, answer: 6 }],
        sweeps: [{ component: 'block_output' }],
      });
      expect(ours.panels[0]?.names).toEqual(['0', '1', '2', '3', '4']);
      expect(cellsOf(ours)).toHaveLength(smallTokens.layers * 5);
      const other = theirs.panels[0]?.cells.map((samples) => samples?.answerLogit[0]) ?? [];
      cellsOf(ours).forEach((value, at) => {
        expect(value).toBeCloseTo(other[at] ?? Number.NaN, 5);
      });
      expect(ours.clean[0]).toBeCloseTo(theirs.clean.answerLogit[0] ?? Number.NaN, 5);
      // Queries of a pattern are positions as well.
      expect(cellsOf(ours, 1)).toHaveLength(smallTokens.layers * 5);
    }
  });

  test('places are taken together where they are to be fewer, and it is said', async () => {
    const result = await sweep(tokens, {
      clean,
      corrupted,
      positions: 2,
      sites: [{ site: 'block_output:1' }],
    });
    expect(result.panels[0]?.names).toEqual(['0-1', '2-4']);
    expect(result.notices.map(({ text }) => text)).toContain(
      'Positions of block_output:1 are taken together: 5 places as 2.',
    );
  });

  test('what does not fit is refused with a sentence', async () => {
    const sites = [{ site: 'block_output' }];
    const refused = (experiment: object) => expect(sweep(tokens, { sites, ...experiment })).rejects;
    await refused({ clean: {}, ablation: { value: 0 } }).toThrow(
      "The model needs the input 'input_ids', int64 [batch, sequence]",
    );
    await refused({ clean, corrupted: { input_ids: { numbers: [3, 5] } } }).toThrow(
      "Input 'input_ids' is [1, 5] in the clean run and [1, 2] in the corrupted one.",
    );
    await refused({ clean: { ids: { numbers: [1] } }, ablation: { value: 0 } }).toThrow(
      "There is no input 'ids'. Did you mean 'input_ids'?",
    );
    await refused({ clean: { input_ids: { numbers: [1.5] } }, ablation: { value: 0 } }).toThrow(
      "Input 'input_ids' is of int64, which does not hold the float32 that is given.",
    );
    await refused({ clean: { input_ids: { text: 'w1' } }, ablation: { value: 0 } }).toThrow(
      "This model brings no tokenizer, so input 'input_ids' must be given as token ids.",
    );
    await refused({ clean: { input_ids: { file: 'x.npy' } }, ablation: { value: 0 } }).toThrow(
      "is in the file 'x.npy', which the experiment does not hold",
    );
    await refused({ clean: { input_ids: { numbers: [[1], [2]] } }, ablation: { value: 0 } }).toThrow(
      'is given with 2 rows along axis 0; an experiment is about one.',
    );
    await refused({ clean, ablation: { value: 0 }, sites: [{ site: 'block_ouput' }] }).toThrow(
      "The model has no 'block_ouput'. Did you mean 'block_output'",
    );
    await refused({ clean, ablation: { value: 0 }, sites: [{ site: 'block_output:2' }] }).toThrow(
      "'block_output' has layers 0 to 1 that can be edited; 2 is none of them.",
    );
    await refused({ clean, corrupted, watched: { kind: 'entry', entry: 3 } }).toThrow(
      "Output 'logits' is [5, 16]: say with 'at' of which place",
    );
    await refused({ clean, corrupted, watched: { kind: 'entry', at: [5], entry: 3 } }).toThrow(
      "Axis 0 of output 'logits' has 5 places (the batch is not counted); 5 is none of them.",
    );
    await refused({ clean, corrupted, watched: { kind: 'entry', at: [0], entry: 16 } }).toThrow(
      "Output 'logits' has 16 entries, 0 to 15; 16 is none of them.",
    );
    await refused({ clean, corrupted, watched: { kind: 'entry', at: [0], entry: 'cat' } }).toThrow(
      "No config.json beside the model names the entries of its outputs; give 'cat' as a number.",
    );
    await refused({ clean, noise: { tensor: 'input_ids', level: 1 } }).toThrow(
      "'input_ids' holds int64; noise is added to float32 numbers.",
    );
    await refused({ clean, corrupted, ablation: { value: 0 } }).toThrow(
      "There must be one of 'corrupted', 'noise' and 'ablation'",
    );
    await refused({ clean }).toThrow("There must be one of 'corrupted', 'noise' and 'ablation'");
  });
});

test('an experiment of prompts on a file that reads none is refused, and says what is there for it', async () => {
  const pairs = [{ clean: [1], corrupted: [2], answer: 3 }];
  await expect(run(residual, { kind: 'patch', pairs })).rejects.toThrow(
    "residual.onnx reads no tokens: none of its inputs (x) indexes a table. A patch is of prompts; a sweep of tensors ('tensors') is for this model.",
  );
});

test('a checkpoint of a family is no model for it', async () => {
  const model = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), backend);
  const own = { model, close: async () => {} } as OpenedOnnx; // Nothing else of it is looked at.
  await expect(
    sweep(own, { clean: {}, ablation: { value: 0 }, sites: [{ site: 'block_output' }] }),
  ).rejects.toThrow("this is a checkpoint of the family 'gpt2'. Use the kinds 'trace' or 'patch'.");
  await model.dispose();
});

test('places that are patches are laid over the picture, and those with noise are marked', async () => {
  // A map of one channel doubled twice, 4 by 4; y is its sum.
  const bytes = onnxBytes(
    [
      plainNode('Conv', ['pixels', 'k'], 'map'),
      plainNode('Relu', ['map'], 'act'),
      plainNode('ReduceSum', ['act', 'axes'], 'y'),
    ],
    {
      inputs: [{ name: 'pixels', dtype: 'float32', shape: ['n', 3, 4, 4] }],
      outputs: ['y'],
      weights: {
        k: floats([1, 3, 1, 1], [1, 0, 0]),
        axes: tensorFrom('int64', [3], (at) => at + 1),
      },
    },
  );
  const opened = await openedOnnx('map.onnx', bytes, backend);
  const picture = readFileSync('src/media/expected/wide.png').toString('base64');
  const preprocessor = { size: { height: 4, width: 4 }, image_mean: [0, 0, 0], image_std: [1, 1, 1] };
  const middle = { ...preprocessor, size: { shortest_edge: 4 }, do_center_crop: true, crop_size: 4 };
  const cropped = await sweep(opened, {
    clean: { pixels: { picture, preprocessor: middle, name: 'wide.png' } },
    ablation: { value: 0 },
    patches: [2, 2],
    watched: { kind: 'scalar' },
    sites: [{ site: 'map' }],
  });
  const result = await sweep(opened, {
    clean: { pixels: { picture, preprocessor, name: 'wide.png' } },
    noise: { tensor: 'pixels', positions: [3], level: 5, samples: 1, seed: 2 },
    patches: [2, 2],
    watched: { kind: 'scalar' },
    sites: [{ site: 'map' }],
  });
  await opened.close();
  expect(result.panels[0]?.patches).toEqual({ rows: 2, columns: 2, first: 0 });
  expect(result.panels[0]?.names).toEqual(['0, 0', '0, 1', '1, 0', '1, 1']);
  // Only the patch with noise on it brings the clean number back.
  const [clean, corrupted] = [result.clean[0], result.corrupted?.[0]];
  expect(corrupted).not.toBeCloseTo(clean ?? Number.NaN, 3);
  const cells = cellsOf(result);
  expect(cells.slice(0, 3)).toEqual([corrupted, corrupted, corrupted]);
  expect(cells[3]).toBeCloseTo(clean ?? Number.NaN, 4);
  const [overlay] = tensorsOverlays(result);
  expect(overlay).toMatchObject({
    across: 2,
    down: 2,
    firstLocation: 0,
    marked: [false, false, false, true],
  });
  expect(overlay?.picture).toEqual({ href: `data:image/png;base64,${picture}` });
  // 31 × 23 becomes 5 × 4, of which the middle 4 across begin at 0: the figure lies over these four fifths.
  const seen = { left: 0, top: 0, width: 0.8, height: 1 };
  expect(cropped.seen).toEqual(seen);
  expect(readTensorsResult(JSON.parse(JSON.stringify(cropped)))).toEqual(cropped);
  const [middleOverlay] = tensorsOverlays(cropped);
  expect(cropped.aspect).toBe(undefined);
  expect(middleOverlay?.picture?.part).toEqual({ x: 0, y: 0, width: 0.8, height: 1 });
  const drawn = middleOverlay && layoutOverlay(middleOverlay, { width: 400, theme: 'light' });
  expect(drawn && plainFigureSvg(drawn)).toContain('preserveAspectRatio="none" viewBox="0 0 0.8 1"');
});
