// Cases of kinds `generate`, `pyvene.generate` and `steer`: greedy continuations, plain and under interventions. Tokens
// are compared exactly; and each pass with the kept keys and values is compared with one that keeps nothing.

import * as v from 'valibot';
import { CheckpointError } from '../../checkpoint/checkpoint.ts';
import { readConfiguration } from '../../interventions/configuration/configuration.ts';
import { IntervenableModel } from '../../interventions/intervenableModel.ts';
import { generateTexts } from '../../runtime/generation/generate.ts';
import { lengthSwitch } from '../../runtime/generation/limits.ts';
import type { GenerationRow } from '../../runtime/generation/request.ts';
import type { Model } from '../../runtime/model.ts';
import { type CaseContext, logits, referenceRows, tokenRows } from './caseContext.ts';
import { type Difference, difference, identical, type Tolerance, worse } from './compare.ts';
import type { ReferenceCase } from './reference.ts';

const exactly: Tolerance = { absolute: 0, relative: 0 };
/** What a pass with kept keys and values may differ from one without. */
const withoutCache: Tolerance = { absolute: 1e-4, relative: 1e-4 };

const generateSchema = v.looseObject({
  input: v.picklist(['base[0:1]', 'base.input_features[0:1]']),
  note: v.optional(v.string()),
  max_new_tokens: v.number(),
  output: v.string(),
});

/**
 * Logits of every step against those of one pass over the whole text; over the text of each step where a longer sequence
 * computes all its positions otherwise.
 */
async function compareSteps(
  model: Model,
  { tokens: prompt, source }: Pick<GenerationRow, 'tokens' | 'source'>,
  steps: readonly Float32Array[],
  sequence: readonly number[],
  tolerance: Tolerance,
): Promise<Difference> {
  const anewAfter = lengthSwitch(model.architecture) ?? Number.POSITIVE_INFINITY;
  const lengths = steps.map((_, step) => prompt.length + step);
  const longest = lengths.at(-1) ?? 0;
  const texts = longest > anewAfter ? lengths : [longest];
  const results = await model.run({
    rows: texts.map((length) => ({
      start: { kind: 'tokens', tokens: sequence.slice(0, length), ...(source ? { source } : {}) },
      edits: [],
    })),
    reads: lengths.map((length) => ({
      row: texts.length > 1 ? texts.indexOf(length) : 0,
      site: logits,
      location: { positions: [length - 1] },
    })),
  });
  return steps.reduce(
    (total, own, step) => worse(total, difference(own, results[step]?.value?.data ?? [], tolerance)),
    identical,
  );
}

export async function compareGenerated(
  { model, reference, tolerance }: CaseContext,
  description: ReferenceCase,
): Promise<Difference> {
  const { max_new_tokens, output, note = '' } = v.parse(generateSchema, description);
  const [start] = await referenceRows({ model, reference }, 'base');
  if (start?.kind !== 'tokens') throw new CheckpointError('A model without tokens generates no text.');
  const { encoder } = model.architecture;
  const row = encoder
    ? { tokens: [encoder.startToken], ...(start.source ? { source: start.source } : {}) }
    : start;
  const [expected = []] = tokenRows(await reference.tensor(output));
  const steps: Float32Array[] = [];
  const [text] = await generateTexts(
    model,
    { rows: [row], maxNewTokens: max_new_tokens },
    {
      onStep: (step) => {
        const own = step.logits.get(0);
        if (own) steps.push(own);
      },
    },
  );
  const sequence = [...row.tokens, ...(text?.tokens ?? [])];
  const compared = note.endsWith('which is left out') ? sequence.slice(1) : sequence;
  return worse(
    difference(compared, expected, exactly),
    await compareSteps(model, row, steps, sequence, {
      absolute: Math.max(tolerance.absolute, withoutCache.absolute),
      relative: Math.max(tolerance.relative, withoutCache.relative),
    }),
  );
}

const pyveneSchema = v.looseObject({
  ...generateSchema.entries,
  label: v.string(),
  vector: v.string(),
  layer: v.number(),
  component: v.string(),
  type: v.string(),
  note: v.string(),
  intervene_on_prompt: v.boolean(),
});

export async function comparePyveneGenerated(
  { model, reference }: CaseContext,
  description: ReferenceCase,
): Promise<Difference> {
  const given = v.parse(pyveneSchema, description);
  const vector = await reference.tensor(given.vector);
  const [prompt = []] = tokenRows(await reference.tensor('base'));
  const [expected = []] = tokenRows(await reference.tensor(given.output));
  const intervenable = new IntervenableModel(
    readConfiguration({
      representations: [
        { layer: given.layer, component: given.component, source_representation: [...vector.data] },
      ],
      intervention_types: given.type,
    }),
    model,
  );
  // The note alone says at which position the prompt was steered.
  const position = /^position (\d+) of the prompt pass only$/.exec(given.note)?.[1];
  const [text] = await intervenable.generate({
    base: prompt,
    ...(position === undefined ? {} : { unitLocations: { base: Number(position) } }),
    maxNewTokens: given.max_new_tokens,
    placement: { preset: 'pyvene', interveneOnPrompt: given.intervene_on_prompt },
  });
  return difference(text?.sequence ?? [], expected, exactly);
}

const steerSchema = v.looseObject({
  prompt: v.string(),
  layer: v.number(),
  component: v.string(),
  type: v.literal('AdditionIntervention'),
  scale: v.number(),
  positions: v.literal('every prompt position and every new token'),
  vector: v.string(),
  max_new_tokens: v.number(),
  greedy: v.literal(true),
  outputs: v.tuple([v.string(), v.string()]),
});

export async function compareSteered(
  { model, reference }: CaseContext,
  description: ReferenceCase,
): Promise<Difference> {
  const given = v.parse(steerSchema, description);
  const vector = await reference.tensor(given.vector);
  const [plain, steered] = await Promise.all(
    given.outputs.map(async (name) => [...(await reference.tensor(name)).data]),
  );
  // The prompt is the beginning that both share with each other and are longer than by the new tokens.
  const prompt = (plain ?? []).slice(0, (plain?.length ?? 0) - given.max_new_tokens);
  const intervenable = new IntervenableModel(
    readConfiguration({
      representations: [
        {
          layer: given.layer,
          component: given.component,
          source_representation: [...vector.data].map((entry) => entry * given.scale),
        },
      ],
      intervention_types: given.type,
    }),
    model,
  );
  const [under] = await intervenable.generate({
    base: prompt,
    maxNewTokens: given.max_new_tokens,
    placement: { prompt: 'all', steps: 'all' },
  });
  const [text] = await generateTexts(model, {
    rows: [{ tokens: prompt }],
    maxNewTokens: given.max_new_tokens,
  });
  return worse(
    difference([...prompt, ...(text?.tokens ?? [])], plain ?? [], exactly),
    difference(under?.sequence ?? [], steered ?? [], exactly),
  );
}
