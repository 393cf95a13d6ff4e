// Paths of PyTorch modules, as pyvene takes them in place of a component's name: `transformer.h[3].mlp.output`. Where the
// model has a component there, the path is that component.

import type { Architecture } from '../../architectures/architecture.ts';
import { InterventionError } from '../intervention.ts';

/** A module of a layer, below the layer: what enters it and what leaves it. */
type Modules = Readonly<Record<string, { readonly input?: string; readonly output?: string }>>;

const block = { input: 'block_input', output: 'block_output' };
const attention = { input: 'attention_input', output: 'attention_output' };
const mlp = { input: 'mlp_input', output: 'mlp_output' };
const gathered = { input: 'attention_value_output', output: 'attention_output' };
const activated = { input: 'mlp_activation', output: 'mlp_output' };

const llama: Modules = {
  '': block,
  input_layernorm: { input: 'block_input', output: 'attention_input' },
  self_attn: attention,
  'self_attn.q_proj': { input: 'attention_input', output: 'query_output' },
  'self_attn.k_proj': { input: 'attention_input', output: 'key_output' },
  'self_attn.v_proj': { input: 'attention_input', output: 'value_output' },
  'self_attn.o_proj': gathered,
  post_attention_layernorm: { output: 'mlp_input' },
  mlp,
  'mlp.gate_proj': { input: 'mlp_input' },
  'mlp.up_proj': { input: 'mlp_input' },
  'mlp.act_fn': { output: 'mlp_activation' },
  'mlp.down_proj': { output: 'mlp_output' },
};

const families: Readonly<
  Record<string, { readonly layers: string; readonly modules: Modules; readonly model: Modules }>
> = {
  gpt2: {
    layers: 'transformer.h',
    modules: {
      '': block,
      ln_1: { input: 'block_input', output: 'attention_input' },
      attn: attention,
      'attn.c_attn': { input: 'attention_input', output: 'qkv_output' },
      'attn.c_proj': gathered,
      'attn.resid_dropout': { input: 'attention_output', output: 'attention_output' },
      ln_2: { output: 'mlp_input' },
      mlp,
      'mlp.c_fc': { input: 'mlp_input' },
      'mlp.act': { output: 'mlp_activation' },
      'mlp.c_proj': activated,
      'mlp.dropout': { input: 'mlp_output', output: 'mlp_output' },
    },
    model: {
      'transformer.wte': { output: 'embedding_output' },
      'transformer.ln_f': { output: 'final_norm_output' },
      lm_head: { input: 'final_norm_output', output: 'logits' },
    },
  },
  gpt_neox: {
    layers: 'gpt_neox.layers',
    modules: {
      '': block,
      input_layernorm: { input: 'block_input', output: 'attention_input' },
      attention,
      'attention.query_key_value': { input: 'attention_input', output: 'qkv_output' },
      'attention.dense': gathered,
      post_attention_layernorm: { output: 'mlp_input' },
      mlp,
      'mlp.dense_h_to_4h': { input: 'mlp_input' },
      'mlp.act': { output: 'mlp_activation' },
      'mlp.dense_4h_to_h': activated,
    },
    model: {
      'gpt_neox.embed_in': { output: 'embedding_output' },
      'gpt_neox.final_layer_norm': { output: 'final_norm_output' },
      embed_out: { input: 'final_norm_output', output: 'logits' },
    },
  },
  llama: {
    layers: 'model.layers',
    modules: llama,
    model: {
      'model.embed_tokens': { output: 'embedding_output' },
      'model.norm': { output: 'final_norm_output' },
      lm_head: { input: 'final_norm_output', output: 'logits' },
    },
  },
};

export interface ModuleSite {
  readonly component: string;
  readonly layer: number | null;
  /** What enters the module whose output the component is. */
  readonly input: string | undefined;
}

/** Whether the name of a component is a module's path; those of an encoder have a point in their own names. */
export const isModulePath = ({ components }: Architecture, component: string): boolean =>
  component.includes('.') && !components.some(({ name }) => name === component);

/**
 * @param path `transformer.h[3].mlp.output`, `model.layers.3.self_attn.input`; with or without the model's own prefix
 * @throws InterventionError for a path at which the model has no component; the message lists those of a layer
 */
export function moduleSite({ family }: Architecture, path: string, label: string): ModuleSite {
  const tables = families[family];
  const dotted = path.replaceAll(/\[(\d+)\]/g, '.$1');
  const side = /\.(input|output)$/.exec(dotted)?.[1];
  if (!tables || (side !== 'input' && side !== 'output'))
    throw new InterventionError(
      `${label}.component: '${path}' is neither a component nor the path of a module that ends with '.input' or '.output'.`,
    );
  const module = dotted.slice(0, -side.length - 1);
  const prefix = tables.layers.slice(0, tables.layers.lastIndexOf('.') + 1);
  const full = (name: string) => [name, `${prefix}${name}`];
  const whole = full(module).flatMap((name) => tables.model[name] ?? [])[0];
  if (whole?.[side]) return { component: whole[side], layer: null, input: undefined };
  for (const name of full(module)) {
    const match = name.startsWith(`${tables.layers}.`)
      ? /^(\d+)\.?(.*)$/.exec(name.slice(tables.layers.length + 1))
      : null;
    const found = match ? tables.modules[match[2] ?? ''] : undefined;
    const component = found?.[side];
    if (match && component !== undefined)
      return { component, layer: Number(match[1]), input: side === 'output' ? found?.input : undefined };
  }
  const known = Object.entries(tables.modules).flatMap(([name, sides]) =>
    Object.keys(sides).map((end) => [`${tables.layers}[i]`, name, end].filter(Boolean).join('.')),
  );
  throw new InterventionError(
    `${label}.component: ${family} has no component at '${path}'. There are: ${known.join(', ')}.`,
  );
}

/**
 * A path of PyTorch at which a component can be read and written: `transformer.h[3].mlp.output`.
 * @returns undefined where no module takes or returns it by itself
 */
export function modulePathOf(
  { family }: Pick<Architecture, 'family'>,
  component: string,
  layer: number | null,
): string | undefined {
  const tables = families[family];
  if (!tables) return undefined;
  const [modules, stem] =
    layer === null ? [tables.model, undefined] : [tables.modules, `${tables.layers}[${layer}]`];
  for (const side of ['output', 'input'] as const) {
    for (const [name, sides] of Object.entries(modules)) {
      if (sides[side] === component) return [stem, name, side].filter(Boolean).join('.');
    }
  }
  return undefined;
}
