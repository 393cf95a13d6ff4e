import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { architectureOf } from '../architectures/registry.ts';
import type { Backend, Program } from './backend.ts';
import { Model } from './model.ts';
import { createNodeBackend } from './nodeBackend.ts';
import { type Edit, type Location, type Read, type Row, replace } from './plan.ts';
import { schedule } from './schedule.ts';
import { describeComponent } from './sites.ts';
import { scheduleWithTails } from './tails.ts';
import { tinyCheckpoint, tinyConfigurations } from './tinyCheckpoint.ts';

const checkpoint = tinyCheckpoint(tinyConfigurations.llama);
const architecture = architectureOf(checkpoint);
const { layerCount } = architecture;
const last = layerCount - 1;
const tokens = [3, 1, 4, 1, 5, 9];
const end = tokens.length - 1;

const prompt = (edits: readonly Edit[] = []): Row => ({ start: { kind: 'tokens', tokens }, edits });
const at = (...positions: number[]): Location => ({ positions });
const logits = (row: number, location: Location): Read => ({
  row,
  site: { component: 'logits', layer: null },
  location,
});
const put = (component: string, layer: number, location: Location): Edit => ({
  site: { component, layer },
  location,
  fragment: replace,
  source: {
    kind: 'tensor',
    data: new Float32Array(describeComponent(architecture, component).width).fill(0.5),
  },
});
const tailsOf = (rows: readonly Row[], reads: readonly Read[]) =>
  scheduleWithTails(architecture, { rows, reads }).plan.rows.slice(rows.length);

describe('a tail is cut', () => {
  test('at the last position of a prompt whose prediction is read, and its read goes to it', () => {
    const { plan, schedule: cut } = scheduleWithTails(architecture, {
      rows: [prompt()],
      reads: [logits(0, at(end))],
    });
    expect(plan.rows).toHaveLength(2);
    expect(plan.rows[1]).toEqual({
      start: { kind: 'fork', parent: 0, layer: last, position: end },
      edits: [],
    });
    expect(plan.reads[0]?.row).toBe(1);
    // The prompt ends with its keys, and the head is reached by one token alone.
    expect(cut.rows.map((row) => row.end)).toEqual([last, layerCount]);
    expect(cut.rowLayers).toBe(layerCount);
    expect(cut.countedRows).toBe(1);
  });
  test('where a fork carries more than what is read', () => {
    const fork: Row = { start: { kind: 'fork', parent: 0, layer: 1, position: 2 }, edits: [] };
    const [tail] = tailsOf([prompt(), fork], [logits(1, at(end))]);
    expect(tail?.start).toEqual({ kind: 'fork', parent: 1, layer: last, position: end });
  });
  test('from the first of the positions that are read', () => {
    const [tail] = tailsOf([prompt()], [logits(0, at(end)), logits(0, at(2))]);
    expect(tail?.start).toMatchObject({ position: 2 });
  });
  test('beside an edit of the last layer that lies before it', () => {
    expect(tailsOf([prompt([put('key_output', last, at(1))])], [logits(0, at(end))])).toHaveLength(1);
    expect(tailsOf([prompt([put('block_input', last, at(1))])], [logits(0, at(end))])).toHaveLength(1);
  });
});

describe('a row stays whole', () => {
  test.each<readonly [string, readonly Row[], readonly Read[]]>([
    ['when every position is read', [prompt()], [logits(0, { positions: 'all' })]],
    [
      'when it carries the read position alone',
      [prompt(), { start: { kind: 'fork', parent: 0, layer: 1, position: end }, edits: [] }],
      [logits(1, at(end))],
    ],
    [
      'when it begins in the last layer',
      [prompt(), { start: { kind: 'fork', parent: 0, layer: last, position: 1 }, edits: [] }],
      [logits(1, at(end))],
    ],
    [
      'when the last layer is edited there',
      [prompt([put('mlp_output', last, at(end))])],
      [logits(0, at(end))],
    ],
    [
      'when the last layer is read as well',
      [prompt()],
      [logits(0, at(end)), { row: 0, site: { component: 'mlp_output', layer: last }, location: at(1) }],
    ],
    [
      'when nothing of the head is read',
      [prompt()],
      [{ row: 0, site: { component: 'block_output', layer: 0 }, location: at(end) }],
    ],
  ])('%s', (_, rows, reads) => {
    expect(tailsOf(rows, reads)).toEqual([]);
  });
});

describe('a model that runs tails', () => {
  let backend: Backend;
  let model: Model;
  /** Tokens that each run of a graph was given. */
  let given: number[];
  beforeAll(async () => {
    backend = createNodeBackend(1);
    const compile = async (...graph: Parameters<Backend['compile']>): Promise<Program> => {
      const program = await backend.compile(...graph);
      const outputs = [...graph[0].outputs.keys()];
      return {
        ...program,
        run: (inputs) => {
          // Only those that leave states go through the whole block.
          if (inputs.query_index && outputs.includes('out')) given.push(inputs.positions?.shape[0] ?? 0);
          return program.run(inputs);
        },
      };
    };
    const watched = new Proxy(backend, {
      get: (target, key) => {
        if (key === 'compile') return compile;
        const member: unknown = Reflect.get(target, key, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    model = await Model.load(checkpoint, watched);
  });
  afterAll(async () => {
    await model.dispose();
    await backend.close();
  });

  test('gives the logits that all positions together have, and runs one token through the last layer', async () => {
    const edits = [put('block_output', 0, at(1))];
    given = [];
    const [all] = await model.run({ rows: [prompt(edits)], reads: [logits(0, { positions: 'all' })] });
    expect(given).toEqual(Array.from({ length: layerCount }, () => tokens.length));
    given = [];
    const [one] = await model.run({ rows: [prompt(edits)], reads: [logits(0, at(end))] });
    expect(given).toEqual([...Array.from({ length: last }, () => tokens.length), 1]);
    const expected = all?.value?.data.slice(-architecture.vocabularySize) ?? [];
    const found = one?.value?.data ?? [];
    expect(found).toHaveLength(architecture.vocabularySize);
    expect(Math.max(...[...found].map((x, i) => Math.abs(x - (expected[i] ?? Number.NaN))))).toBeLessThan(
      1e-5,
    );
  });

  test('refuses what breaks a rule as a whole schedule does', () => {
    const wrong = { rows: [prompt()], reads: [logits(3, at(end))] };
    const words = 'Row 3 does not exist: the plan has rows 0 to 0.';
    expect(() => schedule(architecture, wrong)).toThrow(words);
    expect(() => scheduleWithTails(architecture, wrong)).toThrow(words);
  });
});
