// Interventions as a program for TransformerLens 4, where it has a hook at the site.

import type { Architecture } from '../../architectures/architecture.ts';
import type { ResolvedIntervention } from '../configuration/resolve.ts';
import { promptsOf } from '../execution/runs.ts';
import {
  axesOf,
  chooseFunction,
  type ExportedCode,
  type ExportRequest,
  exportedPieces,
  numbers,
  python,
  severalVectors,
  swapStatement,
  tokensOf,
  unequalPrompts,
} from './exported.ts';
import { pythonModel } from './pythonModel.ts';
import { support, untriedModel } from './supportedModels.ts';

/** The hook at a site. A bridge that is not put into compatibility mode computes as the checkpoint does. */
const hooks: Readonly<Record<string, string>> = {
  block_input: 'hook_resid_pre',
  block_output: 'hook_resid_post',
  attention_output: 'hook_attn_out',
  mlp_output: 'hook_mlp_out',
  head_query_output: 'attn.hook_q',
  head_key_output: 'attn.hook_k',
  head_value_output: 'attn.hook_v',
  head_attention_value_output: 'attn.hook_z',
};

/** The hook that holds a component as the checkpoint computes it; undefined where there is none. */
export const hookOf = ({
  component,
  layer,
}: {
  readonly component: string;
  readonly layer: number | null;
}) => {
  if (component === 'embedding_output') return 'hook_embed';
  return hooks[component] === undefined ? undefined : `blocks.${layer}.${hooks[component]}`;
};

function refusal({
  intervention,
  site,
  sourceSite,
  label,
  targetRun,
}: ResolvedIntervention): string | undefined {
  if (!swapStatement(intervention))
    return `${label}: a ${intervention.type.name} would have to be written by hand in TransformerLens.`;
  if (targetRun !== 'base')
    return `${label}: it edits a source's run, which would take a cache of its own there.`;
  for (const each of [site, sourceSite]) {
    if (each && hookOf(each) === undefined)
      return `${label}: TransformerLens has no hook that holds '${each.component}' as the checkpoint computes it.`;
  }
  return undefined;
}

/** Why TransformerLens cannot open the model; undefined when it can. @param source as `pythonModel` gives it */
export function unopened({ family, blocks }: Architecture, source: string): string | undefined {
  if (source !== 'name')
    return source.includes('gguf_file')
      ? 'TransformerLens opens no GGUF files.'
      : 'TransformerLens opens the newest revision of a repository, and no other.';
  // Its bridge splits the bias of the fused projection.
  const hasBias = Object.values(blocks[0]?.weights ?? {}).some(
    (source) => source.kind === 'tensor' && source.tensor.endsWith('query_key_value.bias'),
  );
  return family === 'gpt_neox' && !hasBias
    ? 'TransformerLens opens no GPT-NeoX without biases in attention.'
    : undefined;
}

/** A program that runs the call with TransformerLens's hooks and prints the most probable tokens. */
export function exportTransformerLens(request: ExportRequest): ExportedCode {
  const { model, architecture, call } = request;
  const { lines: opening, source } = pythonModel(model);
  const why =
    untriedModel(support.transformerLens, architecture) ??
    unopened(architecture, source) ??
    unequalPrompts(call) ??
    request.configuration.interventions.flatMap((resolved) => refusal(resolved) ?? [])[0];
  if (why !== undefined) return { ok: false, why };
  const pieces = exportedPieces(request);
  const several = pieces.flatMap((piece) => severalVectors(piece) ?? [])[0];
  if (several !== undefined) return { ok: false, why: several };
  const runs = [...new Set(pieces.flatMap(({ piece }) => piece.sourceRun ?? []))];
  const caches = runs.flatMap((run) => {
    const prompts = promptsOf(call, run, `'${run}'`);
    const names = pieces.flatMap(({ piece }) =>
      piece.sourceRun === run && piece.resolved.sourceSite ? (hookOf(piece.resolved.sourceSite) ?? []) : [],
    );
    return [
      `_, ${run} = model.run_with_cache(torch.tensor(${tokensOf(prompts)}), names_filter=${python([...new Set(names)])})`,
    ];
  });
  const functions = pieces.flatMap(({ piece, examples }, index) => {
    const { resolved, constant, sourceRun } = piece;
    const statement = swapStatement(resolved.intervention) ?? '';
    const name = resolved.sourceSite && hookOf(resolved.sourceSite);
    return [
      '',
      `def edit_${index}(value, hook):`,
      ...(constant ? [`    constant = torch.tensor(${numbers(constant)})`] : []),
      ...examples.map(({ target, origin, entries }, example) => {
        const from = constant
          ? `constant${entries ? `[${python(entries)}]` : ''}`
          : `${sourceRun}[${python(name ?? '')}][${example}][units(${origin ? axesOf(origin, entries) : ''})]`;
        const to = `value[${example}][units(${axesOf(target, entries)})]`;
        return `    ${statement.replace('{to}', to).replace('{from}', from)}`;
      }),
      '    return value',
      '',
    ];
  });
  const list = pieces.map(({ piece }, index) => `(${python(hookOf(piece.resolved.site))}, edit_${index})`);
  const lines = [
    'import torch',
    'from transformer_lens.model_bridge import TransformerBridge',
    '',
    ...opening,
    `model = TransformerBridge.boot_transformers(${source}, device="cpu")`,
    `base = torch.tensor(${tokensOf(call.base)})`,
    'torch.set_grad_enabled(False)',
    ...caches,
    '',
    '',
    ...chooseFunction,
    '',
    ...functions,
    '',
    `logits = model.run_with_hooks(base, fwd_hooks=[${list.join(', ')}])`,
    'print(torch.softmax(logits[:, -1], -1).topk(5))',
  ];
  return { ok: true, code: `${lines.join('\n')}\n` };
}
