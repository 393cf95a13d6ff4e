"""Write tiny models whose options differ from those of other references, and what PyTorch computes on them.

Each folder NAME/ holds model/ (config.json as written below, and its weights), tensors.safetensors and cases.json, in the
format that `patchbay conformance --fixtures` reads. The model is built from the very config.json that is written, so
old words for options (rope_scaling, rotary_emb_base) mean here what transformers takes them to mean.

Made with: torch 2.15.0, transformers 5.23.0, safetensors; float32 on the CPU, eager attention.
Run:       python make.py [NAME ...]     (all when none is named; beside this file)
"""
import json, shutil, sys, tempfile
from pathlib import Path
import torch
import transformers as hf
from safetensors.torch import save_file

HERE = Path(__file__).parent
VOCABULARY = 29
LLAMA = dict(vocab_size=VOCABULARY, hidden_size=16, intermediate_size=20, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=40)
NEOX = dict(model_type="gpt_neox", vocab_size=VOCABULARY, hidden_size=16, intermediate_size=20, num_hidden_layers=2,
            num_attention_heads=2, max_position_embeddings=40)
GPT2 = dict(model_type="gpt2", vocab_size=VOCABULARY, n_embd=16, n_layer=2, n_head=4, n_positions=24, bos_token_id=0, eos_token_id=1)
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
}

# Those for which gradients are written too, so that all families are among them.
DIFFERENTIATED = ("gpt2-inner", "gpt2-by-layer", "llama-biases", "llama-llama3", "mistral-window", "qwen2-layer-types", "gpt_neox-sequential", "gpt_neox-old-words")

LLAMA_SITES = dict(block_input=("", "in"), block_output=("", "out"), attention_input=(".self_attn", "in"), query_output=(".self_attn.q_proj", "out"),
                   key_output=(".self_attn.k_proj", "out"), value_output=(".self_attn.v_proj", "out"), attention_value_output=(".self_attn.o_proj", "in"),
                   attention_output=(".self_attn", "out"), mlp_input=(".mlp", "in"), mlp_activation=(".mlp.act_fn", "out"), mlp_output=(".mlp", "out"))
GPT2_SITES = dict(block_input=("", "in"), block_output=("", "out"), attention_input=(".attn", "in"), qkv=(".attn.c_attn", "out"),
                  attention_value_output=(".attn.c_proj", "in"), attention_output=(".attn.resid_dropout", "out"),
                  mlp_input=(".mlp", "in"), mlp_activation=(".mlp.act", "out"), mlp_output=(".mlp", "out"))
NEOX_SITES = dict(block_input=("", "in"), block_output=("", "out"), attention_input=(".attention", "in"), qkv=(".attention.query_key_value", "out"),
                  attention_value_output=(".attention.dense", "in"), attention_output=(".attention", "out"),
                  mlp_input=(".mlp", "in"), mlp_activation=(".mlp.act", "out"), mlp_output=(".mlp", "out"))
SITES = {"gpt2": ("transformer.h", GPT2_SITES), "gpt_neox": ("gpt_neox.layers", NEOX_SITES)}


def randomize(model, generator):
    """Weights large enough that attention is uneven and every nonlinearity matters, and no larger: PyTorch rounds too."""
    for name, p in model.named_parameters():
        is_norm = p.dim() == 1 and name.endswith("weight")
        is_attention = any(part in name for part in ("q_proj", "k_proj", "c_attn", "query_key_value"))
        scale = 0.3 if p.dim() == 1 else (1.5 if is_attention else 1.0) / p.shape[-1] ** 0.5
        p.data = (1.0 if is_norm else 0.0) + scale * torch.randn(p.shape, generator=generator)
    return model.eval()


def hook(model, path, table, layers, visit):
    """Call visit(key, value) at every site; what it returns flows on."""
    modules, handles = dict(model.named_modules()), []

    def before(key):
        def f(module, args, kwargs):
            if args:
                return (visit(key, args[0]), *args[1:]), kwargs
            return args, {**kwargs, "hidden_states": visit(key, kwargs["hidden_states"])}
        return f

    def after(key):
        def f(module, args, out):
            return (visit(key, out[0]), *out[1:]) if isinstance(out, tuple) else visit(key, out)
        return f

    for layer in range(layers):
        for component, (part, side) in table.items():
            module, key = modules[f"{path}.{layer}{part}"], f"{layer}.{component}"
            handles.append(module.register_forward_pre_hook(before(key), with_kwargs=True) if side == "in" else module.register_forward_hook(after(key)))
    return handles


def differentiate(run, base, length, edit, seen, from_source, generator, tensors, cases):
    """Gradients of a metric at every site, and of a counterfactual loss with respect to a rotation of rank 2."""
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
    for weight in out.attentions:
        weight.retain_grad()
    (out.logits[:, -1, 7] - out.logits[:, -1, 11]).sum().backward()
    tensors.update({f"grad.{key}": value.grad.clone() for key, value in kept.items()})
    tensors.update({f"grad.{layer}.attention_weight": weight.grad for layer, weight in enumerate(out.attentions)})
    cases.append(dict(kind="gradient", metric="sum over batch of logits[:, -1, 7] - logits[:, -1, 11]"))
    edit.clear()

    layer, component, source_position, base_position = 1, "mlp_output", 1, length - 2
    key = f"{layer}.{component}"
    rotation = torch.linalg.qr(torch.randn(seen[key].shape[-1], 2, generator=generator))[0].contiguous().requires_grad_(True)

    def swap(value):
        row = value[:, base_position] + ((from_source[key][:, source_position] - value[:, base_position]) @ rotation) @ rotation.T
        return torch.cat([value[:, :base_position], row[:, None], value[:, base_position + 1:]], 1)
    edit[key] = swap
    labels = torch.tensor([3, 8])
    logits = run(base).logits
    loss = torch.nn.functional.cross_entropy(logits[:, -1], labels)
    loss.backward()
    edit.clear()
    tensors.update({"das.rotation": rotation.detach(), "das.labels": labels, "das.logits": logits.detach(), "das.loss": loss.detach(), "das.grad": rotation.grad})
    cases.append(dict(kind="das", layer=layer, component=component, source_position=source_position, base_position=base_position,
                      loss="mean cross-entropy of logits[:, -1] against das.labels", parameters=["das.rotation"], outputs=["das.logits", "das.loss", "das.grad"]))


def make(name, length, config, seed):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "model").mkdir(parents=True)
    config_text = json.dumps(config, indent=1) + "\n"
    (folder / "model" / "config.json").write_text(config_text)
    generator = torch.Generator().manual_seed(seed)
    model = hf.AutoModelForCausalLM.from_config(hf.AutoConfig.from_pretrained(folder / "model"), attn_implementation="eager")
    randomize(model, generator)
    with tempfile.TemporaryDirectory() as saved:
        model.save_pretrained(saved)
        shutil.copy(Path(saved) / "model.safetensors", folder / "model")

    base, source = (torch.randint(2, VOCABULARY, (2, length), generator=generator) for _ in range(2))
    layers = model.config.num_hidden_layers
    path, table = SITES.get(config["model_type"], ("model.layers", LLAMA_SITES))
    seen, edit = {}, {}

    def visit(key, value):
        value = edit[key](value) if key in edit else value
        seen[key] = value.clone()
        return value

    handles = hook(model, path, table, layers, visit)
    run = lambda ids: model(input_ids=ids, use_cache=False, output_attentions=True)
    tensors, cases = {"base": base, "source": source}, []
    run(source)
    from_source = dict(seen)
    out = run(base)
    tensors["base.logits"] = out.logits
    tensors.update({f"base.act.{key}": value for key, value in seen.items()})
    tensors.update({f"base.act.{layer}.attention_weight": weight for layer, weight in enumerate(out.attentions)})
    cases.append(dict(kind="activations", components=[*table, "attention_weight"], layers=layers))

    # Three components a folder, so that all folders together cover them all.
    names, start = list(table), list(VARIANTS).index(name)
    for component in {names[(3 * start + i) % len(names)]: None for i in range(3)}:
        layer, source_position, base_position = layers - 1, 1, length - 2
        key = f"{layer}.{component}"

        def swap(value):
            value = value.clone()
            value[:, base_position] = from_source[key][:, source_position]
            return value
        edit[key] = swap
        tensors[f"swap.{key}"] = run(base).logits
        edit.clear()
        cases.append(dict(kind="interchange", layer=layer, component=component, source_position=source_position, base_position=base_position, output=f"swap.{key}"))
    if name in DIFFERENTIATED:
        with torch.enable_grad():
            differentiate(run, base, length, edit, seen, from_source, generator, tensors, cases)
    for handle in handles:
        handle.remove()
    tensors["generate.greedy"] = model.generate(base[:1], max_new_tokens=6, do_sample=False, eos_token_id=None, pad_token_id=0)
    cases.append(dict(kind="generate", input="base[0:1]", max_new_tokens=6, output="generate.greedy"))

    save_file({k: v.contiguous() for k, v in tensors.items()}, folder / "tensors.safetensors")
    head = dict(family=config["model_type"], seed=seed, torch=torch.__version__, transformers=hf.__version__)
    (folder / "cases.json").write_text(json.dumps({**head, "cases": cases}, indent=1) + "\n")
    print(f"{name}: |logits| up to {out.logits.abs().max():.1f}, attention up to {max(w[..., -1, :].max() for w in out.attentions):.2f}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    hf.utils.logging.disable_progress_bar()
    with torch.no_grad():
        for index, (name, (length, config)) in enumerate(VARIANTS.items()):
            if not sys.argv[1:] or name in sys.argv[1:]:
                make(name, length, config, 100 + index)
