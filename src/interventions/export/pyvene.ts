// Interventions as a pyvene program.

import type { Architecture } from '../../architectures/architecture.ts';
import { CheckpointError } from '../../checkpoint/checkpoint.ts';
import type { ResolvedIntervention } from '../configuration/resolve.ts';
import type { Prompt } from '../execution/prompt.ts';
import { InterventionError } from '../intervention.ts';
import { writePyveneFolder } from '../pyvene/pyveneFolder.ts';
import { nameInFolder } from '../pyvene/pyveneNames.ts';
import { toPyveneFolder } from '../pyvene/savedFolder.ts';
import {
  type ExportedCode,
  type ExportedPiece,
  type ExportRequest,
  exportedPieces,
  hasParameters,
  numbers,
  python,
  type Units,
  unequalPrompts,
} from './exported.ts';
import { inputFiles, inputsFile, inputTensor, programInputs } from './programInputs.ts';
import { pythonModel } from './pythonModel.ts';
import { declaringLines, openerOf } from './pyveneModels.ts';
import { type PyveneSite, pyveneRefusal, pyveneSite } from './pyveneSites.ts';
import { support, untriedModel } from './supportedModels.ts';

const fields = [
  'unit',
  'max_number_of_units',
  'low_rank_dimension',
  'latent_dim',
  'subspace_partition',
  'group_key',
  'intervention_link_key',
] as const;

const own = ['source_layer', 'source_component', 'source_run', 'target_run'] as const;

/** An intervention of the call, with its place in pyvene. */
interface Placed extends ExportedPiece {
  readonly place: PyveneSite;
}

/** What can be refused without knowing where the interventions are. */
function refusal({ architecture, configuration, call }: ExportRequest): string | undefined {
  const { interventions } = configuration;
  const beyond = interventions.flatMap(({ representation, label }) =>
    own.filter((field) => (representation[field] ?? null) !== null).map((field) => `${label}.${field}`),
  )[0];
  if (beyond !== undefined)
    return `pyvene takes a source from the same site of its group's own run, and cannot say '${beyond}'.`;
  const adaptor = interventions.find(({ intervention }) => /^Lo(RA|reft)/.test(intervention.type.name));
  if (adaptor) return `${adaptor.intervention.type.name} is not a class of pyvene; pyreft has one like it.`;
  const links = interventions.flatMap(({ representation }) => representation.intervention_link_key ?? []);
  if (new Set(links).size < links.length)
    return 'In pyvene linked interventions continue with the vector of the first, and here they share parameters only.';
  return untriedModel(support.pyvene, architecture) ?? unequalPrompts(call);
}

/** Why a folder of these interventions cannot be written for pyvene; undefined when it can. */
function unsavable({ architecture, configuration }: ExportRequest): string | undefined {
  try {
    writePyveneFolder(toPyveneFolder(configuration, architecture));
    return undefined;
  } catch (error) {
    if (error instanceof CheckpointError || error instanceof InterventionError) return error.message;
    throw error;
  }
}

/** A constant source as pyvene takes it: one vector, or as many as are gathered: [examples, (heads,) positions, width]. */
function constantSource({ piece, examples }: ExportedPiece): readonly string[] {
  const { constant, resolved, isByHead } = piece;
  if (!constant) return [];
  const { width } = resolved.component;
  const tensor = `torch.tensor(${numbers(constant)})`;
  if (constant.length === width) return [`source_representation=${tensor}`];
  const { positions = [], heads } = examples[0]?.target ?? {};
  const order =
    heads && !isByHead
      ? [positions.length, heads.length]
      : [...(heads ? [heads.length] : []), positions.length];
  const shape = [...order, width].join(', ');
  const turned = heads && !isByHead ? '.transpose(1, 2)' : '';
  return [
    `source_representation=${tensor}.reshape(-1, ${shape}).expand(${examples.length}, ${shape.replaceAll(/\d+/g, '-1')})${turned}`,
  ];
}

function representationOf({ piece, examples, place }: Placed): string {
  const { representation, site } = piece.resolved;
  const isPath = !place.declared && place.component.includes('.');
  const given = fields.flatMap((field) =>
    (representation[field] ?? null) === null ? [] : [`${field}=${python(representation[field])}`],
  );
  return `        pv.RepresentationConfig(${[
    ...(isPath ? [] : [`layer=${python(site.layer)}`]),
    `component=${python(place.component)}`,
    ...given,
    ...constantSource({ piece, examples }),
  ].join(', ')}),`;
}

/** Units of all examples as pyvene lists them. */
function located(units: readonly (Units | undefined)[], unit: ResolvedIntervention['unit']): unknown {
  if (units.some((each) => each === undefined)) return null;
  if (unit === 'h') return units.map((each) => each?.heads);
  if (unit === 'pos') return units.map((each) => each?.positions);
  return [units.map((each) => each?.heads), units.map((each) => each?.positions)];
}

/** The entries of each intervention in each example, in pyvene's counting; undefined where none are named. */
function subspacesOf({ call }: ExportRequest, placed: readonly Placed[]): unknown {
  // pyvene names cells of a partition, not their entries.
  if (placed.some(({ piece }) => piece.resolved.partition)) return call.subspaces ?? undefined;
  const spaces = placed.map(({ examples, place: { entriesWithin } }) =>
    entriesWithin || examples.some(({ entries }) => entries)
      ? examples.map(({ entries }) =>
          entriesWithin ? (entries?.map((entry) => entriesWithin[entry]) ?? entriesWithin) : entries,
        )
      : null,
  );
  return spaces.every((each) => each === null) ? undefined : spaces;
}

/** Statements behind those that open a model whose own forward pass gives no scores. */
const answering = [
  '',
  '',
  '# Its own forward pass gives no scores.',
  'def answer(pixel_values, input_ids, decoder_input_ids):',
  '    picture = model.vision_model(pixel_values=pixel_values).last_hidden_state',
  '    question = model.text_encoder(input_ids=input_ids, encoder_hidden_states=picture).last_hidden_state',
  '    return model.text_decoder(input_ids=decoder_input_ids, encoder_hidden_states=question)',
  '',
  '',
  'model.forward = answer',
];

/** What the model is called with in a run. */
function runInputs(architecture: Architecture, run: string, prompts: readonly Prompt[]): string {
  const each = programInputs(architecture, prompts).map((input) => {
    const value =
      'ids' in input
        ? `torch.tensor(${python(input.ids)})`
        : `inputs[${python(inputTensor(run, input.name))}]`;
    return `${python(input.name)}: ${value}`;
  });
  return `{${each.join(', ')}}`;
}

/**
 * A program that runs the call in pyvene 0.1.8 and prints the most probable tokens. Interventions with parameters are loaded
 * from a folder that `save` has written.
 */
export function exportPyvene(request: ExportRequest): ExportedCode {
  const { model, architecture, configuration, call } = request;
  const { interventions, mode } = configuration;
  const early = refusal(request);
  if (early !== undefined) return { ok: false, why: early };
  const pieces = exportedPieces(request);
  const leftOut = interventions.find((each) => pieces.every(({ piece }) => piece.resolved !== each));
  if (leftOut)
    return {
      ok: false,
      why: `${leftOut.label}: pyvene cannot leave an intervention out of a call; leave it out of the configuration.`,
    };
  const placed: Placed[] = [];
  for (const piece of pieces) {
    const place = pyveneSite(architecture, piece.piece.resolved);
    const why = 'why' in place ? place.why : pyveneRefusal(architecture, piece, place);
    if (why !== undefined) return { ok: false, why };
    if (!('why' in place)) placed.push({ ...piece, place });
  }
  const isLoaded = interventions.some(({ intervention }) => hasParameters(intervention));
  if (isLoaded) {
    const unnamed = placed.find(
      ({ piece, place }) =>
        place.component !== nameInFolder(architecture, piece.resolved.representation.component),
    );
    const why = unnamed
      ? `${unnamed.piece.resolved.label}: pyvene loads interventions with parameters from a folder, and has no '${unnamed.piece.resolved.component.name}' to load one at.`
      : call.sourceRepresentations
        ? 'Beside interventions with parameters, pyvene takes constants from the folder, not from the call.'
        : unsavable(request);
    if (why !== undefined) return { ok: false, why };
  }
  const mixed = placed.find(({ piece }) => piece.resolved.intervention.interchanged);
  if (mixed && placed.some(({ piece }) => piece.resolved.partition))
    return {
      ok: false,
      why: `${mixed.piece.resolved.label}: beside a partition, pyvene takes no entries by interchange_dim.`,
    };
  const routes = [...new Set(interventions.map(({ route }) => route))];
  const side = (route: string, which: 'origin' | 'target') =>
    placed
      .filter(({ piece }) => piece.resolved.route === route)
      .map(({ piece, examples }) =>
        located(
          examples.map((each) => each[which]),
          piece.resolved.unit,
        ),
      );
  const subspaces = subspacesOf(request, placed);
  const isCollecting = interventions.some(({ intervention }) => intervention.type.isCollect);
  const { lines: opening, source } = pythonModel(model);
  const opener = openerOf(architecture);
  const files = inputFiles(architecture, call);
  const lines = [
    'import torch',
    'import pyvene as pv',
    ...(files.size > 0 ? ['from safetensors.torch import load_file'] : []),
    `from transformers import ${opener}`,
    '',
    ...opening,
    `model = ${opener}.from_pretrained(${source}).float().eval()`,
    ...(opener === 'BlipForQuestionAnswering' ? answering : []),
    ...declaringLines(
      architecture.modelType,
      placed.flatMap(({ place }) => place.declared ?? []),
    ),
    ...(isLoaded
      ? [
          '# The folder that Patchbay has saved.',
          'intervenable = pv.IntervenableModel.load("interventions", model)',
        ]
      : [
          'config = pv.IntervenableConfig(',
          '    representations=[',
          ...placed.map(representationOf),
          '    ],',
          `    intervention_types=[${interventions.map(({ intervention }) => `pv.${intervention.type.name}`).join(', ')}],`,
          `    mode=${python(mode)},`,
          ')',
          'intervenable = pv.IntervenableModel(config, model)',
        ]),
    ...(files.size > 0
      ? [
          '# What the model reads that is no text, as Patchbay has made it.',
          `inputs = load_file(${python(inputsFile)})`,
        ]
      : []),
    `base = ${runInputs(architecture, 'base', call.base)}`,
    call.sources.length === 0
      ? 'sources = None'
      : `sources = [${call.sources.map((each, index) => (each ? runInputs(architecture, `source_${index}`, each) : 'None')).join(', ')}]`,
    'with torch.no_grad():',
    `    ${isCollecting ? '(_, collected)' : '_'}, output = intervenable(`,
    '        base,',
    '        sources,',
    '        {',
    ...routes.map(
      (route) =>
        `            ${python(route)}: (${python(side(route, 'origin'))}, ${python(side(route, 'target'))}),`,
    ),
    '        },',
    ...(subspaces === undefined ? [] : [`        subspaces=${python(subspaces)},`]),
    '    )',
    ...(isCollecting ? ['print(collected)'] : []),
    // A masked model predicts at every position, and a classifier once.
    `print(torch.softmax(output.logits${architecture.isCausal ? '[:, -1]' : ''}, -1).topk(${Math.min(5, architecture.vocabularySize)}))`,
  ];
  return { ok: true, code: `${lines.join('\n')}\n`, ...(files.size > 0 ? { files } : {}) };
}
