// Experiments on a model that fills masks: its prediction is watched where the mask stands.

import { afterAll, expect, test } from 'vitest';
import { residueTokenizer } from '../checkpoint/tokenizer/residueTokenizer.ts';
import { buildTokenizer } from '../checkpoint/tokenizer/tokenizer.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint } from '../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../runtime/model.ts';
import { attributePatches } from './attribute/attribute.ts';
import { readInterveneExperiment } from './intervene/experiment.ts';
import { resolveIntervene } from './intervene/resolve.ts';
import { runIntervene } from './intervene/run.ts';
import { readPatchExperiment } from './patch/experiment.ts';
import { resolvePatch } from './patch/resolve.ts';
import { preparePatch, runPatch } from './patch/run.ts';
import { logSumExp } from './predict.ts';
import { readTraceExperiment } from './trace/experiment.ts';
import { resolveTrace } from './trace/resolve.ts';
import { prepareTrace, runTrace } from './trace/run.ts';

const residues = ['<cls>', '<pad>', '<eos>', '<unk>', ...'LAGVSERTIDPKQNFYMHWCXBUZO.-', '<null_1>', '<mask>'];
const config = {
  model_type: 'esm',
  vocab_size: residues.length,
  hidden_size: 12,
  num_hidden_layers: 3,
  num_attention_heads: 2,
  intermediate_size: 16,
  max_position_embeddings: 40,
  position_embedding_type: 'rotary',
  token_dropout: true,
  mask_token_id: residues.indexOf('<mask>'),
  pad_token_id: 1,
};
const backend = createNodeBackend(1);
const model = await Model.load(tinyCheckpoint(config), backend);
const tokenizer = await buildTokenizer(residueTokenizer(residues.join('\n')), {}, 'tiny', 'esm');
afterAll(async () => {
  await model.dispose();
  await backend.close();
});

const [clean, corrupted] = ['MKT<mask>YIAK', 'MKW<mask>YIAK'];
const answer = 'A';
/** The mask's: `<cls>` stands first. */
const position = 4;

/** log p of the answer at the mask, from a whole run. */
async function logProbability(text: string): Promise<number> {
  const logits = { component: 'logits', layer: null };
  const tokens = tokenizer.encode(text);
  const [read] = await model.run({
    rows: [{ start: { kind: 'tokens', tokens }, edits: [] }],
    reads: [{ row: 0, site: logits, location: { positions: [position] } }],
  });
  const data = read?.value?.data ?? [];
  return (data[residues.indexOf(answer)] ?? Number.NaN) - logSumExp(data);
}

interface Watched {
  readonly answerLogit: readonly number[];
  readonly logSumExp: readonly number[];
}
const logProbabilityOf = ({ answerLogit, logSumExp: sums }: Watched) =>
  (answerLogit[0] ?? Number.NaN) - (sums[0] ?? Number.NaN);

test('a trace watches the mask: restoring all that was corrupted gives the clean prediction there', async () => {
  const experiment = readTraceExperiment({
    kind: 'trace',
    version: 1,
    model: 'tiny',
    prompt: clean,
    subject: 'KT',
    answer,
    corruption: { kind: 'zero' },
    streams: [{ component: 'block_output' }],
  });
  const trace = resolveTrace(model.architecture, tokenizer, experiment);
  expect(trace).toMatchObject({ watched: position, subject: [2, 4] });
  const prepared = await prepareTrace(model, trace);
  let baselines: { readonly clean: Watched; readonly corrupted: Watched } | undefined;
  const lastLayer: number[] = [];
  for await (const update of runTrace(model, prepared)) {
    if (update.kind === 'baselines') baselines = update;
    else
      for (const cell of update.cells)
        if (cell.layer === 2) lastLayer[cell.position] = logProbabilityOf(cell.samples);
  }
  if (!baselines) throw new Error('There were no baselines.');
  expect(logProbabilityOf(baselines.clean)).toBeCloseTo(await logProbability(clean), 5);
  // Behind the last layer only the mask's own state is read.
  expect(lastLayer[position]).toBeCloseTo(logProbabilityOf(baselines.clean), 5);
  expect(lastLayer[7]).toBeCloseTo(logProbabilityOf(baselines.corrupted), 5);
  expect(logProbabilityOf(baselines.clean)).not.toBeCloseTo(logProbabilityOf(baselines.corrupted), 3);
});

test('a patch watches the mask in both prompts', async () => {
  const experiment = readPatchExperiment({
    kind: 'patch',
    version: 1,
    model: 'tiny',
    pairs: [{ clean, corrupted, answer }],
    sweeps: [{ component: 'block_output' }, { component: 'head_attention_value_output', by: 'head' }],
  });
  const patch = resolvePatch(model.architecture, tokenizer, experiment);
  const prepared = await preparePatch(model, patch);
  const cells: {
    readonly panel: number;
    readonly layer: number;
    readonly column: number;
    readonly value: number;
  }[] = [];
  for await (const update of runPatch(model, prepared)) {
    if (update.kind === 'baselines') {
      expect(logProbabilityOf(update.clean)).toBeCloseTo(await logProbability(clean), 5);
      expect(update.corrupted && logProbabilityOf(update.corrupted)).toBeCloseTo(
        await logProbability(corrupted),
        5,
      );
    } else
      for (const { panel, layer, column, samples } of update.cells)
        cells.push({ panel, layer, column, value: logProbabilityOf(samples) });
  }
  const restored = cells.find(
    ({ panel, layer, column }) => panel === 0 && layer === 2 && column === position,
  );
  expect(restored?.value).toBeCloseTo(await logProbability(clean), 5);
  expect(cells.filter(({ panel }) => panel === 1)).toHaveLength(6);
});

test('the gradient of an attribution is of the mask’s logit', async () => {
  const request = {
    clean: tokenizer.encode(clean),
    corrupted: tokenizer.encode(corrupted),
    answer: residues.indexOf(answer),
    components: ['block_output'],
  };
  const { attributions } = await attributePatches(model, {
    ...request,
    watched: { clean: position, corrupted: position },
  });
  const lastLayer = [...(attributions[0]?.values ?? [])].slice(-tokenizer.encode(clean).length);
  // Nothing but the mask's state is read behind the last layer.
  expect(lastLayer.map((value) => value !== 0)).toEqual(lastLayer.map((_, at) => at === position));
});

test.each([
  [
    'MKTAYIAK',
    /This esm model predicts what stands at a mask, and the clean prompt has none. Write '<mask>'/,
  ],
  ['MK<mask>A<mask>IAK', /the clean prompt has 2 \('<mask>'\)/],
  [
    'MKTA<mask>IAK',
    /Pair 1: the mask stands at position 5 of the clean prompt and at 4 of the corrupted one/,
  ],
  ['MKj<mask>YIAK', /'j' is no amino acid that tiny knows/],
])('a clean prompt %s is refused with a sentence', (prompt, sentence) => {
  const experiment = readPatchExperiment({
    kind: 'patch',
    version: 1,
    model: 'tiny',
    pairs: [{ clean: prompt, corrupted }],
  });
  expect(() => resolvePatch(model.architecture, tokenizer, experiment)).toThrow(sentence);
});

const intervention = (fields: object) =>
  resolveIntervene(
    model.architecture,
    tokenizer,
    readInterveneExperiment({
      kind: 'intervene',
      version: 1,
      model: 'tiny',
      base: corrupted,
      sources: [clean],
      answer,
      distractor: null,
      ...fields,
    }),
  );

test.each([true, false])(
  'an intervention watches the mask of base and source (whole: %s)',
  async (isWhole) => {
    const resolved = intervention({
      configuration: { layer: 2, component: 'block_output' },
      unitLocations: { 'sources->base': position },
    });
    expect([resolved.base, ...resolved.sources].map(({ watched }) => watched)).toEqual([position, position]);
    const { measured, before, after, later } = await runIntervene(model, resolved, { isWhole });
    const [source] = measured.sources;
    expect(logProbabilityOf(measured.base)).toBeCloseTo(await logProbability(corrupted), 5);
    expect(source && logProbabilityOf(source)).toBeCloseTo(await logProbability(clean), 5);
    // Behind the last layer nothing but the mask's state is read.
    expect(logProbabilityOf(measured.intervened)).toBeCloseTo(await logProbability(clean), 5);
    expect(measured.intervened.divergence[0]).toBeGreaterThan(1e-4);
    expect(after[0]?.logit).not.toBeCloseTo(before[0]?.logit ?? Number.NaN, 4);
    expect(later.filter(({ divergence }) => divergence > 1e-6).map((each) => each.position)).toEqual(
      isWhole ? [position] : [],
    );
  },
);

test('another position is edited without an effect at the mask of the last layer', async () => {
  const resolved = intervention({
    configuration: { layer: 2, component: 'block_output' },
    unitLocations: { 'sources->base': tokenizer.encode(clean).length - 1 },
  });
  const { measured } = await runIntervene(model, resolved);
  expect(logProbabilityOf(measured.intervened)).toBeCloseTo(await logProbability(corrupted), 5);
});

test('a mask that is missing in a source is asked for, and another place of it is another prompt’s', async () => {
  expect(() => intervention({ sources: ['MKTAYIAK'] })).toThrow(/and the source has none. Write '<mask>'/);
  expect(() => intervention({ base: 'MK<mask>A<mask>IAK' })).toThrow(/and the base has 2/);
  const { base, sources } = intervention({ sources: ['MKTA<mask>IAK'] });
  expect([base, ...sources].map(({ watched }) => watched)).toEqual([4, 5]);
});

test('an answer is what fills the mask, and not what goes on after the prompt', () => {
  expect(intervention({ answer: 'L' }).answer).toEqual({ id: residues.indexOf('L'), text: 'L' });
});

test('a model that fills masks is asked for no text that goes on', async () => {
  await expect(model.decode([{ tokens: tokenizer.encode(clean) }])).rejects.toThrow(
    'esm sees what comes after, and does not generate text.',
  );
});
