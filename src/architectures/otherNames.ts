// What TransformerLens and nnsight call the components, for people who come from there: a name of theirs is answered with
// ours wherever a component is named.

/** Of TransformerLens, without `hook_` and the block's path. */
const transformerLens: Readonly<Record<string, string>> = {
  embed: 'embedding_output',
  resid_pre: 'block_input',
  resid_mid: 'block_middle',
  resid_post: 'block_output',
  attn_in: 'attention_input',
  attn_out: 'attention_output',
  mlp_in: 'mlp_input',
  mlp_out: 'mlp_output',
  mlp_post: 'mlp_activation',
  post: 'mlp_activation',
  q: 'head_query_output',
  k: 'head_key_output',
  v: 'head_value_output',
  z: 'head_attention_value_output',
  pattern: 'attention_weight',
  attn_scores: 'attention_scores',
};

/** The last parts of the paths of modules, as nnsight and PyTorch write them; with what enters and what leaves each. */
const modules: Readonly<Record<string, { readonly input?: string; readonly output?: string }>> = {
  wte: { output: 'embedding_output' },
  embed_tokens: { output: 'embedding_output' },
  embed_in: { output: 'embedding_output' },
  ln_1: { input: 'block_input', output: 'attention_input' },
  input_layernorm: { input: 'block_input', output: 'attention_input' },
  attn: { input: 'attention_input', output: 'attention_output' },
  self_attn: { input: 'attention_input', output: 'attention_output' },
  attention: { input: 'attention_input', output: 'attention_output' },
  q_proj: { input: 'attention_input', output: 'query_output' },
  k_proj: { input: 'attention_input', output: 'key_output' },
  v_proj: { input: 'attention_input', output: 'value_output' },
  o_proj: { input: 'attention_value_output', output: 'attention_output' },
  mlp: { input: 'mlp_input', output: 'mlp_output' },
  act: { output: 'mlp_activation' },
  act_fn: { output: 'mlp_activation' },
  ln_f: { output: 'final_norm_output' },
  final_layer_norm: { output: 'final_norm_output' },
  lm_head: { output: 'logits' },
  embed_out: { output: 'logits' },
};

const bareName = (name: string): string =>
  name
    .replace(/^blocks\.\d+\./, '')
    .replace(/^(attn|mlp)\./, '')
    .replace(/^hook_/, '');

/** A sentence, without its full stop, for sublayers that a state-space model has not. */
function ofStateSpace(name: string, known: readonly string[] | undefined): string | undefined {
  if (known?.includes('ssm_output') !== true) return undefined;
  const part = /^(head_)?(attention|query|key|value)/.test(name)
    ? 'attention'
    : name.startsWith('mlp_')
      ? 'MLP'
      : undefined;
  return (
    part &&
    `a state-space model has no ${part}: 'mixer_output' is what its one sublayer adds to the residual stream, and 'ssm_output' what the recurrence puts out`
  );
}

/** The component that TransformerLens has under this name; undefined where it has none. */
export function transformerLensName(name: string): string | undefined {
  const bare = bareName(name);
  return Object.hasOwn(transformerLens, bare) ? transformerLens[bare] : undefined;
}

/**
 * A sentence that answers a name of another library, without its full stop: `what TransformerLens calls 'resid_pre' is
 * 'block_input' here`.
 * @param known  the components of the model at hand, where there is one
 * @param behind what changes a sublayer's output in it before it is added to the residual stream
 * @returns undefined for a name that neither uses
 */
export function otherName(name: string, known?: readonly string[], behind?: string): string | undefined {
  const absent = ofStateSpace(transformerLensName(name) ?? name, known);
  if (absent !== undefined) return absent;
  const bare = bareName(name);
  if (bare === 'mlp_pre' || bare === 'pre')
    return `what TransformerLens calls '${bare}' is not a component here: edit 'mlp_input' or 'mlp_activation', before and after it`;
  const ours = transformerLensName(name);
  if (ours === 'block_middle' && known?.includes(ours) === false)
    return `what TransformerLens calls '${bare}' has no place in this model: nothing of the residual stream lies between attention and the MLP`;
  if (behind !== undefined && (bare === 'attn_out' || bare === 'mlp_out'))
    return `what TransformerLens calls '${bare}' is not a component in this model: it stands behind ${behind}, and '${ours}' here before it`;
  if (ours !== undefined) return `what TransformerLens calls '${bare}' is '${ours}' here`;
  const [, side = 'output'] = /\.(input|output)$/.exec(name) ?? [];
  const parts = name
    .replace(/\.(input|output)$/, '')
    .replaceAll(/\[(\d+)\]/g, '.$1')
    .split('.');
  const last = parts.at(-1) ?? '';
  const module = /^\d+$/.test(last)
    ? { input: 'block_input', output: 'block_output' }
    : Object.hasOwn(modules, last)
      ? modules[last]
      : undefined;
  // The name of a module alone may be a slip of one of ours.
  const found = parts.length > 1 ? module?.[side === 'input' ? 'input' : 'output'] : undefined;
  const layer = parts.findLast((part) => /^\d+$/.test(part));
  const at = layer === undefined ? '' : ` at layer ${layer}`;
  return found && `the ${side} of the module '${parts.join('.')}' is '${found}'${at} here`;
}
