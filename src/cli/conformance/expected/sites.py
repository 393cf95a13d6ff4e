"""Where each family's components are in the modules of transformers: {component: (path below the layer, side)}.

'in' is what a module reads, 'out' what it gives; both can be replaced. 'first' is the first part of what it gives, which is
only read (a router's scores: the model has used them by then). The attention pattern is taken from the model's output.
"""


def block(attention, project, mlp, act, fused=None, each=("q_proj", "k_proj", "v_proj"), attention_output=None, mlp_output=None):
    """The usual components, from the names of a block's modules."""
    parts = {"qkv": fused} if fused else {f"{part}_output": name for part, name in zip(("query", "key", "value"), each)}
    return dict(block_input=("", "in"), block_output=("", "out"), attention_input=(attention, "in"),
                **{component: (f"{attention}.{name}", "out") for component, name in parts.items()},
                attention_value_output=(f"{attention}.{project}", "in"), attention_output=(attention_output or attention, "out"),
                mlp_input=(mlp, "in"), mlp_activation=(act, "out"), mlp_output=(mlp_output or mlp, "out"))


def query_key_norms(table, pattern):
    return {**table, **{f"{part}_norm_output": (f"self_attn.{pattern.replace('?', part[0])}", "out") for part in ("query", "key")}}


LLAMA = block("self_attn", "o_proj", "mlp", "mlp.act_fn")
MIXTURE = {**{k: v for k, v in LLAMA.items() if k != "mlp_activation"}, "router_output": ("mlp.gate", "first")}
GPT2 = block("attn", "c_proj", "mlp", "mlp.act", "c_attn", attention_output="attn.resid_dropout")
FALCON = block("self_attention", "dense", "mlp", "mlp.act", "query_key_value")
BLOOM = block("self_attention", "dense", "mlp", "mlp.gelu_impl", "query_key_value", attention_output="self_attention.dense", mlp_output="mlp.dense_4h_to_h")
BERT = dict(block_input=("", "in"), block_output=("", "out"), attention_input=("attention.self", "in"), query_output=("attention.self.query", "out"), key_output=("attention.self.key", "out"),
            value_output=("attention.self.value", "out"), attention_value_output=("attention.output.dense", "in"), attention_output=("attention.output.dense", "out"),
            mlp_input=("intermediate.dense", "in"), mlp_activation=("intermediate", "out"), mlp_output=("output.dense", "out"))
OPT = block("self_attn", "out_proj", "fc1", "activation_fn", mlp_output="fc2")


def sites_of(config):
    """The path of the layers and the table of their components."""
    kind = config.model_type
    if kind in ("gpt2", "gpt_bigcode"):
        return "transformer.h", {**GPT2, "attention_output": ("attn" if kind == "gpt_bigcode" else "attn.resid_dropout", "out")}
    if kind == "gpt_neox":
        return "gpt_neox.layers", block("attention", "dense", "mlp", "mlp.act", "query_key_value")
    if kind == "gptj":
        return "transformer.h", block("attn", "out_proj", "mlp", "mlp.act")
    if kind == "gpt_neo":
        return "transformer.h", block("attn.attention", "out_proj", "mlp", "mlp.act")
    if kind in ("bloom", "falcon"):
        return "transformer.h", BLOOM if kind == "bloom" else FALCON
    if kind == "opt":
        return "model.decoder.layers", OPT
    if kind in ("mamba", "mamba2"):
        return "backbone.layers", dict(block_input=("", "in"), block_output=("", "out"), mixer_input=("mixer", "in"), ssm_output=("mixer.out_proj", "in"), mixer_output=("mixer", "out"))
    if kind in ("bert", "roberta", "esm"):
        return f"{kind}.encoder.layer", BERT
    if kind == "distilbert":
        return "distilbert.transformer.layer", block("attention", "out_lin", "ffn", "ffn.activation", each=("q_lin", "k_lin", "v_lin"))
    table = LLAMA
    if kind == "phi":
        table = block("self_attn", "dense", "mlp", "mlp.activation_fn")
    elif kind == "phi3":
        table = block("self_attn", "o_proj", "mlp", "mlp.activation_fn", "qkv_proj")
    elif kind == "starcoder2":
        table = block("self_attn", "o_proj", "mlp", "mlp.act")
    elif kind in ("mixtral", "qwen3_moe"):
        table = MIXTURE
    if kind in ("qwen3", "qwen3_moe", "gemma3_text", "olmo2") or getattr(config, "use_qk_norm", False):
        table = query_key_norms(table, "?_norm")
    elif getattr(config, "qk_layernorm", False):
        table = query_key_norms(table, "?_layernorm")
    return "model.layers", table
