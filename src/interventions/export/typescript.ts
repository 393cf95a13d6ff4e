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

const indented = (value: unknown): string => JSON.stringify(value, null, 2).replaceAll('\n', '\n  ');

/**
 * A program that runs the call with Patchbay's library and prints the most probable token of each example. Parameters are
 * loaded from a folder that `save` has written.
 */
export function exportTypeScript({ model, configuration, call }: ExportRequest): ExportedCode {
  const { interventions, mode } = configuration;
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
    "  logits: 'last',",
    '});',
    'for (const { data } of intervenedOutputs.logits) console.log(data.indexOf(Math.max(...data)));',
    'await dispose();',
  ];
  return { ok: true, code: `${lines.join('\n')}\n` };
}
