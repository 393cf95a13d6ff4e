// The `attribution` cases: attribution patching by the experiment itself, compared stream by stream.

import * as v from 'valibot';
import { CheckpointError } from '../../checkpoint/checkpoint.ts';
import { attributePatches } from '../../experiments/attribute/attribute.ts';
import type { CaseContext } from './caseContext.ts';
import { type Difference, difference, identical, worse } from './compare.ts';
import type { ReferenceCase } from './reference.ts';

const attributionSchema = v.looseObject({ label: v.string(), outputs: v.array(v.string()) });
/** The case beside it that patches the same pair of prompts says which tokens are watched. */
const patchSchema = v.looseObject({ answer: v.number(), distractor: v.number() });

export async function compareAttribution(
  { model, reference, tolerance }: CaseContext,
  description: ReferenceCase,
): Promise<Difference> {
  const { label, outputs } = v.parse(attributionSchema, description);
  const patch = reference.cases.find((other) => other.kind === 'patch' && other.label === label);
  if (!patch)
    throw new CheckpointError(
      `${reference.label} has no case 'patch' of '${label}', which names the tokens.`,
    );
  const { answer, distractor } = v.parse(patchSchema, patch);
  const idsOf = async (name: string) => [...(await reference.tensor(`${label}.${name}`)).data];
  const components = outputs.map((output) => output.split('.').at(-1) ?? output);
  const { attributions } = await attributePatches(model, {
    clean: await idsOf('clean'),
    corrupted: await idsOf('corrupted'),
    answer,
    distractor,
    components,
  });
  let total = identical;
  for (const [index, output] of outputs.entries()) {
    const { data } = await reference.tensor(output);
    // Products of two rounded numbers are added over the width, so the largest says how much rounding may leave.
    const largest = Array.from(data).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const bounds = { relative: 0, absolute: tolerance.relative * largest };
    total = worse(total, difference(attributions[index]?.values ?? [], data, bounds));
  }
  return total;
}
