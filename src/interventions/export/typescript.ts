// Interventions as a program against Patchbay's own library.

import type { Representation } from '../configuration/configuration.ts';
import type { Prompt } from '../execution/prompt.ts';
import type { ExportedCode, ExportRequest } from './exported.ts';

/** Defaults are left out. */
function declared(representation: Representation, type: string): Readonly<Record<string, unknown>> {
  const { unit, max_number_of_units: units, ...rest } = representation;
  const given = Object.entries({
    ...rest,
    ...(unit === 'pos' ? {} : { unit }),
    ...(units === 1 || units === null ? {} : { max_number_of_units: units }),
    intervention_type: type === 'VanillaIntervention' ? undefined : type,
  });
  return Object.fromEntries(given.filter(([, value]) => value !== null && value !== undefined));
}

/** Whether padding stands before a prompt, so that locations are counted from there. */
function isShifted({ placeOf }: Prompt): boolean {
  try {
    return placeOf(0) !== 0;
  } catch {
    return true;
  }
}

/** What a program prints of each example's logits. */
const printed = (isCausal: boolean): readonly string[] =>
  isCausal
    ? ['for (const { data } of intervenedOutputs.logits) console.log(data.indexOf(Math.max(...data)));']
    : [
        '// Every position sees every other: the prediction is at the mask.',
        'for (const { data, shape: [positions, size] } of intervenedOutputs.logits) {',
        '  const rows = Array.from({ length: positions }, (_, at) => data.subarray(at * size, (at + 1) * size));',
        '  console.log(rows.map((row) => row.indexOf(Math.max(...row))).join(" "));',
        '}',
      ];

const indented = (value: unknown): string => JSON.stringify(value, null, 2).replaceAll('\n', '\n  ');

const constants = (given: ReadonlyMap<string, Float32Array>): string =>
  JSON.stringify(Object.fromEntries([...given].map(([key, data]) => [key, Array.from(data)])));

/**
 * A program that runs the call with Patchbay's library and prints the most probable token of each example; of a model that
 * fills masks, at every position. Parameters are loaded from a folder that `save` has written.
 */
export function exportTypeScript({
  model,
  architecture: { isCausal },
  configuration,
  call,
}: ExportRequest): ExportedCode {
  const { interventions, mode } = configuration;
  if ([...call.base, ...call.sources.flatMap((source) => source ?? [])].some(isShifted))
    return {
      ok: false,
      why: 'The prompts have padding before them, from which locations are counted, and a program gives them without. Give them without padding.',
    };
  const hasParameters = interventions.some(
    ({ intervention }) => Object.keys(intervention.parameters).length > 0,
  );
  const representations = interventions.map(({ representation, intervention }) =>
    declared(representation, intervention.type.name),
  );
  const prompts = (run: readonly Prompt[]) => JSON.stringify(run.map(({ tokens }) => tokens));
  const lines = [
    `import { IntervenableModel, loadModel } from 'patchbay';`,
    '',
    `const { model, dispose } = await loadModel(${JSON.stringify(model)});`,
    ...(hasParameters
      ? [
          '// The folder that Patchbay has saved.',
          "const intervenable = await IntervenableModel.load('interventions', model);",
        ]
      : [
          'const intervenable = new IntervenableModel(',
          `  ${indented(mode === 'parallel' ? representations : { representations, mode })},`,
          '  model,',
          ');',
        ]),
    'const { intervenedOutputs } = await intervenable.run({',
    `  base: ${prompts(call.base)},`,
    `  sources: [${call.sources.map((source) => (source ? prompts(source) : 'null')).join(', ')}],`,
    ...(call.unitLocations ? [`  unitLocations: ${indented(call.unitLocations)},`] : []),
    ...(call.subspaces === null || call.subspaces === undefined
      ? []
      : [`  subspaces: ${indented(call.subspaces)},`]),
    ...(call.sourceRepresentations
      ? [`  sourceRepresentations: ${constants(call.sourceRepresentations)},`]
      : []),
    `  logits: '${isCausal ? 'last' : 'all'}',`,
    '});',
    ...printed(isCausal),
    'await dispose();',
  ];
  return { ok: true, code: `${lines.join('\n')}\n` };
}
