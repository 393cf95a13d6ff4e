import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Checkpoint, Tokenizer } from '../../checkpoint/checkpoint.ts';
import { openModel } from '../../checkpoint/openNode.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { Model } from '../../runtime/model.ts';
import { readSteerExperiment } from './experiment.ts';
import { resolveSteer } from './resolve.ts';
import type { SteerResult } from './result.ts';
import { completeSteer } from './work.ts';

interface Site {
  readonly norm: number;
  readonly medianNorm: number;
  readonly spread: number;
  readonly accuracy: number;
  readonly probeAccuracy: number;
  readonly threshold: number;
  readonly stability: number;
}

interface Expected {
  readonly given: {
    readonly layer: number;
    readonly strength: number;
    readonly newTokens: number;
    readonly positive: readonly string[];
    readonly negative: readonly string[];
    readonly prompts: readonly string[];
    readonly towards: string;
    readonly away: string;
  };
  readonly sites: readonly Site[];
  readonly headSites: readonly Pick<Site, 'norm' | 'spread' | 'probeAccuracy'>[];
  readonly texts: readonly {
    readonly tokens: readonly number[];
    readonly effect: number;
    readonly logProbabilities: readonly number[];
    readonly divergences: readonly number[];
    readonly projections: readonly number[];
  }[];
}

// Written by expected/make_steer.py; its shape is that of the script.
const expected = JSON.parse(
  readFileSync(new URL('./expected/steer.expected.json', import.meta.url), 'utf8'),
) as Expected;
const { given } = expected;

let backend: Backend;
let checkpoint: Checkpoint;
let tokenizer: Tokenizer;
let model: Model;
beforeAll(async () => {
  backend = createNodeBackend(1);
  checkpoint = await openModel(new URL('../../../models/tiny-atlas', import.meta.url).pathname);
  tokenizer = await checkpoint.tokenizer();
  model = await Model.load(checkpoint, backend);
});
afterAll(async () => {
  await model.dispose();
  await checkpoint.close();
  await backend.close();
});

const country = {
  name: 'italy',
  from: { method: 'difference', positive: given.positive, negative: given.negative },
};
const steering = {
  kind: 'steer',
  version: 1,
  model: 'tiny-atlas',
  vectors: [country],
  edits: [{ vector: 'italy', layers: [given.layer], strength: given.strength }],
  prompts: given.prompts,
  generation: { maxNewTokens: given.newTokens },
  words: { towards: [given.towards], away: [given.away] },
};

async function run(changed: object = {}): Promise<SteerResult> {
  const experiment = readSteerExperiment({ ...steering, ...changed });
  const generation = async () => ({
    config: {},
    files: undefined,
    renderChat: () => 'The Eiffel Tower',
  });
  const resolved = await resolveSteer(model.architecture, tokenizer, experiment, { generation });
  return completeSteer(model, resolved, { textOf: (id) => tokenizer.tokenText(id) });
}

/** Relative, or absolute near 0. */
function expectNear(found: number | null | undefined, wanted: number, tolerance = 2e-4) {
  expect(Math.abs((found ?? Number.NaN) - wanted)).toBeLessThan(tolerance * Math.max(1, Math.abs(wanted)));
}

const texts = (result: SteerResult, column: string) =>
  result.texts.flatMap((own) => (own ?? []).filter((text) => text.column === column));

describe('against PyTorch and scikit-learn', () => {
  test('sites have its lengths, spreads, accuracies and stability', async () => {
    const { vectors } = await run({ prompts: [], edits: [] });
    const sites = vectors[0]?.sites ?? [];
    expect(sites).toHaveLength(expected.sites.length);
    expected.sites.forEach((wanted, at) => {
      for (const key of ['norm', 'medianNorm', 'spread', 'threshold', 'stability'] as const)
        expectNear(sites[at]?.[key], wanted[key]);
      expect(sites[at]?.accuracy).toBeCloseTo(wanted.accuracy, 10);
      expect(sites[at]?.probeAccuracy).toBeCloseTo(wanted.probeAccuracy, 10);
    });
  });

  test('heads do too', async () => {
    const component = 'head_attention_value_output';
    const { vectors } = await run({ vectors: [{ ...country, component }], prompts: [], edits: [] });
    const sites = vectors[0]?.sites ?? [];
    expect(sites).toHaveLength(expected.headSites.length);
    expected.headSites.forEach((wanted, at) => {
      expectNear(sites[at]?.norm, wanted.norm);
      expectNear(sites[at]?.spread, wanted.spread);
      expect(sites[at]?.probeAccuracy).toBeCloseTo(wanted.probeAccuracy, 10);
    });
  });

  test('a steered text has its tokens, and the unsteered model says the same of each', async () => {
    const steered = texts(await run(), 'steered');
    expect(steered).toHaveLength(expected.texts.length);
    expected.texts.forEach((wanted, at) => {
      const text = steered[at];
      expect(text?.tokens).toEqual(wanted.tokens);
      expectNear(text?.effect, wanted.effect);
      wanted.logProbabilities.forEach((value, step) => {
        expectNear(text?.logProbabilities[step], value);
        expectNear(text?.divergences[step], wanted.divergences[step] ?? 0);
      });
      expect(text?.projections[0]).toHaveLength(wanted.projections.length);
      wanted.projections.forEach((value, position) => {
        expectNear(text?.projections[0]?.[position], value);
      });
    });
  });
});

describe('columns', () => {
  test('the unsteered text is its own measure, and the others part from it where their first other token is', async () => {
    const columns = ['unsteered', 'steered', 'negative', 'random', 'asked'];
    const result = await run({ columns, directions: 2, asked: 'The Colosseum is in Rome. ' });
    for (const [at, own] of result.texts.entries()) {
      expect(own?.map(({ column, direction }) => [column, direction])).toEqual([
        ...[
          ['unsteered', null],
          ['steered', null],
          ['negative', null],
        ],
        ...[
          ['random', 0],
          ['random', 1],
          ['asked', null],
        ],
      ]);
      const [plain] = own ?? [];
      expect(plain?.divergences.every((divergence) => divergence === 0)).toBe(true);
      expect(plain?.effect).toBe(0);
      expect(plain?.parts).toBeNull();
      for (const { tokens, parts, before, after } of own ?? []) {
        const first = tokens.findIndex((id, place) => id !== plain?.tokens[place]);
        expect(parts).toBe(first < 0 ? null : first);
        expect([before.length, after.length]).toEqual([tokens.length, tokens.length]);
        // Greedy: the token is the most probable under the edits.
        expect(after.map(([best]) => best?.[0])).toEqual(tokens);
      }
      expect(result.prompts[at]?.asked?.length).toBeGreaterThan(result.prompts[at]?.tokens.length ?? 0);
    }
    const [one, two] = texts(result, 'random');
    expect(one?.projections).not.toEqual(two?.projections);
  });

  test('samples of a column differ, and steered and unsteered share their random numbers', async () => {
    const generation = { maxNewTokens: 4, temperature: 2, samples: 3, seed: 5 };
    const result = await run({
      edits: [{ vector: 'italy', layers: [given.layer], strength: 0 }],
      generation,
    });
    const plain = texts(result, 'unsteered').map(({ tokens }) => tokens);
    expect(texts(result, 'steered').map(({ tokens }) => tokens)).toEqual(plain);
    expect(new Set(plain.slice(0, 3).map(String)).size).toBeGreaterThan(1);
  });

  test('against the vector is with the vector turned round', async () => {
    const negative = texts(await run({ columns: ['unsteered', 'negative'] }), 'negative');
    const edits = [{ vector: 'italy', layers: [given.layer], strength: -given.strength }];
    const turned = texts(await run({ edits }), 'steered');
    expect(negative.map((text) => ({ ...text, column: 'steered' }))).toEqual(turned);
  });
});

describe('strengths', () => {
  const at = { layer: given.layer, ...(expected.sites[given.layer] as Site) };

  test('are the same in all three units', async () => {
    const raw = given.strength;
    const relative = (raw * at.norm) / at.medianNorm;
    const sigma = (raw * at.norm) / at.spread;
    for (const [unit, strength] of [
      ['raw', raw],
      ['relative', relative],
      ['sigma', sigma],
    ] as const) {
      const edits = [{ vector: 'italy', layers: [given.layer], strength, unit }];
      const { edits: placed } = await run({ edits, prompts: [] });
      expectNear(placed[0]?.sites[0]?.raw, raw);
      expectNear(placed[0]?.sites[0]?.relative, relative);
      expectNear(placed[0]?.sites[0]?.sigma, sigma);
    }
  });

  test('set a projection in the unit of the edit, and nowhere but where the edit acts', async () => {
    const edits = [
      {
        vector: 'italy',
        layers: [given.layer],
        unit: 'sigma',
        map: { kind: 'set', to: 2 },
        steps: { from: 1 },
      },
    ];
    const [text] = texts(await run({ edits }), 'steered');
    const [projections = []] = text?.projections ?? [];
    const length = tokenizer.encode(given.prompts[0] ?? '').length;
    projections.forEach((projection, position) => {
      if (position >= length) expectNear(projection, 2 * at.spread);
      else expect(projection).not.toBeCloseTo(2 * at.spread, 2);
    });
    expect(projections).toHaveLength(length + given.newTokens - 1);
  });

  test('of an edit between two means go from the one to the other', async () => {
    const between = (strength: number) => ({
      edits: [{ vector: 'italy', layers: [given.layer], strength, map: { kind: 'between' } }],
    });
    const last = tokenizer.encode(given.prompts[0] ?? '').length - 1;
    const reached = async (strength: number) =>
      texts(await run(between(strength)), 'steered')[0]?.projections[0]?.[last] ?? Number.NaN;
    const [low, high] = [await reached(0), await reached(1)];
    expectNear(high - low, at.norm);
    // The border is half way between the means, on the vector at its own length.
    expectNear(((low + high) / 2) * at.norm, at.threshold, 1e-3);
  });

  test('of the best heads alone are given, in the order of the network', async () => {
    const heads = { ...country, component: 'head_attention_value_output', normalize: true };
    const edits = [{ vector: 'italy', top: { sites: 3, by: 'probe' }, strength: 5, unit: 'sigma' }];
    const { edits: placed, vectors } = await run({ vectors: [heads], edits, prompts: [] });
    const ranked = expected.headSites
      .map(({ probeAccuracy }, place) => ({ probeAccuracy, place }))
      .sort((a, b) => b.probeAccuracy - a.probeAccuracy)
      .slice(0, 3)
      .map(({ place }) => place)
      // Sites are layer by layer, head by head.
      .sort((a, b) => a - b);
    const { sites = [] } = vectors[0] ?? {};
    expect(placed[0]?.sites.map(({ layer, head }) => [layer, head])).toEqual(
      ranked.map((place) => [sites[place]?.layer, sites[place]?.head]),
    );
    placed[0]?.sites.forEach(({ raw }, index) => {
      expectNear(raw, 5 * (expected.headSites[ranked[index] ?? 0]?.spread ?? 0));
    });
  });
});

test('a projection is read at the last layer of an edit, in whatever order its layers are named', async () => {
  const projections = async (layers: readonly number[]) => {
    const result = await run({
      vectors: [{ ...country, layers }],
      edits: [{ vector: 'italy', strength: 1 }],
    });
    const sites = result.edits[0]?.sites.map(({ layer }) => layer);
    return { sites, projections: texts(result, 'steered')[0]?.projections };
  };
  const ordered = await projections([3, 5]);
  expect(ordered.sites).toEqual([3, 5]);
  expect(await projections([5, 3])).toEqual(ordered);
});

describe('a sweep', () => {
  test('measures as the texts do, and leaves the first half of the prompts to choose by', async () => {
    const sweep = { layers: [1, given.layer], strengths: [-given.strength, 0, given.strength] };
    const result = await run({ sweep });
    const cell = result.sweep?.[1]?.[2];
    const own = (cell?.texts ?? []).filter(({ direction }) => direction === null);
    const last = given.prompts.map((prompt) => tokenizer.encode(prompt).length - 1);
    own.forEach((text, prompt) => {
      const wanted = expected.texts[prompt];
      expect(text.tokens).toEqual(wanted?.tokens);
      expectNear(text.effect, wanted?.effect ?? 0);
      const mean = (values: readonly number[] = []) => values.reduce((sum, x) => sum + x, 0) / values.length;
      expectNear(text.logProbability, mean(wanted?.logProbabilities));
      expectNear(text.divergence, mean(wanted?.divergences));
      expectNear(text.projection, wanted?.projections[last[prompt] ?? 0] ?? 0);
    });
    for (const { effect } of result.sweep?.[1]?.[1]?.texts ?? []) expectNear(effect, 0);
    const { choice } = result;
    const chosen = result.sweep?.[choice?.layer ?? 0]?.[choice?.strength ?? 0]?.texts ?? [];
    expect(choice?.chosenOn).toBe(chosen.find(({ prompt }) => prompt === 0)?.effect);
    expect(choice?.reported).toBe(chosen.find(({ prompt }) => prompt === 1)?.effect);
    const others = (result.sweep ?? []).flatMap((cells) => cells ?? []);
    const best = Math.max(...others.map(({ texts: all }) => all[0]?.effect ?? 0));
    expect(choice?.chosenOn).toBe(best);
  });

  test('chooses none where every cell goes beyond its limits', async () => {
    const sweep = { layers: [given.layer], strengths: [1, 2], limits: { divergence: 1e-9 } };
    const { choice } = await run({ sweep });
    expect(choice).toMatchObject({ layer: null, strength: null, reported: null });
  });
});

describe('what goes wrong in a run', () => {
  test('a strength of 10^38 is caught at its step, and the text before it stays', async () => {
    const edits = [{ vector: 'italy', layers: [given.layer], strength: 1e38, steps: { from: 3 } }];
    const result = await run({ edits });
    const [plain, steered] = [texts(result, 'unsteered')[0], texts(result, 'steered')[0]];
    expect(steered?.end).toBe('notFinite');
    expect(steered?.tokens).toEqual(plain?.tokens.slice(0, 3));
    expect(steered?.text).not.toBe('');
    // It can be written down and read back.
    expect(JSON.parse(JSON.stringify(result)).texts[0][1].projections[0].at(-1)).not.toBeUndefined();
  });

  test('a context that is full is said before, and ends the text there', async () => {
    const [first = ''] = given.prompts;
    const long = [...tokenizer.encode(first), ...Array.from({ length: 50 }, () => 300)];
    const result = await run({ prompts: [long], generation: { maxNewTokens: 30 } });
    const room = model.architecture.maxPositions - long.length + 1;
    expect(result.notices.map(({ text }) => text).join(' ')).toContain(`at most ${room} new tokens fit`);
    for (const text of result.texts[0] ?? []) {
      expect(text.end).toBe('context');
      expect(text.tokens).toHaveLength(room);
    }
  });

  test('a chat is written by the template that is given, and shown as it was written', async () => {
    const { prompts } = await run({
      prompts: [{ messages: [{ role: 'user', content: 'x' }], reply: ' is in' }],
    });
    expect(prompts[0]?.rendered).toBe('The Eiffel Tower is in');
    expect(prompts[0]?.tokens).toEqual(
      tokenizer.encode('The Eiffel Tower is in', { addSpecialTokens: false }),
    );
  });
});
