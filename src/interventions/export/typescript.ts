// Interventions as a program against Patchbay's own library.

import { type Architecture, readsMore } from '../../architectures/architecture.ts';
import type { Representation } from '../configuration/configuration.ts';
import type { Prompt } from '../execution/prompt.ts';
import type { ExportedCode, ExportRequest } from './exported.ts';
import { inputFiles, inputsFile, inputTensor, programInputs } from './programInputs.ts';

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
const printed = (isOnce: boolean): readonly string[] =>
  isOnce
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

const ownNames: Readonly<Record<string, string>> = {
  pixel_values: 'pixelValues',
  input_features: 'inputFeatures',
  input_ids: 'inputIds',
  decoder_input_ids: 'decoderInputIds',
};

/** What a model reads beside its text, or in place of any. */
function readInputs(architecture: Architecture, run: string, prompts: readonly Prompt[]): string {
  const each = programInputs(architecture, prompts).map((input) => {
    const value =
      'ids' in input ? JSON.stringify(input.ids) : `numbers(${JSON.stringify(inputTensor(run, input.name))})`;
    return `${ownNames[input.name]}: ${value}`;
  });
  return `{ ${each.join(', ')} }`;
}

/** The function that gives the numbers of a run, an array for each prompt. */
const readingFile = [
  '// What the model reads that is no text: the file that lies beside this program.',
  `const file = new Uint8Array(await readFile('${inputsFile}'));`,
  'const headerEnd = 8 + Number(new DataView(file.buffer).getBigUint64(0, true));',
  'const header = JSON.parse(new TextDecoder().decode(file.subarray(8, headerEnd)));',
  'function numbers(name: string): Float32Array[] {',
  '  const { shape, data_offsets: [from, to] } = header[name];',
  '  const all = new Float32Array(file.slice(headerEnd + from, headerEnd + to).buffer);',
  '  const each = all.length / shape[0];',
  '  return Array.from({ length: shape[0] }, (_, at) => all.slice(at * each, (at + 1) * each));',
  '}',
];

/**
 * A program that runs the call with Patchbay's library and prints the most probable token of each example; of a model that
 * fills masks, at every position. Parameters are loaded from a folder that `save` has written.
 */
export function exportTypeScript({ model, architecture, configuration, call }: ExportRequest): ExportedCode {
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
  const files = inputFiles(architecture, call);
  // A classifier scores once, and a model that fills masks at every position.
  const isOnce = architecture.isCausal || architecture.labels !== undefined;
  const prompts = (run: string, of: readonly Prompt[]) =>
    readsMore(architecture)
      ? readInputs(architecture, run, of)
      : JSON.stringify(of.map(({ tokens }) => tokens));
  const lines = [
    ...(files.size > 0 ? ["import { readFile } from 'node:fs/promises';"] : []),
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
    ...(files.size > 0 ? readingFile : []),
    'const { intervenedOutputs } = await intervenable.run({',
    `  base: ${prompts('base', call.base)},`,
    `  sources: [${call.sources.map((source, index) => (source ? prompts(`source_${index}`, source) : 'null')).join(', ')}],`,
    ...(call.unitLocations ? [`  unitLocations: ${indented(call.unitLocations)},`] : []),
    ...(call.subspaces === null || call.subspaces === undefined
      ? []
      : [`  subspaces: ${indented(call.subspaces)},`]),
    ...(call.sourceRepresentations
      ? [`  sourceRepresentations: ${constants(call.sourceRepresentations)},`]
      : []),
    `  logits: '${isOnce ? 'last' : 'all'}',`,
    '});',
    ...printed(isOnce),
    'await dispose();',
  ];
  return { ok: true, code: `${lines.join('\n')}\n`, ...(files.size > 0 ? { files } : {}) };
}
