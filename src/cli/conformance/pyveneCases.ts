// Cases of kinds `pyvene` and `formula`: interventions as pyvene ran them, declared here by the same configuration.

import * as v from 'valibot';
import { interventionKeys, readConfiguration } from '../../interventions/configuration/configuration.ts';
import type { Subspaces, UnitLocations } from '../../interventions/configuration/locations.ts';
import { IntervenableModel } from '../../interventions/intervenableModel.ts';
import type { Parameters } from '../../interventions/intervention.ts';
import { type CaseContext, tokenRows } from './caseContext.ts';
import { type Difference, difference, identical, worse } from './compare.ts';
import type { Reference, ReferenceCase } from './reference.ts';

const pyveneSchema = v.looseObject({
  label: v.string(),
  representations: v.array(v.looseObject({ source_representation: v.optional(v.string()) })),
  types: v.array(v.string()),
  sources: v.array(v.nullable(v.string())),
  unit_locations: v.nullable(v.record(v.string(), v.unknown())),
  subspaces: v.optional(v.nullable(v.array(v.unknown()))),
  mode: v.optional(v.string(), 'parallel'),
  parameters: v.optional(v.array(v.string()), []),
  output: v.string(),
});

/** The files of intervention K are called `LABEL.paramK.NAME`. */
async function parametersOf(
  reference: Reference,
  names: readonly string[],
  label: string,
  index: number,
): Promise<Parameters | undefined> {
  const prefix = `${label}.param${index}.`;
  const own = names.filter((name) => name.startsWith(prefix));
  if (own.length === 0) return undefined;
  const entries = await Promise.all(
    own.map(async (name) => {
      const { data, shape } = await reference.tensor(name);
      // A scalar there is a list of one here.
      return [
        name.slice(prefix.length),
        { data: Float32Array.from(data), shape: shape.length === 0 ? [1] : shape },
      ] as const;
    }),
  );
  return Object.fromEntries(entries);
}

/** Compare what each example returned with its part of the reference. */
async function compareLogits(
  { reference, tolerance }: CaseContext,
  found: readonly { readonly data: Float32Array }[],
  output: string,
): Promise<Difference> {
  const { data } = await reference.tensor(output);
  const each = data.length / found.length;
  return found.reduce(
    (total, { data: own }, example) =>
      worse(total, difference(own, data.subarray(example * each, (example + 1) * each), tolerance)),
    identical,
  );
}

export async function comparePyvene(context: CaseContext, description: ReferenceCase): Promise<Difference> {
  const { model, reference } = context;
  const { label, representations, types, sources, unit_locations, subspaces, mode, parameters, output } =
    v.parse(pyveneSchema, description);
  const withConstants = await Promise.all(
    representations.map(async ({ source_representation: name, ...fields }) => ({
      ...fields,
      ...(name === undefined ? {} : { source_representation: [...(await reference.tensor(name)).data] }),
    })),
  );
  const given = await Promise.all(
    representations.map((_, index) => parametersOf(reference, parameters, label, index)),
  );
  const declared = readConfiguration({ representations: withConstants, intervention_types: types, mode });
  const named = Object.fromEntries(
    interventionKeys(declared).flatMap((key, index) => {
      const own = given[index];
      return own ? [[key, own]] : [];
    }),
  );
  const intervenable = new IntervenableModel(declared, model, { parameters: named });
  const inputs = await Promise.all(
    sources.map(async (name) => (name === null ? null : tokenRows(await reference.tensor(name)))),
  );
  const { intervenedOutputs } = await intervenable.run({
    base: tokenRows(await reference.tensor('base')),
    sources: inputs,
    // Checked where it is read.
    unitLocations: unit_locations as UnitLocations | null,
    ...(subspaces ? { subspaces: subspaces as Subspaces } : {}),
  });
  return compareLogits(context, intervenedOutputs.logits, output);
}

const formulaSchema = v.looseObject({
  type: v.literal('BoundlessRotatedSpaceIntervention'),
  layer: v.number(),
  component: v.string(),
  source_position: v.number(),
  base_position: v.number(),
  boundary: v.number(),
  temperature: v.number(),
  parameters: v.array(v.string()),
  output: v.string(),
});

export async function compareFormula(context: CaseContext, description: ReferenceCase): Promise<Difference> {
  const { model, reference } = context;
  const given = v.parse(formulaSchema, description);
  const rotation = await reference.tensor(given.parameters[0] ?? '');
  const configuration = readConfiguration({
    layer: given.layer,
    component: given.component,
    intervention_type: given.type,
  });
  const [key = ''] = interventionKeys(configuration);
  const parameters = {
    [key]: {
      rotation: { data: Float32Array.from(rotation.data), shape: rotation.shape },
      boundary: { data: Float32Array.of(given.boundary), shape: [1] },
      temperature: { data: Float32Array.of(given.temperature), shape: [1] },
    },
  };
  const intervenable = new IntervenableModel(configuration, model, { parameters });
  const { intervenedOutputs } = await intervenable.run({
    base: tokenRows(await reference.tensor('base')),
    sources: [tokenRows(await reference.tensor('source'))],
    unitLocations: { 'sources->base': { source: given.source_position, base: given.base_position } },
  });
  return compareLogits(context, intervenedOutputs.logits, given.output);
}
