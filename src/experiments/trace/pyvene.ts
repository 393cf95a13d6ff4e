// The pyvene program that computes one cell of a trace, so that a number can be checked where the field already works.
//
// Modules are named by their paths, not by pyvene's components: for a path pyvene cuts no vector to a width of its own
// tables, and it reaches the embeddings of the tokens, where the subject is corrupted, before GPT-2 adds the positions.

import {
  type ModulePlace,
  modelModulePath,
  modulePlace,
} from '../../interventions/configuration/modulePlaces.ts';
import { modelModules } from '../../interventions/configuration/moduleTables.ts';
import { pythonModel, pythonText } from '../../interventions/export/pythonModel.ts';
import { declaringLines, hasPyveneTables } from '../../interventions/export/pyveneModels.ts';
import { windowAround } from '../layers.ts';
import type { TokenRange } from '../promptText.ts';
import type { TraceCell } from './cells.ts';
import type { TraceResult } from './result.ts';

export type CellCode =
  | { readonly ok: true; readonly code: string }
  /** Why there is none, in a sentence. */
  | { readonly ok: false; readonly why: string };

const list = (from: number, to: number): string =>
  `[${Array.from({ length: to - from }, (_, index) => from + index).join(', ')}]`;

const inComment = (text: string): string => pythonText(text.length > 60 ? `${text.slice(0, 59)}…` : text);

function opening({ experiment, model, tokens }: TraceResult, imports: readonly string[]): readonly string[] {
  const { lines, source } = pythonModel(model.label);
  const needsTokenizer =
    experiment.corruption.kind === 'replace' && typeof experiment.corruption.tokens === 'string';
  return [
    ...imports,
    'import torch',
    'import pyvene as pv',
    `from transformers import AutoModelForCausalLM${needsTokenizer ? ', AutoTokenizer' : ''}`,
    '',
    ...lines,
    ...(needsTokenizer ? [`tokenizer = AutoTokenizer.from_pretrained(${source})`] : []),
    `model = AutoModelForCausalLM.from_pretrained(${source}).float().eval()`,
    ...declaringLines(model.modelType, []),
    `# ${inComment(tokens.map(({ text }) => text).join(''))}`,
    `base = {"input_ids": torch.tensor([[${tokens.map(({ id }) => id).join(', ')}]])}`,
  ];
}

/** The restored component: its module, and statements that set `entries` to those of the module's vector that it is. */
interface Restored {
  readonly representation: string;
  readonly entries: readonly string[];
}

/** @param heads that are restored; undefined for all */
function restored(
  { path, fused }: ModulePlace,
  heads: readonly number[] | undefined,
  group: number,
): Restored {
  const representation = `pv.RepresentationConfig(component=f${pythonText(path)}, group_key=${group})`;
  if (!heads && !fused) return { representation, entries: [] };
  const chosen = heads ? `[${heads.join(', ')}]` : 'range(model.config.num_attention_heads)';
  const first = !fused
    ? 'head'
    : fused.isByHead
      ? `(3 * head + ${fused.part})`
      : `(${fused.part} * model.config.num_attention_heads + head)`;
  return {
    representation,
    entries: [
      'head_width = getattr(model.config, "head_dim", None)',
      'head_width = head_width or model.config.hidden_size // model.config.num_attention_heads',
      `entries = [${first} * head_width + i for head in ${chosen} for i in range(head_width)]`,
    ],
  };
}

interface Corruption {
  readonly imports: readonly string[];
  readonly lines: readonly string[];
  /** What the intervention at the embeddings returns in place of `base`. */
  readonly returns: string;
  readonly samples: number;
}

function corruptionLines(result: TraceResult, subject: TokenRange): Corruption | null {
  const { experiment, samples, level } = result;
  const count = subject[1] - subject[0];
  switch (experiment.corruption.kind) {
    case 'noise':
      return {
        imports: ['import numpy as np'],
        lines: [
          `random = np.random.RandomState(${experiment.corruption.seed})`,
          `noise = ${level ?? 0} * random.randn(${samples}, ${count}, model.get_input_embeddings().embedding_dim)`,
          'noise = torch.from_numpy(noise).float()',
        ],
        returns: 'base + noise[Corrupt.sample]',
        samples,
      };
    case 'zero':
      return { imports: [], lines: [], returns: 'torch.zeros_like(base)', samples: 1 };
    case 'mean':
      return {
        imports: [],
        lines: [
          'with torch.no_grad():',
          '    mean = model.get_input_embeddings()(base["input_ids"])[0].mean(0)',
        ],
        returns: 'mean.expand_as(base)',
        samples: 1,
      };
    case 'replace':
    case 'exchange':
      return null;
    default:
      return experiment.corruption satisfies never;
  }
}

const measure = (answer: number): string =>
  `probabilities.append(torch.softmax(output.logits[0, -1], -1)[${answer}].item())`;

/** A program that prints the probability of the answer with this one cell put back. */
export function pyveneCode(result: TraceResult, { stream: place, layer, position }: TraceCell): CellCode {
  const { subject } = result;
  if (result.input || subject === null || modelModules(result.model.modelType)?.encoders)
    return {
      ok: false,
      why: `What a ${result.model.modelType} model reads beside its tokens, or in place of them, has no place in this program, which gives the model tokens alone.`,
    };
  const stream = result.streams[place];
  if (!stream || !result.positions.includes(position) || layer >= result.layerCount)
    return { ok: false, why: 'There is no such cell.' };
  const { modelType } = result.model;
  const opener = modelModules(modelType)?.opener;
  if (opener === undefined)
    return { ok: false, why: `Programs for pyvene have not been tried with models of type '${modelType}'.` };
  if (opener !== 'AutoModelForCausalLM')
    return {
      ok: false,
      why: `A ${modelType} model predicts at its mask, and this program reads what follows the last token.`,
    };
  const embedding = modelModulePath(modelType, 'embedding_output');
  if (embedding === undefined)
    return {
      ok: false,
      why: `The embedding of a ${modelType} model is scaled within its module in some versions of transformers and behind it in others, so the subject cannot be corrupted there alike.`,
    };
  const module = modulePlace(modelType, stream.component);
  if (!hasPyveneTables(modelType) && /^(attention|mlp)_input$/.test(stream.component))
    return {
      ok: false,
      why: `What '${stream.component}' is in a ${modelType} model may be read elsewhere too, by its options, and pyvene would edit both. Restore what comes of it instead.`,
    };
  if (!module)
    return {
      ok: false,
      why: `No module of the model returns '${stream.component}', so pyvene cannot restore it.`,
    };
  const { from, to } = windowAround(layer, stream.window, result.layerCount);
  const layers = `range(${from}, ${to})`;
  const corruption = corruptionLines(result, subject);
  const isRestoring = result.experiment.direction === 'restore';
  if (!corruption)
    return {
      ok: true,
      code: replacedCode(result, subject, restored(module, stream.heads, 0), layers, position),
    };
  if (!isRestoring) {
    return {
      ok: false,
      why: 'pyvene takes its sources from plain runs, and here the source is itself corrupted at its embeddings.',
    };
  }
  const { representation, entries } = restored(module, stream.heads, 1);
  const lines = [
    ...opening(result, corruption.imports),
    ...corruption.lines,
    ...entries,
    '',
    '',
    'class Corrupt(pv.ConstantSourceIntervention, pv.LocalistRepresentationIntervention):',
    '    sample = 0',
    '',
    '    def __init__(self, **kwargs):',
    '        super().__init__()',
    '',
    '    def forward(self, base, source=None, subspaces=None):',
    `        return ${corruption.returns}`,
    '',
    '',
    `layers = ${layers}`,
    'config = pv.IntervenableConfig(',
    `    representations=[pv.RepresentationConfig(component=${pythonText(embedding)}, group_key=0)]`,
    `    + [${representation} for layer in layers],`,
    '    intervention_types=[Corrupt] + [pv.VanillaIntervention] * len(layers),',
    ')',
    'intervenable = pv.IntervenableModel(config, model)',
    `subject, position, count = ${list(...subject)}, ${position}, len(layers)`,
    'probabilities = []',
    `for Corrupt.sample in range(${corruption.samples}):`,
    '    with torch.no_grad():',
    '        _, output = intervenable(',
    '            base,',
    '            [None, base],',
    '            {',
    '                "sources->base": (',
    '                    [None] + [[[position]]] * count,',
    '                    [[subject]] + [[[position]]] * count,',
    '                )',
    '            },',
    ...(entries.length > 0 ? ['            subspaces=[None] + [[entries]] * count,'] : []),
    '        )',
    `    ${measure(result.answer.id)}`,
    `print(sum(probabilities) / len(probabilities))  # ${pythonText(result.answer.text)}`,
  ];
  return { ok: true, code: `${lines.join('\n')}\n` };
}

/** With other tokens in the subject's place both runs are plain, and either may be the source. */
function replacedCode(
  result: TraceResult,
  subject: TokenRange,
  { representation, entries }: Restored,
  layers: string,
  position: number,
): string {
  const { corruption, direction } = result.experiment;
  const tokens = corruption.kind === 'replace' ? corruption.tokens : '';
  const ids =
    typeof tokens === 'string'
      ? `tokenizer(${pythonText(tokens)}, add_special_tokens=False).input_ids`
      : `[${tokens.join(', ')}]`;
  const [edited, source] = direction === 'restore' ? ['corrupted', 'base'] : ['base', 'corrupted'];
  return `${[
    ...opening(result, []),
    'corrupted = {"input_ids": base["input_ids"].clone()}',
    `corrupted["input_ids"][0, ${subject[0]}:${subject[1]}] = torch.tensor(${ids})`,
    ...entries,
    '',
    `layers = ${layers}`,
    'config = pv.IntervenableConfig(',
    `    representations=[${representation} for layer in layers],`,
    '    intervention_types=pv.VanillaIntervention,',
    ')',
    'intervenable = pv.IntervenableModel(config, model)',
    `position, count = ${position}, len(layers)`,
    'probabilities = []',
    'with torch.no_grad():',
    '    _, output = intervenable(',
    `        ${edited},`,
    `        [${source}],`,
    '        {"sources->base": ([[[position]]] * count, [[[position]]] * count)},',
    ...(entries.length > 0 ? ['        subspaces=[[entries]] * count,'] : []),
    '    )',
    measure(result.answer.id),
    `print(probabilities[0])  # ${pythonText(result.answer.text)}`,
  ].join('\n')}\n`;
}
