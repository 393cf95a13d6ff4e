// Interventions as a pyvene program.

import {
  type ExportedCode,
  type ExportRequest,
  exportedPieces,
  python,
  tokensOf,
  type Units,
  unequalPrompts,
} from './exported.ts';

const fields = [
  'layer',
  'component',
  'unit',
  'max_number_of_units',
  'low_rank_dimension',
  'latent_dim',
  'subspace_partition',
  'group_key',
  'intervention_link_key',
] as const;

const own = ['source_layer', 'source_component', 'source_run', 'target_run'] as const;

/**
 * A program that runs the call in pyvene and prints the most probable tokens. Interventions with parameters are loaded from a
 * folder that `save` has written.
 */
export function exportPyvene(request: ExportRequest): ExportedCode {
  const { model, configuration, call } = request;
  const { interventions, mode } = configuration;
  const unequal = unequalPrompts(call);
  if (unequal !== undefined) return { ok: false, why: unequal };
  const beyond = interventions.flatMap(({ representation, label }) =>
    own.filter((field) => (representation[field] ?? null) !== null).map((field) => `${label}.${field}`),
  )[0];
  if (beyond !== undefined)
    return {
      ok: false,
      why: `pyvene takes a source from the same site of its group's own run, and cannot say '${beyond}'.`,
    };
  const adaptor = interventions.find(({ intervention }) => /^Lo(RA|reft)/.test(intervention.type.name));
  if (adaptor)
    return {
      ok: false,
      why: `${adaptor.intervention.type.name} is no class of pyvene; pyreft has one like it.`,
    };
  const hasParameters = interventions.some(
    ({ intervention }) => Object.keys(intervention.parameters).length > 0,
  );
  const representations = interventions.map(({ representation, constant }) => {
    const given = fields.flatMap((field) =>
      (representation[field] ?? null) === null ? [] : [`${field}=${python(representation[field])}`],
    );
    const source = constant
      ? [`source_representation=torch.tensor(${python(representation.source_representation)})`]
      : [];
    return `        pv.RepresentationConfig(${[...given, ...source].join(', ')}),`;
  });
  const declare = hasParameters
    ? [
        '# The folder that Patchbay has saved.',
        'intervenable = pv.IntervenableModel.load("interventions", model)',
      ]
    : [
        'config = pv.IntervenableConfig(',
        '    representations=[',
        ...representations,
        '    ],',
        `    intervention_types=[${interventions.map(({ intervention }) => `pv.${intervention.type.name}`).join(', ')}],`,
        `    mode=${python(mode)},`,
        ')',
        'intervenable = pv.IntervenableModel(config, model)',
      ];
  const pieces = exportedPieces(request);
  const full = (units: readonly (Units | undefined)[], unit: string): unknown => {
    if (units.some((each) => each === undefined)) return null;
    if (unit === 'h') return units.map((each) => each?.heads);
    if (unit === 'pos') return units.map((each) => each?.positions);
    return [units.map((each) => each?.heads), units.map((each) => each?.positions)];
  };
  const side = (route: string, which: 'origin' | 'target') =>
    interventions
      .filter((resolved) => resolved.route === route)
      .map((resolved) => {
        const found = pieces.find(({ piece }) => piece.resolved === resolved);
        return found
          ? full(
              found.examples.map((each) => each[which]),
              resolved.unit,
            )
          : null;
      });
  const routes = [...new Set(interventions.map(({ route }) => route))];
  const locations = routes.map(
    (route) =>
      `        ${python(route)}: (${python(side(route, 'origin'))}, ${python(side(route, 'target'))}),`,
  );
  const subspaces = interventions.map((resolved) => {
    const found = pieces.find(({ piece }) => piece.resolved === resolved);
    return found?.examples.some(({ entries }) => entries)
      ? found.examples.map(({ entries }) => entries)
      : null;
  });
  // pyvene names cells of a partition, not their entries.
  const named = call.subspaces ?? null;
  const isNamed = interventions.some(({ partition }) => partition);
  const spaces = isNamed ? named : subspaces.every((each) => each === null) ? null : subspaces;
  const lines = [
    'import torch',
    'import pyvene as pv',
    'from transformers import AutoModelForCausalLM',
    '',
    `model = AutoModelForCausalLM.from_pretrained(${python(model)}).float().eval()`,
    ...declare,
    `base = {"input_ids": torch.tensor(${tokensOf(call.base)})}`,
    call.sources.length === 0
      ? 'sources = None'
      : `sources = [${call.sources.map((source) => (source ? `{"input_ids": torch.tensor(${tokensOf(source)})}` : 'None')).join(', ')}]`,
    'with torch.no_grad():',
    '    _, output = intervenable(',
    '        base,',
    '        sources,',
    '        {',
    ...locations.map((line) => `    ${line}`),
    '        },',
    ...(spaces === null ? [] : [`        subspaces=${python(spaces)},`]),
    '    )',
    'print(torch.softmax(output.logits[:, -1], -1).topk(5))',
  ];
  return { ok: true, code: `${lines.join('\n')}\n` };
}
