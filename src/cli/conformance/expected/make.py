"""Write tiny models whose options differ from those of other references, and what PyTorch computes on them.

Each folder NAME/ holds model/ (config.json as written below, and its weights), tensors.safetensors and cases.json, in the
format that `patchbay conformance --fixtures` reads. The model is built from the very config.json that is written, so
old words for options (rope_scaling, rotary_emb_base) mean here what transformers takes them to mean.

Made with: torch 2.15.0, transformers 5.23.0 (5.24.0 from llama-yarn on), safetensors; float32 on the CPU, eager attention.
Run:       python make.py [NAME ...]     (all when none is named; beside this file)
"""
import json, shutil, sys, tempfile
from pathlib import Path
import torch
import transformers as hf
from safetensors.torch import save_file
from sites import sites_of

HERE = Path(__file__).parent
VOCABULARY = 29
LLAMA = dict(vocab_size=VOCABULARY, hidden_size=16, intermediate_size=20, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=40)
NEOX = dict(model_type="gpt_neox", vocab_size=VOCABULARY, hidden_size=16, intermediate_size=20, num_hidden_layers=2,
            num_attention_heads=2, max_position_embeddings=40)
GPT2 = dict(model_type="gpt2", vocab_size=VOCABULARY, n_embd=16, n_layer=2, n_head=4, n_positions=24, bos_token_id=0, eos_token_id=1)
FALCON = dict(model_type="falcon", vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=40, bos_token_id=0, eos_token_id=1)
BERT = dict(vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=20, max_position_embeddings=24, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0)

# name: (prompt length, configuration)
VARIANTS = {
    "gpt2-inner": (5, dict(GPT2, n_embd=12, n_layer=3, n_inner=20, activation_function="relu", tie_word_embeddings=False)),
    "gpt2-unscaled": (3, dict(GPT2, n_head=1, scale_attn_weights=False, activation_function="quick_gelu", layer_norm_epsilon=1e-3)),
    "gpt2-by-layer": (11, dict(GPT2, n_layer=3, n_head=2, scale_attn_by_inverse_layer_idx=True, reorder_and_upcast_attn=True, activation_function="gelu")),
    "llama-biases": (7, dict(LLAMA, model_type="llama", attention_bias=True, mlp_bias=True, head_dim=6, hidden_act="gelu", rms_norm_eps=1e-2)),
    "llama-old-linear": (10, dict(LLAMA, model_type="llama", num_key_value_heads=1, tie_word_embeddings=True, rope_theta=500.0, rope_scaling=dict(type="linear", factor=4.0))),
    "llama-llama3": (13, dict(LLAMA, model_type="llama", hidden_size=24, num_attention_heads=2, num_key_value_heads=2, hidden_act="gelu_pytorch_tanh",
                              rope_parameters=dict(LLAMA3, rope_theta=500000.0, original_max_position_embeddings=16))),
    "llama-old-llama3": (12, dict(LLAMA, model_type="llama", hidden_size=24, num_attention_heads=2, num_key_value_heads=1, rope_theta=100.0, rope_scaling=LLAMA3)),
    "mistral-window": (9, dict(LLAMA, model_type="mistral", num_hidden_layers=3, sliding_window=2, hidden_act="relu2", tie_word_embeddings=True)),
    "mistral-unbounded": (6, dict(LLAMA, model_type="mistral", num_attention_heads=2, sliding_window=None, head_dim=10, rope_scaling=dict(rope_type="linear", factor=2.0, rope_theta=50.0))),
    "qwen2-window-layers": (8, dict(LLAMA, model_type="qwen2", num_hidden_layers=3, use_sliding_window=True, sliding_window=3, max_window_layers=1, tie_word_embeddings=True, rope_theta=1000000.0)),
    "qwen2-layer-types": (6, dict(LLAMA, model_type="qwen2", num_hidden_layers=3, head_dim=10, hidden_act="tanh", use_sliding_window=True, sliding_window=2,
                                  layer_types=["sliding_attention", "full_attention", "sliding_attention"])),
    "gpt_neox-sequential": (6, dict(NEOX, use_parallel_residual=False, attention_bias=False, rotary_pct=1.0, layer_norm_eps=1e-3)),
    "gpt_neox-old-words": (12, dict(NEOX, num_attention_heads=4, num_hidden_layers=3, hidden_size=24, rotary_pct=0.7, rotary_emb_base=100, hidden_act="gelu_new", tie_word_embeddings=True)),
    "gpt_neox-odd-rotary": (4, dict(NEOX, hidden_size=24, hidden_act="gelu_fast", rope_scaling=dict(type="linear", factor=2.0))),
    "llama-yarn": (9, dict(LLAMA, model_type="llama", rope_scaling=dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=10, beta_fast=4, beta_slow=1))),
    "qwen3-window": (7, dict(LLAMA, model_type="qwen3", head_dim=6, num_hidden_layers=3, attention_bias=True, use_sliding_window=True, sliding_window=3, max_window_layers=1)),
    "qwen3_moe-mixed": (6, dict(LLAMA, model_type="qwen3_moe", head_dim=6, num_hidden_layers=3, num_experts=5, num_experts_per_tok=3, moe_intermediate_size=8, norm_topk_prob=False, mlp_only_layers=[0])),
    "mixtral-window": (7, dict(LLAMA, model_type="mixtral", hidden_size=32, head_dim=6, num_local_experts=3, num_experts_per_tok=1, sliding_window=4)),
    "gemma-first-words": (6, dict(LLAMA, model_type="gemma", head_dim=6, num_key_value_heads=1, hidden_act="gelu", attention_bias=True, rope_theta=100.0)),
    "gemma2-uncapped": (8, dict(LLAMA, model_type="gemma2", head_dim=6, sliding_window=3, query_pre_attn_scalar=9, attn_logit_softcapping=None, final_logit_softcapping=4.0, layer_types=["full_attention", "sliding_attention"])),
    "gemma3_text-old-words": (8, dict(LLAMA, model_type="gemma3_text", head_dim=6, sliding_window=3, sliding_window_pattern=2, query_pre_attn_scalar=9, attn_logit_softcapping=3.0, final_logit_softcapping=5.0,
                                      rope_theta=1000.0, rope_local_base_freq=50.0, rope_scaling=dict(rope_type="linear", factor=8.0))),
    "olmo2-biases": (6, dict(LLAMA, model_type="olmo2", attention_bias=True, tie_word_embeddings=True, hidden_act="gelu", pad_token_id=1)),
    "phi-norms": (7, dict(LLAMA, model_type="phi", hidden_size=32, qk_layernorm=True, partial_rotary_factor=0.5, hidden_act="relu")),
    "phi3-longrope": (9, dict(LLAMA, model_type="phi3", pad_token_id=0, original_max_position_embeddings=8, sliding_window=5, partial_rotary_factor=0.5, hidden_size=32,
                              rope_scaling=dict(type="longrope", short_factor=[1.1, 1.3], long_factor=[2.0, 5.0]))),
    "stablelm-parallel": (7, dict(LLAMA, model_type="stablelm", hidden_size=32, use_parallel_residual=True, qk_layernorm=True, tie_word_embeddings=True)),
    "starcoder2-unbiased": (6, dict(LLAMA, model_type="starcoder2", use_bias=False, sliding_window=None, norm_epsilon=1e-2, hidden_act="silu")),
    "granite-factors": (6, dict(LLAMA, model_type="granite", attention_bias=True, mlp_bias=True, embedding_multiplier=2.5, attention_multiplier=0.3, residual_multiplier=0.6, logits_scaling=0.5, tie_word_embeddings=True)),
    "cohere-norms": (7, dict(LLAMA, model_type="cohere", use_qk_norm=True, attention_bias=True, logit_scale=0.5, rope_theta=200.0)),
    "gptj-inner": (7, dict(GPT2, model_type="gptj", rotary_dim=2, n_inner=20, tie_word_embeddings=True)),
    "gpt_neo-local": (8, dict(model_type="gpt_neo", vocab_size=VOCABULARY, hidden_size=16, num_layers=3, num_heads=2, attention_types=[[["local"], 2], [["global"], 1]], window_size=3, intermediate_size=20, max_position_embeddings=24, bos_token_id=0, eos_token_id=1)),
    "gpt_bigcode-by-head": (6, dict(GPT2, model_type="gpt_bigcode", multi_query=False, scale_attn_weights=False, n_inner=20)),
    "opt-350m": (7, dict(model_type="opt", vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, ffn_dim=20, max_position_embeddings=24, word_embed_proj_dim=10, do_layer_norm_before=False, bos_token_id=0, eos_token_id=1, pad_token_id=2)),
    "bloom-six-heads": (7, dict(model_type="bloom", vocab_size=VOCABULARY, hidden_size=24, n_layer=2, n_head=6, apply_residual_connection_post_layernorm=True, bos_token_id=0, eos_token_id=1)),
    "falcon-one-query": (7, dict(FALCON, multi_query=True, parallel_attn=True)),
    "falcon-sequential": (9, dict(FALCON, multi_query=False, parallel_attn=False, alibi=True, bias=True, num_attention_heads=3, hidden_size=18)),
    "falcon-one-norm": (6, dict(FALCON, new_decoder_architecture=True, num_kv_heads=2, num_ln_in_parallel_attn=1, ffn_hidden_size=20)),
    "phi3-growing": (6, dict(LLAMA, model_type="phi3", pad_token_id=0, original_max_position_embeddings=8, rope_scaling=dict(type="longrope", short_factor=[1.1, 1.3], long_factor=[2.0, 5.0]))),
    "mamba-unbiased": (7, dict(model_type="mamba", vocab_size=VOCABULARY, hidden_size=12, num_hidden_layers=2, state_size=5, conv_kernel=3, time_step_rank=3, use_bias=True, use_conv_bias=False, bos_token_id=0, eos_token_id=1)),
    "mamba2-limits": (7, dict(model_type="mamba2", vocab_size=VOCABULARY, hidden_size=12, num_hidden_layers=2, num_heads=6, head_dim=4, state_size=5, n_groups=1, conv_kernel=3, use_bias=True, time_step_limit=[0.1, 0.9],
                             chunk_size=4, bos_token_id=0, eos_token_id=1)),
    "bert-relu": (6, dict(BERT, model_type="bert", hidden_act="relu", type_vocab_size=3, layer_norm_eps=1e-3)),
    "roberta-relu": (6, dict(BERT, model_type="roberta", hidden_act="relu", type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2)),
    "distilbert-sines": (6, dict(model_type="distilbert", vocab_size=VOCABULARY, dim=16, n_layers=2, n_heads=2, hidden_dim=20, max_position_embeddings=24, sinusoidal_pos_embds=True, activation="relu", dropout=0.0, attention_dropout=0.0)),
    "esm-absolute": (6, dict(BERT, model_type="esm", position_embedding_type="absolute", emb_layer_norm_before=True, token_dropout=True, mask_token_id=28, pad_token_id=1)),
    "esm-rotary": (6, dict(BERT, model_type="esm", position_embedding_type="rotary", token_dropout=False, mask_token_id=28, pad_token_id=1)),
}

MASKED, RECURRENT = ("bert", "roberta", "distilbert", "esm"), ("mamba", "mamba2")

# Those for which gradients are written too, so that all families are among them.
DIFFERENTIATED = ("gpt2-inner", "gpt2-by-layer", "llama-biases", "llama-llama3", "mistral-window", "qwen2-layer-types", "gpt_neox-sequential", "gpt_neox-old-words",
                  "qwen3-window", "qwen3_moe-mixed", "mixtral-window", "gemma-first-words", "gemma2-uncapped", "gemma3_text-old-words", "olmo2-biases", "phi-norms", "phi3-longrope", "stablelm-parallel",
                  "starcoder2-unbiased", "granite-factors", "cohere-norms", "gptj-inner", "gpt_neo-local", "gpt_bigcode-by-head", "opt-350m", "bloom-six-heads", "falcon-one-query",
                  "mamba-unbiased", "mamba2-limits", "bert-relu", "roberta-relu", "distilbert-sines", "esm-absolute")

def randomize(model, generator):
    """Weights large enough that attention is uneven and every nonlinearity matters, and no larger: PyTorch rounds too."""
    is_offset = model.config.model_type.startswith("gemma")  # Its norms' weights are stored less 1.
    for name, p in model.named_parameters():
        is_norm = p.dim() == 1 and name.endswith("weight") and not is_offset
        is_attention = any(part in name for part in ("q_proj", "k_proj", "c_attn", "query_key_value"))
        scale = 0.3 if p.dim() == 1 else (1.5 if is_attention else 1.0) / p.shape[-1] ** 0.5
        p.data = (1.0 if is_norm else 0.0) + scale * torch.randn(p.shape, generator=generator)
    return model.eval()


def hook(model, path, table, layers, visit, shape):
    """Call visit(key, value) at every site; what it returns flows on. Values pass as [batch, positions, width] of `shape`."""
    modules, handles = dict(model.named_modules()), []
    batch, length = shape

    def at_site(key, x):
        flat = x.dim() == 2  # Some families lay batch and position into one axis around their MLP.
        apart = x.dim() == 4  # Norms of queries and keys: heads before or behind the positions.
        turned = apart and x.shape[1] != length
        y = x.view(batch, length, -1) if flat else (x.transpose(1, 2) if turned else x).flatten(2) if apart else x
        y = visit(key, y)
        if apart:
            sizes = (x.shape[0], x.shape[2], x.shape[1], x.shape[3]) if turned else x.shape
            return y.view(sizes).transpose(1, 2) if turned else y.view(sizes)
        # Falcon adds to its MLP's output in place.
        return y.reshape(x.shape) if flat else y.clone()

    def before(key):
        def f(module, args, kwargs):
            if args:
                return (at_site(key, args[0]), *args[1:]), kwargs
            return args, {**kwargs, "hidden_states": at_site(key, kwargs["hidden_states"])}
        return f

    def after(key):
        def f(module, args, out):
            return (at_site(key, out[0]), *out[1:]) if isinstance(out, tuple) else at_site(key, out)
        return f

    def read(key):
        def f(module, args, out):
            visit(key, (out[0] if isinstance(out, tuple) else out).view(batch, length, -1), False)
        return f

    for layer in range(layers):
        for component, (part, side) in table.items():
            module, key = modules.get(f"{path}.{layer}{'.' if part else ''}{part}"), f"{layer}.{component}"
            if module is None:
                continue  # A layer of another kind: no router, no plain MLP.
            if side == "in":
                handles.append(module.register_forward_pre_hook(before(key), with_kwargs=True))
            else:
                handles.append(module.register_forward_hook(read(key) if side == "first" else after(key)))
    return handles


def patterns_of(out):
    """The attention of each layer, by component."""
    return {"attention_weight": getattr(out, "attentions", None) or []}


def differentiate(run, base, length, edit, seen, from_source, generator, tensors, cases, patterns=patterns_of):
    """Gradients of a metric at every site, and of a counterfactual loss with respect to a rotation of rank 2.

    A classifier has one position with logits; of any other model they are those of the last.
    """
    def last(logits):
        return logits if logits.dim() == 2 else logits[:, -1]
    def keep(value):
        value = value if value.requires_grad else value.detach().requires_grad_(True)
        value.retain_grad()
        return value
    # What `seen` has of a site is a copy; the gradient is at the value that flows on.
    kept = {}
    for key in seen:
        def keep_here(value, key=key):
            kept[key] = keep(value)
            return kept[key]
        edit[key] = keep_here
    out = run(base)
    weights = {f"{layer}.{name}": weight for name, each in patterns(out).items() for layer, weight in enumerate(each)}
    for weight in weights.values():
        weight.retain_grad()
    entries = last(out.logits)
    (entries[:, 7] - entries[:, 11]).sum().backward()
    tensors.update({f"grad.{key}": value.grad.clone() for key, value in [*kept.items(), *weights.items()] if value.grad is not None})
    of = "logits[:, {}]" if out.logits.dim() == 2 else "logits[:, -1, {}]"
    cases.append(dict(kind="gradient", metric=f"sum over batch of {of.format(7)} - {of.format(11)}"))
    edit.clear()

    component = "mlp_output" if "1.mlp_output" in seen else "mixer_output"
    layer, source_position, base_position = 1, 1, length - 2
    key = f"{layer}.{component}"
    rotation = torch.linalg.qr(torch.randn(seen[key].shape[-1], 2, generator=generator))[0].contiguous().requires_grad_(True)

    def swap(value):
        row = value[:, base_position] + ((from_source[key][:, source_position] - value[:, base_position]) @ rotation) @ rotation.T
        return torch.cat([value[:, :base_position], row[:, None], value[:, base_position + 1:]], 1)
    edit[key] = swap
    labels = torch.tensor([3, 8])
    logits = run(base).logits
    loss = torch.nn.functional.cross_entropy(last(logits), labels)
    loss.backward()
    edit.clear()
    tensors.update({"das.rotation": rotation.detach(), "das.labels": labels, "das.logits": logits.detach(), "das.loss": loss.detach(), "das.grad": rotation.grad})
    cases.append(dict(kind="das", layer=layer, component=component, source_position=source_position, base_position=base_position,
                      loss=f"mean cross-entropy of {'logits' if logits.dim() == 2 else 'logits[:, -1]'} against das.labels", parameters=["das.rotation"], outputs=["das.logits", "das.loss", "das.grad"]))


def make(folder, length, config, seed, is_differentiated, swapped=()):
    """Write a folder. `swapped` are the components of the last layer that are taken from another run; all where empty."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "model").mkdir(parents=True)
    config_text = json.dumps(config, indent=1) + "\n"
    (folder / "model" / "config.json").write_text(config_text)
    generator = torch.Generator().manual_seed(seed)
    # Eager attention of transformers adds Falcon's ALiBi twice, once with the mask; the fused one, its default, once.
    is_eager = not config.get("alibi", False)
    is_masked, is_recurrent = config["model_type"] in MASKED, config["model_type"] in RECURRENT
    kind = hf.AutoModelForMaskedLM if is_masked else hf.AutoModelForCausalLM
    model = kind.from_config(hf.AutoConfig.from_pretrained(folder / "model"), **({} if is_recurrent else dict(attn_implementation="eager" if is_eager else "sdpa")))
    is_eager = is_eager and not is_recurrent
    randomize(model, generator)
    with tempfile.TemporaryDirectory() as saved:
        model.save_pretrained(saved)
        shutil.copy(Path(saved) / "model.safetensors", folder / "model")

    base, source = (torch.randint(2, VOCABULARY, (2, length), generator=generator) for _ in range(2))
    layers = model.config.num_hidden_layers
    path, table = sites_of(model.config)
    seen, edit = {}, {}

    def visit(key, value, can_change=True):
        value = edit[key](value) if key in edit and can_change else value
        seen[key] = value.clone()
        return value

    handles = hook(model, path, table, layers, visit, base.shape)
    attentions = dict(output_attentions=True) if is_eager else {}
    run = lambda ids: model(input_ids=ids, **({} if is_masked else dict(use_cache=False)), **attentions)
    tensors, cases = {"base": base, "source": source}, []
    run(source)
    from_source = dict(seen)
    out = run(base)
    tensors["base.logits"] = out.logits
    tensors.update({f"base.act.{key}": value for key, value in seen.items()})
    tensors.update({f"base.act.{layer}.attention_weight": weight for layer, weight in enumerate(getattr(out, "attentions", None) or [])})
    named = [name for name in table if any(key.endswith(f".{name}") for key in seen)]
    cases.append(dict(kind="activations", components=[*named, *(["attention_weight"] if is_eager else [])], layers=layers))

    for component in swapped or [name for name, (_, side) in table.items() if side != "first"]:
        layer, source_position, base_position = layers - 1, 1, length - 2
        if f"{layer}.{component}" not in seen:
            continue
        key = f"{layer}.{component}"

        def swap(value):
            value = value.clone()
            value[:, base_position] = from_source[key][:, source_position]
            return value
        edit[key] = swap
        tensors[f"swap.{key}"] = run(base).logits
        edit.clear()
        cases.append(dict(kind="interchange", layer=layer, component=component, source_position=source_position, base_position=base_position, output=f"swap.{key}"))
    if is_differentiated:
        with torch.enable_grad():
            differentiate(run, base, length, edit, seen, from_source, generator, tensors, cases)
    for handle in handles:
        handle.remove()
    if not is_masked:
        # Without the cache: a kept key stays turned as it was when its sequence was shorter.
        tensors["generate.greedy"] = model.generate(base[:1], max_new_tokens=6, do_sample=False, eos_token_id=None, pad_token_id=0, use_cache=False)
        cases.append(dict(kind="generate", input="base[0:1]", max_new_tokens=6, output="generate.greedy"))

    save_file({k: v.contiguous() for k, v in tensors.items()}, folder / "tensors.safetensors")
    head = dict(family=config["model_type"], seed=seed, torch=torch.__version__, transformers=hf.__version__)
    (folder / "cases.json").write_text(json.dumps({**head, "cases": cases}, indent=1) + "\n")
    patterns = getattr(out, "attentions", None) or []
    print(f"{folder.name}: |logits| up to {out.logits.abs().max():.1f}, attention up to {max((w[..., -1, :].max() for w in patterns), default=0):.2f}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    hf.utils.logging.disable_progress_bar()
    with torch.no_grad():
        for index, (name, (length, config)) in enumerate(VARIANTS.items()):
            if not sys.argv[1:] or name in sys.argv[1:]:
                # Three components a folder, so that all folders of a family together cover them all.
                names = [name for name, (_, side) in sites_of(hf.AutoConfig.for_model(**config))[1].items() if side != "first"]
                swapped = {names[(3 * index + i) % len(names)]: None for i in range(3)}
                make(HERE / name, length, config, 100 + index, name in DIFFERENTIATED, tuple(swapped))
