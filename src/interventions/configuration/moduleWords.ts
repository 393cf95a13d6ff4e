// The form of the tables of modules, and what most of them say.

/** A module of a layer, below the layer, or of the model: what enters it and what leaves it. */
export type Modules = Readonly<Record<string, { readonly input?: string; readonly output?: string }>>;

/** The modules of a stack of layers, by the names of its components. */
export interface StackModules {
  /** The list of the layers: `transformer.h`. */
  readonly layers: string;
  readonly modules: Modules;
  /** What the stack has once. */
  readonly model: Modules;
  /** What stands behind its layers and is a component of the last. */
  readonly behind?: Modules;
  /**
   * How a fused projection is laid out: GPT-2 has the parts one after the other, GPT-NeoX repeats them for every head. Absent
   * where there is none, or where the configuration decides.
   */
  readonly fused?: 'whole' | 'by head';
}

export interface ModelModules extends StackModules {
  /** The class of transformers that opens the model with its head; of one that answers questions, `answerer` is. */
  readonly opener:
    | 'AutoModelForCausalLM'
    | 'AutoModelForMaskedLM'
    | 'AutoModelForSeq2SeqLM'
    | 'AutoModelForSpeechSeq2Seq'
    | 'AutoModelForImageClassification'
    | 'BlipForConditionalGeneration';
  readonly answerer?: 'BlipForQuestionAnswering';
  /** The stacks before this one, in the order in which they run. */
  readonly encoders?: readonly StackModules[];
  /** Where versions before 5 of transformers call the same modules otherwise: an expression that is true in later ones. */
  readonly elder?: StackModules & { readonly isLater: string };
  /** What else a part of the model is called, in a wrapper of pyvene's: `model_vis`. */
  readonly aliases?: Readonly<Record<string, string>>;
}

export const block = { input: 'block_input', output: 'block_output' };
export const mlp = { input: 'mlp_input', output: 'mlp_output' };
export const attention = { input: 'attention_input', output: 'attention_output' };
export const gathered = { input: 'attention_value_output', output: 'attention_output' };
export const activated = { input: 'mlp_activation', output: 'mlp_output' };
export const activation = { output: 'mlp_activation' };
export const ofAttention = (part: string) => ({ input: 'attention_input', output: part });
export const projections = (query: string, key: string, value: string): Modules => ({
  [query]: ofAttention('query_output'),
  [key]: ofAttention('key_output'),
  [value]: ofAttention('value_output'),
});
export const readsMlp = { input: 'mlp_input' };
export const plainMlp = (up: string, act: string, down: string): Modules => ({
  mlp,
  [`mlp.${up}`]: readsMlp,
  [`mlp.${act}`]: activation,
  [`mlp.${down}`]: activated,
});
export const attentionNorm = { input: 'block_input', output: 'attention_input' };
export const mlpNorm = { output: 'mlp_input' };
export const lmHead = { input: 'final_norm_output', output: 'logits' };

/** Under the prefix of a stack. */
export const ofStack = (prefix: string, modules: Modules): Modules =>
  Object.fromEntries(
    Object.entries(modules).map(([name, sides]) => [
      name,
      Object.fromEntries(Object.entries(sides).map(([side, component]) => [side, `${prefix}${component}`])),
    ]),
  );
