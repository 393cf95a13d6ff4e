import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mul } from '../../onnx/elementwise.ts';
import { ShapeError } from '../../onnx/value.ts';
import type { Backend } from '../backends/backend.ts';
import { createNodeBackend } from '../backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../fixtures/tinyCheckpoint.ts';
import { Model } from '../model.ts';
import {
  type Edit,
  type Fragment,
  type Location,
  type Plan,
  PlanError,
  type Row,
  replace,
  type Site,
  type Source,
  UnknownComponentError,
} from './plan.ts';

const tokens = [3, 17, 8, 25, 1, 30, 12];
const logits: Site = { component: 'logits', layer: null };
const at = (...positions: readonly number[]): Location => ({ positions });
const last = at(6);
const from = (ids: readonly number[], ...edits: readonly Edit[]): Row => ({
  start: { kind: 'tokens', tokens: ids },
  edits,
});
const fork = (parent: number, layer: number, position: number, ...edits: readonly Edit[]): Row => ({
  start: { kind: 'fork', parent, layer, position },
  edits,
});
const numbers = (count: number): Source => ({ kind: 'tensor', data: new Float32Array(count) });
const ofRow = (row: number, component: string, layer: number | null, location: Location): Source => ({
  kind: 'row',
  row,
  site: { component, layer },
  location,
});
const put = (component: string, layer: number | null, location: Location, source: Source): Edit => ({
  site: { component, layer },
  location,
  fragment: replace,
  source,
});
/** One row with one edit, and its last logits. */
const edited = (edit: Edit): Plan => ({
  rows: [from(tokens, edit)],
  reads: [{ row: 0, site: logits, location: last }],
});
const reading = (
  component: string,
  layer: number | null,
  location: Location,
  ...rows: readonly Row[]
): Plan => ({
  rows: rows.length > 0 ? rows : [from(tokens)],
  reads: [{ row: 0, site: { component, layer }, location }],
});
const plain: Plan = reading('logits', null, last);

/** Width 16, 3 layers, 4 heads of width 4, 24 positions, 31 tokens. */
let backend: Backend;
let model: Model;
beforeAll(async () => {
  backend = createNodeBackend(1);
  model = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), backend);
});
afterAll(async () => {
  await model.dispose();
  await backend.close();
});

/** The plan is refused with this sentence, leaves nothing behind, and the next run works. */
async function isRefused(
  plan: Plan,
  sentence: string,
  kind: new (message: string) => Error = PlanError,
): Promise<void> {
  const expected = await model.run(plain);
  const before = backend.liveTensors;
  const failure = await model.run(plan).then(
    () => 'it ran',
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(kind);
  expect(failure).toMatchObject({ message: expect.stringContaining(sentence) });
  expect(backend.liveTensors).toBe(before);
  expect(await model.run(plain)).toEqual(expected);
}

describe('components and layers', () => {
  test('an unknown component suggests the nearest and lists the known ones', async () => {
    const known = `Known: ${model.architecture.components.map(({ name }) => name).join(', ')}.`;
    const cases = [
      ['mlp', "Did you mean 'mlp_input' or 'mlp_output' or 'mlp_activation'?"],
      ['mlp_outptu', "Did you mean 'mlp_output'"],
      ['attention_weights', "Did you mean 'attention_weight'"],
      ['zzz', known],
    ] as const;
    for (const [name, suggestion] of cases) {
      const sentence = `Component '${name}' does not exist in gpt2.`;
      await isRefused(reading(name, 0, last), sentence, UnknownComponentError);
      await isRefused(edited(put(name, 0, last, numbers(16))), suggestion, UnknownComponentError);
      await isRefused(edited(put('mlp_output', 0, last, ofRow(0, name, 0, last))), 'depend on each other');
    }
  });

  test('a layer that does not exist, or is missing, or given where there is none', async () => {
    const range = "of 'mlp_output' does not exist: this model has layers 0 to 2.";
    for (const layer of [3, -1, 0.5, Number.NaN, null]) {
      await isRefused(reading('mlp_output', layer, last), `Layer ${layer} ${range}`);
      await isRefused(edited(put('mlp_output', layer, last, numbers(16))), `Layer ${layer} ${range}`);
    }
    await isRefused(
      reading('logits', 2, last),
      "Component 'logits' exists once in the model, not in every layer; leave out layer 2.",
    );
  });
});

describe('locations', () => {
  test('a position that does not exist', async () => {
    for (const position of [7, -1, 1.5]) {
      const sentence = `Position ${position} does not exist: the sequence has positions 0 to 6.`;
      await isRefused(reading('mlp_output', 0, at(position)), sentence);
      await isRefused(edited(put('mlp_output', 0, at(2, position), numbers(32))), sentence);
    }
  });

  test('no position, and no head', async () => {
    await isRefused(reading('mlp_output', 0, at()), "A location of 'mlp_output' names no position.");
    const headless = { positions: [2], heads: [] };
    await isRefused(reading('head_query_output', 0, headless), "'head_query_output' names no head.");
    await isRefused(
      edited(put('attention_weight', 0, headless, numbers(0))),
      "'attention_weight' names no head.",
    );
  });

  test('a head that does not exist, or heads where there are none', async () => {
    const heads = { positions: [2], heads: [4] };
    const sentence = "Head 4 of 'head_value_output' does not exist: it has heads 0 to 3.";
    await isRefused(reading('head_value_output', 1, heads), sentence);
    await isRefused(edited(put('head_value_output', 1, heads, numbers(4))), sentence);
    await isRefused(
      reading('value_output', 1, { positions: [2], heads: [0] }),
      "Component 'value_output' has no heads to choose from. Its per-head form, where it has one, is 'head_value_output'.",
    );
  });

  test('an edit that names a position or a head twice', async () => {
    const twice = 'names a position or head twice.';
    await isRefused(edited(put('mlp_output', 0, at(2, 2), numbers(32))), `An edit of 'mlp_output' ${twice}`);
    const heads = { positions: [2], heads: [1, 1] };
    await isRefused(
      edited(put('head_key_output', 0, heads, numbers(8))),
      `An edit of 'head_key_output' ${twice}`,
    );
  });
});

describe('tokens', () => {
  test('no token, an unknown one, and more than the model has positions for', async () => {
    await isRefused(reading('logits', null, at(0), from([])), 'A row needs at least one token.');
    for (const token of [31, -1, 2.5, Number.NaN]) {
      const sentence = `Token ${token} does not exist: the vocabulary has ids 0 to 30.`;
      await isRefused(reading('logits', null, at(0), from([3, token])), sentence);
    }
    await isRefused(
      reading('logits', null, at(0), from(Array.from({ length: 25 }, () => 1))),
      'The prompt has 25 tokens, but this model has 24 positions. Shorten it.',
    );
    const longest = await model.run(
      reading('logits', null, at(23), from(Array.from({ length: 24 }, () => 1))),
    );
    expect(longest[0]?.value?.shape).toEqual([1, 31]);
  });
});

describe('rows', () => {
  test('rows in a circle, and a row that waits for itself', async () => {
    const circle = [fork(1, 0, 2), fork(0, 0, 2)];
    await isRefused(
      reading('logits', null, last, ...circle),
      'depend on each other; a row cannot wait for itself.',
    );
    const own = put('mlp_output', 1, at(2), ofRow(0, 'mlp_output', 0, at(3)));
    await isRefused(edited(own), 'Rows 0 and 0 depend on each other');
    const long = [fork(2, 0, 0), fork(0, 0, 0), fork(1, 0, 0), from(tokens)];
    await isRefused(reading('logits', null, last, ...long), 'depend on each other');
  });

  test('rows that do not exist', async () => {
    for (const missing of [2, -1, 0.5]) {
      const sentence = `refers to row ${missing}, but the plan has rows 0 to 1.`;
      await isRefused(reading('logits', null, last, from(tokens), fork(missing, 0, 0)), `Row 1 ${sentence}`);
      const edit = put('mlp_output', 1, at(2), ofRow(missing, 'mlp_output', 1, at(2)));
      await isRefused(reading('logits', null, last, from(tokens), from(tokens, edit)), `Row 1 ${sentence}`);
    }
    const read = { row: 1, site: logits, location: last };
    await isRefused(
      { rows: [from(tokens)], reads: [read] },
      'Row 1 does not exist: the plan has rows 0 to 0.',
    );
  });

  test('a fork at a layer or position that does not exist, or that its parent does not carry', async () => {
    const forked = (...forks: readonly Row[]) => reading('logits', null, last, from(tokens), ...forks);
    await isRefused(forked(fork(0, 3, 0)), 'A row cannot fork at layer 3: this model has layers 0 to 2.');
    await isRefused(forked(fork(0, -1, 0)), 'A row cannot fork at layer -1');
    await isRefused(
      forked(fork(0, 0, 7)),
      'A row cannot fork at position 7: its parent has positions 0 to 6.',
    );
    await isRefused(
      forked(fork(0, 2, 0), fork(1, 1, 0)),
      'A row cannot fork at layer 1 from row 1, which itself begins at layer 2.',
    );
    await isRefused(
      forked(fork(0, 0, 4), fork(1, 0, 3)),
      'A row cannot fork at position 3 from row 1, which itself carries positions from 4 on.',
    );
  });

  test('an edit or a read where the fork carries nothing', async () => {
    const edit = (component: string, layer: number | null, location: Location) =>
      reading(
        'logits',
        null,
        last,
        from(tokens),
        fork(0, 1, 4, put(component, layer, location, numbers(16))),
      );
    await isRefused(
      edit('mlp_output', 0, at(5)),
      "Row 1 begins at layer 1, so 'mlp_output' of layer 0 cannot be edited in it.",
    );
    await isRefused(
      edit('embedding_output', null, at(5)),
      "'embedding_output' of the embedding cannot be edited in it.",
    );
    await isRefused(
      edit('mlp_output', 1, at(3)),
      'Row 1 carries positions from 4 on, so position 3 cannot be edited in it. Fork it there.',
    );
    const sentence =
      "Row 0 does not carry 'mlp_output' there: it begins at layer 1, position 4. Read its parent instead.";
    await isRefused(reading('mlp_output', 1, at(3), fork(1, 1, 4), from(tokens)), sentence);
    await isRefused(reading('mlp_output', 0, at(5), fork(1, 1, 4), from(tokens)), sentence);
  });
});

describe('sources', () => {
  const taken = (edit: Edit, source: Row = from(tokens), ...rest: readonly Row[]) =>
    reading('logits', null, last, from(tokens, edit), source, ...rest);

  test('a tensor of another width: the message says how many numbers were expected', async () => {
    await isRefused(
      edited(put('mlp_output', 1, at(2), numbers(12))),
      "The source for 'mlp_output' has 12 numbers; 1 unit of width 16 needs 16.",
    );
    await isRefused(
      edited(put('mlp_activation', 1, at(2, 3), numbers(64))),
      "The source for 'mlp_activation' has 64 numbers; 2 units of width 64 need 128.",
    );
    await isRefused(
      edited(put('head_query_output', 1, { positions: [2], heads: [0, 3] }, numbers(16))),
      '2 units of width 4 need 8.',
    );
    await isRefused(
      edited(put('attention_weight', 1, { positions: [2], heads: [0] }, numbers(16))),
      '1 unit of width 7 needs 7.',
    );
    await isRefused(edited(put('logits', null, last, numbers(16))), '1 unit of width 31 needs 31.');
  });

  test('a row that computes the source only after the edit', async () => {
    await isRefused(
      taken(put('mlp_output', 0, at(2), ofRow(1, 'mlp_output', 1, at(2)))),
      "The source 'mlp_output' of layer 1 is computed after layer 0. Read it in a run of its own and give it as a tensor.",
    );
    const afterwards = put('mlp_output', 2, at(2), ofRow(1, 'final_norm_output', null, at(2)));
    await isRefused(
      taken(afterwards),
      "The source 'final_norm_output' of the head is computed after layer 2.",
    );
  });

  test('a component of another width, or of another kind', async () => {
    await isRefused(
      taken(put('mlp_output', 1, at(2), ofRow(1, 'mlp_activation', 1, at(2)))),
      "The source 'mlp_activation' has width 64; 'mlp_output' expects width 16.",
    );
    await isRefused(
      taken(put('attention_weight', 1, at(2), ofRow(1, 'mlp_output', 1, at(2)))),
      'has width 16',
    );
    await isRefused(
      taken(put('mlp_output', 1, at(2), ofRow(1, 'mlq_output', 1, at(2)))),
      "Did you mean 'mlp_output'",
      UnknownComponentError,
    );
  });

  test('another number of units', async () => {
    await isRefused(
      taken(put('mlp_output', 1, at(2, 3), ofRow(1, 'mlp_output', 1, at(2)))),
      'The source of an edit names 1 unit, the edit 2; they must be as many.',
    );
    const one = { positions: [2], heads: [0] };
    await isRefused(
      taken(put('head_key_output', 1, at(2), ofRow(1, 'head_key_output', 1, one))),
      'names 1 unit, the edit 4',
    );
  });

  test('a pattern of attention from a sequence of another length', async () => {
    const edit = put('attention_weight', 1, at(2), ofRow(1, 'attention_weight', 1, at(2)));
    await isRefused(
      taken(edit, from(tokens.slice(0, 5))),
      "'attention_weight' can only be taken from a sequence of the same length: 5 and 7 positions.",
    );
  });

  test('a source that its row does not carry', async () => {
    const sentence =
      "Row 1 does not carry the source 'mlp_output': it begins at layer 1, position 4. Name its parent instead.";
    for (const [layer, position] of [
      [0, 5],
      [1, 3],
    ] as const) {
      const edit = put('mlp_output', 2, at(2), ofRow(1, 'mlp_output', layer, at(position)));
      await isRefused(taken(edit, fork(2, 1, 4), from(tokens)), sentence);
    }
    const outside = put('mlp_output', 2, at(2), ofRow(1, 'mlp_output', 1, at(7)));
    await isRefused(taken(outside), 'Position 7 does not exist');
  });
});

describe('fragments', () => {
  const site: Site = { component: 'mlp_output', layer: 1 };
  const fragment = (key: string, build: Fragment['build']): Fragment => ({ key, parameters: {}, build });

  test('a replacement without a source, found only when the graph is built, leaves nothing behind', async () => {
    await isRefused(edited({ site, location: at(2), fragment: replace }), 'A replacement needs a source.');
  });

  test('a parameter that was not given, and a result of another shape', async () => {
    const lacking = fragment('lacking', ({ base, parameter }) => mul(base, parameter('factor')));
    await isRefused(
      edited({ site, location: at(2), fragment: lacking }),
      "The edit 'lacking' has no parameter 'factor'.",
    );
    const widening = fragment('widening', ({ base }) => ({ ...base, shape: [...base.shape, 1] }));
    await isRefused(
      edited({ site, location: at(2), fragment: widening }),
      "The edit 'widening' of 'mlp_output' changes the shape",
      ShapeError,
    );
  });

  test('parameters of another shape make another graph', async () => {
    const scale = (data: Float32Array): Edit => ({
      site,
      location: at(2),
      fragment: {
        key: 'scale',
        parameters: { factor: { data, shape: [data.length] } },
        build: ({ base, parameter }) => mul(base, parameter('factor')),
      },
    });
    const [one] = await model.run(edited(scale(Float32Array.of(2))));
    const [many] = await model.run(edited(scale(new Float32Array(16).fill(2))));
    expect(many).toEqual(one);
  });
});
