// The pyvene program that computes one cell of a trace, so that a number on the page can be checked where the field
// already works.

import { windowAround } from '../../experiments/layers.ts';
import type { TraceResult } from '../../experiments/trace/result.ts';
import type { CellAddress } from '../../figures/description.ts';

export type CellCode =
  | { readonly ok: true; readonly code: string }
  /** Why there is none, in a sentence. */
  | { readonly ok: false; readonly why: string };

/** JSON's strings are Python's, but for lone surrogates, which no file can hold. */
const python = (text: string): string => JSON.stringify(text.toWellFormed());

const list = (from: number, to: number): string =>
  `[${Array.from({ length: to - from }, (_, index) => from + index).join(', ')}]`;

/** Embedded models are folders beside the page. */
const modelName = (label: string): string =>
  label.includes('/') ? (label.split('@')[0] ?? label) : `models/${label}`;

function opening(result: TraceResult, imports: readonly string[]): readonly string[] {
  const { experiment, model, tokens } = result;
  const prompt =
    typeof experiment.prompt === 'string' ? experiment.prompt : tokens.map(({ text }) => text).join('');
  return [
    ...imports,
    'import torch',
    'import pyvene as pv',
    'from transformers import AutoModelForCausalLM, AutoTokenizer',
    '',
    `name = ${python(modelName(model.label))}`,
    'tokenizer = AutoTokenizer.from_pretrained(name)',
    'model = AutoModelForCausalLM.from_pretrained(name).float().eval()',
    `base = tokenizer(${python(prompt)}, return_tensors="pt")`,
    `assert base.input_ids[0].tolist() == [${tokens.map(({ id }) => id).join(', ')}]`,
  ];
}

interface Corruption {
  readonly imports: readonly string[];
  readonly lines: readonly string[];
  /** What the layer-0 intervention returns in place of `base`. */
  readonly returns: string;
  readonly samples: number;
}

function corruptionLines(result: TraceResult): Corruption | null {
  const { experiment, subject, samples, level } = result;
  const count = subject[1] - subject[0];
  switch (experiment.corruption.kind) {
    case 'noise':
      return {
        imports: ['import numpy as np'],
        lines: [
          `random = np.random.RandomState(${experiment.corruption.seed})`,
          `noise = ${level ?? 0} * random.randn(${samples}, ${count}, model.config.hidden_size)`,
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
          '    mean = model(**base, output_hidden_states=True).hidden_states[0][0].mean(0)',
        ],
        returns: 'mean.expand_as(base)',
        samples: 1,
      };
    case 'replace':
      return null;
    default:
      return experiment.corruption satisfies never;
  }
}

const measure = (answer: number): string =>
  `probabilities.append(torch.softmax(output.logits[0, -1], -1)[${answer}].item())`;

/** A program that prints the probability of the answer with this one cell put back. */
export function pyveneCode(result: TraceResult, address: CellAddress): CellCode {
  const stream = result.streams[address.panel];
  const position = result.positions[address.location];
  if (!stream || position === undefined) return { ok: false, why: 'There is no such cell.' };
  if (stream.heads) return { ok: false, why: 'pyvene takes one head at a time; this cell restores several.' };
  const { from, to } = windowAround(address.layer, stream.window, result.layerCount);
  const layers = `range(${from}, ${to})`;
  const corruption = corruptionLines(result);
  const isRestoring = result.experiment.direction === 'restore';
  if (!corruption) return { ok: true, code: replacedCode(result, stream.component, layers, position) };
  if (!isRestoring) {
    return {
      ok: false,
      why: 'pyvene takes its sources from plain runs, and here the source is itself corrupted at its embeddings.',
    };
  }
  const lines = [
    ...opening(result, corruption.imports),
    ...corruption.lines,
    '',
    '',
    'class Corrupt(pv.ConstantSourceIntervention, pv.LocalistRepresentationIntervention):',
    '    sample = 0',
    '',
    '    def __init__(self, embed_dim, **kwargs):',
    '        super().__init__()',
    '        self.interchange_dim = embed_dim',
    '',
    '    def forward(self, base, source=None, subspaces=None):',
    `        return ${corruption.returns}`,
    '',
    '',
    `layers = ${layers}`,
    'config = pv.IntervenableConfig(',
    '    representations=[pv.RepresentationConfig(0, "block_input")]',
    `    + [pv.RepresentationConfig(layer, ${python(stream.component)}) for layer in layers],`,
    '    intervention_types=[Corrupt] + [pv.VanillaIntervention] * len(layers),',
    ')',
    'intervenable = pv.IntervenableModel(config, model)',
    `subject, position, count = ${list(...result.subject)}, ${position}, len(layers)`,
    'probabilities = []',
    `for Corrupt.sample in range(${corruption.samples}):`,
    '    with torch.no_grad():',
    '        _, output = intervenable(',
    '            base,',
    '            [None] + [base] * count,',
    '            {',
    '                "sources->base": (',
    '                    [None] + [[[position]]] * count,',
    '                    [[subject]] + [[[position]]] * count,',
    '                )',
    '            },',
    '        )',
    `    ${measure(result.answer.id)}`,
    `print(sum(probabilities) / len(probabilities))  # ${python(result.answer.text)}`,
  ];
  return { ok: true, code: `${lines.join('\n')}\n` };
}

/** With other tokens in the subject's place both runs are plain, and either may be the source. */
function replacedCode(result: TraceResult, component: string, layers: string, position: number): string {
  const { corruption, direction } = result.experiment;
  const tokens = corruption.kind === 'replace' ? corruption.tokens : '';
  const ids =
    typeof tokens === 'string'
      ? `tokenizer(${python(tokens)}, add_special_tokens=False).input_ids`
      : `[${tokens.join(', ')}]`;
  const [edited, source] = direction === 'restore' ? ['corrupted', 'base'] : ['base', 'corrupted'];
  return `${[
    ...opening(result, []),
    'corrupted = {key: value.clone() for key, value in base.items()}',
    `corrupted["input_ids"][0, ${result.subject[0]}:${result.subject[1]}] = torch.tensor(${ids})`,
    '',
    `layers = ${layers}`,
    'config = pv.IntervenableConfig(',
    `    representations=[pv.RepresentationConfig(layer, ${python(component)}) for layer in layers],`,
    '    intervention_types=pv.VanillaIntervention,',
    ')',
    'intervenable = pv.IntervenableModel(config, model)',
    `position, count = ${position}, len(layers)`,
    'probabilities = []',
    'with torch.no_grad():',
    '    _, output = intervenable(',
    `        ${edited},`,
    `        [${source}] * count,`,
    '        {"sources->base": ([[[position]]] * count, [[[position]]] * count)},',
    '    )',
    measure(result.answer.id),
    `print(probabilities[0])  # ${python(result.answer.text)}`,
  ].join('\n')}\n`;
}
