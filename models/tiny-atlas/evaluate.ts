// The figures of the model card, computed by Patchbay's own runtime from the same prompts: what evaluate.py computes with
// PyTorch. `npx tsx models/tiny-atlas/evaluate.ts` prints both side by side.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import type { Tokenizer } from '../../src/checkpoint/checkpoint.ts';
import { openFolder } from '../../src/checkpoint/openNode.ts';
import { logSumExp } from '../../src/experiments/predict.ts';
import { readTraceExperiment } from '../../src/experiments/trace/experiment.ts';
import { traceGrid } from '../../src/experiments/trace/grid.ts';
import { resolveTrace } from '../../src/experiments/trace/resolve.ts';
import type { TraceResult } from '../../src/experiments/trace/result.ts';
import { prepareTrace } from '../../src/experiments/trace/run.ts';
import { growTrace } from '../../src/experiments/trace/work.ts';
import { createNodeBackend } from '../../src/runtime/backends/nodeBackend.ts';
import { Model } from '../../src/runtime/model.ts';
import { type Plan, type Row, replace } from '../../src/runtime/plan/plan.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));

const itemSchema = v.looseObject({
  prompt: v.string(),
  answer: v.string(),
  distractor: v.string(),
  split: v.string(),
  subject: v.string(),
  source: v.optional(v.string()),
  year: v.optional(v.number()),
});
const promptsSchema = v.looseObject({
  trace: v.looseObject({ samples: v.number(), sigmas: v.number(), facts: v.array(itemSchema) }),
  facts: v.array(itemSchema),
  io: v.array(itemSchema),
  pronoun: v.array(itemSchema),
  agreement: v.array(itemSchema),
  greater: v.array(itemSchema),
  induction: v.array(v.looseObject({ text: v.string(), length: v.number() })),
});
type Item = v.InferOutput<typeof itemSchema>;

export interface Measured {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  readonly prompts: v.InferOutput<typeof promptsSchema>;
}

export async function openTinyAtlas(threads = 2): Promise<Measured> {
  const checkpoint = await openFolder(folder);
  const tokenizer = await checkpoint.tokenizer();
  const prompts = v.parse(
    promptsSchema,
    JSON.parse(readFileSync(`${folder}evaluation-prompts.json`, 'utf8')),
  );
  return { model: await Model.load(checkpoint, createNodeBackend(threads)), tokenizer, prompts };
}

const logitsSite = { component: 'logits', layer: null };
const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
const share = (flags: readonly boolean[]): number => mean(flags.map(Number));
const argmax = (values: ArrayLike<number>): number => {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] ?? 0) > (values[best] ?? 0)) best = i;
  return best;
};
const firstToken = ({ tokenizer }: Measured, text: string): number => tokenizer.encode(text)[0] ?? -1;
const fromText = ({ tokenizer }: Measured, text: string): Row & { start: { kind: 'tokens' } } => ({
  start: { kind: 'tokens', tokens: tokenizer.encode(text) },
  edits: [],
});

async function run({ model }: Measured, plan: Plan): Promise<readonly Float32Array[]> {
  return (await model.run(plan)).map(({ value }) => {
    if (value?.data instanceof Float32Array) return value.data;
    throw new Error('A read gave no numbers.');
  });
}

/** Logits after the last token of each prompt. */
function lastLogits(measured: Measured, prompts: readonly string[]): Promise<readonly Float32Array[]> {
  const rows = prompts.map((prompt) => fromText(measured, prompt));
  const reads = rows.map(({ start }, row) => ({
    row,
    site: logitsSite,
    location: { positions: [start.tokens.length - 1] },
  }));
  return run(measured, { rows, reads });
}

export async function measurePairs(measured: Measured, items: readonly Item[]) {
  const logits = await lastLogits(
    measured,
    items.map(({ prompt }) => prompt),
  );
  const differences = items.map(
    ({ answer, distractor }, i) =>
      (logits[i]?.[firstToken(measured, answer)] ?? 0) - (logits[i]?.[firstToken(measured, distractor)] ?? 0),
  );
  return { accuracy: share(differences.map((d) => d > 0)), logit_difference: mean(differences) };
}

export async function measureFacts(measured: Measured) {
  const { facts } = measured.prompts;
  const logits = await lastLogits(
    measured,
    facts.map(({ prompt }) => prompt),
  );
  const hits = facts.map(({ answer }, i) => argmax(logits[i] ?? []) === firstToken(measured, answer));
  const of = (split: string) => share(hits.filter((_, i) => facts[i]?.split === split));
  return { seen: of('seen'), heldOut: of('held-out') };
}

export async function measureGreater(measured: Measured): Promise<number> {
  const { greater } = measured.prompts;
  const years = Array.from(
    { length: 100 },
    (_, year) => measured.tokenizer.encode(` 11${String(year).padStart(2, '0')}`)[1],
  );
  const logits = await lastLogits(
    measured,
    greater.map(({ prompt }) => prompt),
  );
  return share(greater.map(({ year = 0 }, i) => years.indexOf(argmax(logits[i] ?? [])) > year));
}

/** Loss on the repeat over loss on the first copy, from the second token of each on. */
export async function measureInduction(measured: Measured): Promise<number> {
  const { induction } = measured.prompts;
  const rows = induction.map(({ text }) => fromText(measured, text));
  const logits = await run(measured, {
    rows,
    reads: rows.map((_, row) => ({ row, site: logitsSite, location: { positions: 'all' } })),
  });
  const size = measured.model.architecture.vocabularySize;
  const lossAt = (row: number, position: number): number => {
    const part = logits[row]?.subarray(position * size, (position + 1) * size) ?? new Float32Array();
    return logSumExp(part) - (part[rows[row]?.start.tokens[position + 1] ?? 0] ?? 0);
  };
  const losses = (from: number, to: (length: number) => number) =>
    mean(
      induction.flatMap(({ length }, row) =>
        Array.from({ length: to(length) - (from < 0 ? length : from) }, (_, i) =>
          lossAt(row, (from < 0 ? length : from) + i),
        ),
      ),
    );
  return losses(-1, (length) => 2 * length - 1) / losses(0, (length) => length - 1);
}

/** The head whose output at the last token, taken from the run with the other name twice, changes the mean logit difference most. */
export async function measureHeads(measured: Measured) {
  const items = measured.prompts.io.slice(0, 200);
  const { layerCount, headCount } = measured.model.architecture;
  const base = items.map(({ prompt }) => fromText(measured, prompt));
  const sources = items.map(({ source = '' }) => fromText(measured, source));
  const last = (row: (typeof base)[number]) => row.start.tokens.length - 1;
  const heads = Array.from({ length: layerCount * headCount }, (_, n) => ({
    layer: Math.floor(n / headCount),
    head: n % headCount,
  }));
  // Only the last position changes, and only from the head's layer on: each patched run is a fork there.
  const forks = heads.flatMap(({ layer, head }) =>
    base.map((row, i): Row => {
      const site = { component: 'head_attention_value_output', layer };
      const at = (position: number) => ({ positions: [position], heads: [head] });
      const from = sources[i] ?? row;
      const source = { kind: 'row' as const, row: base.length + i, site, location: at(last(from)) };
      return {
        start: { kind: 'fork', parent: i, layer, position: last(row) },
        edits: [{ site, location: at(last(row)), fragment: replace, source }],
      };
    }),
  );
  const rows = [...base, ...sources, ...forks];
  const read = (row: number, item: number) => ({
    row,
    site: logitsSite,
    location: { positions: [last(base[item] ?? fromText(measured, ''))] },
  });
  const reads = [
    ...base.map((_, i) => read(i, i)),
    ...forks.map((_, n) => read(2 * base.length + n, n % base.length)),
  ];
  const logits = await run(measured, { rows, reads });
  const difference = (group: number): number =>
    mean(
      items.map(({ answer, distractor }, i) => {
        const scores = logits[group * items.length + i];
        return (
          (scores?.[firstToken(measured, answer)] ?? 0) - (scores?.[firstToken(measured, distractor)] ?? 0)
        );
      }),
    );
  const whole = difference(0);
  return heads
    .map((head, n) => ({ ...head, change: (whole - difference(1 + n)) / whole }))
    .reduce((best, other) => (Math.abs(other.change) > Math.abs(best.change) ? other : best));
}

/** Causal traces of facts, at the last subject token and the last token. @param level of the noise */
export async function measureTrace(measured: Measured, facts: readonly Item[], level: number) {
  const { model, tokenizer, prompts } = measured;
  const sums = {
    total: [] as number[],
    block: [] as number[][],
    mlpSubject: [] as number[][],
    mlpLast: [] as number[][],
    attentionLast: [] as number[][],
  };
  for (const { prompt, subject, answer } of facts) {
    const experiment = readTraceExperiment({
      kind: 'trace',
      version: 1,
      model: 'tiny-atlas',
      prompt,
      subject,
      answer,
      corruption: { kind: 'noise', level, samples: prompts.trace.samples },
    });
    const outline = resolveTrace(model.architecture, tokenizer, experiment);
    const [, end = 0] = outline.subject ?? [];
    const last = outline.tokens.length - 1;
    const trace = await prepareTrace(
      model,
      resolveTrace(model.architecture, tokenizer, {
        ...experiment,
        positions: [...new Set([end - 1, last])],
      }),
    );
    let result: TraceResult | undefined;
    for await (const grown of growTrace(model, trace)) result = grown;
    if (!result) throw new Error('The trace gave no result.');
    const grids = [0, 1, 2].map((stream) => traceGrid(result, stream, 'probability'));
    const [block, mlp, attention] = grids;
    if (!block || !mlp || !attention) throw new Error('The trace has three streams.');
    const low = block.corrupted.mean;
    const column = (grid: typeof block, position: number) =>
      grid.cells.map(
        (cells) =>
          (cells[grid.columns.findIndex((each) => each.position === position)]?.mean ?? Number.NaN) - low,
      );
    sums.total.push(block.clean.mean - low);
    sums.block.push(column(block, end - 1));
    sums.mlpSubject.push(column(mlp, end - 1));
    sums.mlpLast.push(column(mlp, last));
    sums.attentionLast.push(column(attention, last));
  }
  const { layerCount } = model.architecture;
  const best = (effects: readonly (readonly number[])[], from: number, to: number): number =>
    Math.max(
      ...Array.from({ length: to - from }, (_, i) =>
        mean(effects.map((effect) => effect[from + i] ?? Number.NaN)),
      ),
    );
  return {
    total_effect: mean(sums.total),
    block_at_last_subject: best(sums.block, 0, Math.floor((2 * layerCount) / 3)),
    mlp_at_last_subject: best(sums.mlpSubject, 0, layerCount),
    mlp_at_last: best(sums.mlpLast, 0, layerCount),
    attention_at_last: best(sums.attentionLast, Math.floor(layerCount / 2), layerCount),
  };
}

/** What evaluate.py wrote, as far as it is compared. */
export const evaluationSchema = v.looseObject({
  facts: v.looseObject({
    seen: v.looseObject({ top1: v.number() }),
    'held-out': v.looseObject({ top1: v.number() }),
  }),
  trace: v.looseObject({
    level: v.number(),
    total_effect: v.number(),
    block_at_last_subject: v.looseObject({ effect: v.number() }),
    mlp_at_last_subject: v.looseObject({ effect: v.number() }),
    mlp_at_last: v.looseObject({ effect: v.number() }),
    attention_at_last: v.looseObject({ effect: v.number() }),
  }),
  io: v.looseObject({ accuracy: v.number(), logit_difference: v.number() }),
  heads: v.looseObject({ best: v.looseObject({ layer: v.number(), head: v.number(), change: v.number() }) }),
  pronoun: v.looseObject({ accuracy: v.number() }),
  agreement: v.looseObject({ accuracy: v.number() }),
  greater: v.looseObject({ accuracy: v.number() }),
  induction: v.looseObject({ ratio: v.number() }),
});

export const readEvaluation = (): v.InferOutput<typeof evaluationSchema> =>
  v.parse(evaluationSchema, JSON.parse(readFileSync(`${folder}evaluation.json`, 'utf8')));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const expected = readEvaluation();
  const measured = await openTinyAtlas();
  const { prompts } = measured;
  const show = (name: string, found: number, reference: number) =>
    console.log(
      `${name.padEnd(34)} ${found.toFixed(4).padStart(8)}   PyTorch ${reference.toFixed(4).padStart(8)}`,
    );
  const facts = await measureFacts(measured);
  show('facts, wordings seen', facts.seen, expected.facts.seen.top1);
  show('facts, wordings never seen', facts.heldOut, expected.facts['held-out'].top1);
  const io = await measurePairs(measured, prompts.io);
  show('indirect objects, accuracy', io.accuracy, expected.io.accuracy);
  show('indirect objects, difference', io.logit_difference, expected.io.logit_difference);
  show('pronouns', (await measurePairs(measured, prompts.pronoun)).accuracy, expected.pronoun.accuracy);
  show('agreement', (await measurePairs(measured, prompts.agreement)).accuracy, expected.agreement.accuracy);
  show('greater-than', await measureGreater(measured), expected.greater.accuracy);
  show('induction, ratio of losses', await measureInduction(measured), expected.induction.ratio);
  const head = await measureHeads(measured);
  show(`head ${head.layer}.${head.head}, change`, head.change, expected.heads.best.change);
  const trace = await measureTrace(measured, prompts.trace.facts, expected.trace.level);
  show('trace, total effect', trace.total_effect, expected.trace.total_effect);
  show('block, last subject token', trace.block_at_last_subject, expected.trace.block_at_last_subject.effect);
  show('MLP, last subject token', trace.mlp_at_last_subject, expected.trace.mlp_at_last_subject.effect);
  show('MLP, last token', trace.mlp_at_last, expected.trace.mlp_at_last.effect);
  show('attention, last token', trace.attention_at_last, expected.trace.attention_at_last.effect);
  process.exit(0);
}
