// Interventions as an nnsight program: in the trace of the model, at the modules that the components are of.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Site } from '../../runtime/plan/plan.ts';
import { modulePathOf } from '../configuration/modulePaths.ts';
import type { ResolvedIntervention } from '../configuration/resolve.ts';
import { promptsOf } from '../execution/runs.ts';
import {
  axesOf,
  chooseFunction,
  type ExportedCode,
  type ExportRequest,
  exportedPieces,
  numbers,
  severalVectors,
  swapStatement,
  tokensOf,
  unequalPrompts,
} from './exported.ts';
import { pythonModel } from './pythonModel.ts';
import { support, untriedModel } from './supportedModels.ts';

/** An expression for what passes a site, [batch, positions, (heads,) width], a view that can be written to. */
export function valueAt(architecture: Architecture, { component, layer }: Site): string | undefined {
  // The unembedding's module has another name in some versions of transformers.
  if (component === 'logits') return 'model.output.logits';
  const whole = component.replace(/^head_/, '');
  const thirds = ['query_output', 'key_output', 'value_output'];
  const third = architecture.family === 'gpt2' ? thirds.indexOf(whole) : -1;
  const path = modulePathOf(architecture, third < 0 ? whole : 'qkv_output', layer);
  if (path === undefined) return undefined;
  const { width } = architecture;
  const part = third < 0 ? '' : `[..., ${third * width}:${(third + 1) * width}]`;
  const heads = architecture.components.find(({ name }) => name === component)?.heads;
  const apart = whole === component ? '' : `.unflatten(-1, (${heads}, -1))`;
  return `first(model.${path})${part}${apart}`;
}

function refusal(architecture: Architecture, resolved: ResolvedIntervention): string | undefined {
  const { intervention, site, sourceSite, label, targetRun, component } = resolved;
  if (!swapStatement(intervention))
    return `${label}: a ${intervention.type.name} would have to be written by hand in nnsight.`;
  if (targetRun !== 'base')
    return `${label}: it edits a source's run, which would take a trace of its own there.`;
  for (const each of [site, sourceSite]) {
    if (each && (component.layout === 'pair' || valueAt(architecture, each) === undefined))
      return `${label}: no module of this model returns or takes '${each.component}' by itself.`;
  }
  return undefined;
}

/** A program that runs the call in nnsight's traces and prints the most probable tokens. */
export function exportNnsight(request: ExportRequest): ExportedCode {
  const { model, call, architecture } = request;
  const { lines: opening, source } = pythonModel(model);
  const why =
    untriedModel(support.nnsight, architecture) ??
    unequalPrompts(call) ??
    request.configuration.interventions.flatMap((resolved) => refusal(architecture, resolved) ?? [])[0];
  if (why !== undefined) return { ok: false, why };
  // Modules must be touched in the order in which they run.
  const order = architecture.components.map(({ name }) => name);
  const rank = ({ component, layer }: Site) => (layer ?? -1) * order.length + order.indexOf(component);
  const pieces = [...exportedPieces(request)].sort(
    (a, b) => rank(a.piece.resolved.site) - rank(b.piece.resolved.site),
  );
  const several = pieces.flatMap((piece) => severalVectors(piece) ?? [])[0];
  if (several !== undefined) return { ok: false, why: several };
  const runs = [...new Set(pieces.flatMap(({ piece }) => piece.sourceRun ?? []))];
  const traces = runs.flatMap((run) => {
    const prompts = promptsOf(call, run, `'${run}'`);
    const taken = pieces
      .map(({ piece }, place) => ({ piece, place }))
      .filter(({ piece }) => piece.sourceRun === run)
      .flatMap(({ piece: { resolved }, place }) =>
        resolved.sourceSite ? [{ site: resolved.sourceSite, place }] : [],
      )
      .sort((a, b) => rank(a.site) - rank(b.site));
    return [
      `with torch.no_grad(), model.trace(torch.tensor(${tokensOf(prompts)})):`,
      ...taken.map(({ site, place }) => `    held_${place} = ${valueAt(architecture, site)}.clone().save()`),
    ];
  });
  const constants = pieces.flatMap(({ piece: { constant } }, index) =>
    constant ? [`held_${index} = torch.tensor(${numbers(constant)})`] : [],
  );
  const edits = pieces.flatMap(({ piece, examples }, index) => {
    const { resolved, constant } = piece;
    const statement = swapStatement(resolved.intervention) ?? '';
    return [
      `    value = ${valueAt(architecture, resolved.site)}`,
      ...examples.map(({ target, origin, entries }, example) => {
        const from = constant
          ? `held_${index}${entries ? `[${JSON.stringify(entries)}]` : ''}`
          : `held_${index}[${example}][units(${origin ? axesOf(origin, entries) : ''})]`;
        const to = `value[${example}][units(${axesOf(target, entries)})]`;
        return `    ${statement.replace('{to}', to).replace('{from}', from)}`;
      }),
    ];
  });
  const lines = [
    'import torch',
    'from nnsight import NNsight',
    'from transformers import AutoModelForCausalLM',
    '',
    ...opening,
    `model = NNsight(AutoModelForCausalLM.from_pretrained(${source}).float().eval())`,
    `base = torch.tensor(${tokensOf(call.base)})`,
    '',
    '',
    ...chooseFunction,
    '',
    '',
    'def first(value):',
    '    return value[0] if isinstance(value, tuple) else value',
    '',
    '',
    ...traces,
    ...constants,
    'with torch.no_grad(), model.trace(base):',
    ...edits,
    '    output = model.output.save()',
    'print(torch.softmax(output.logits[:, -1], -1).topk(5))',
  ];
  return { ok: true, code: `${lines.join('\n')}\n` };
}
