"""Write what PyTorch has between attention and MLP, and the logits after it is replaced, for the models that make.py wrote.

No module of transformers owns this value, so it is read where the MLP's branch begins (what enters its norm, or what leaves
the norm that stands in the stream), and replaced through what makes it: attention is given the output that leads to it.

Made with: torch 2.15.0, transformers 5.24.0, safetensors; float32 on the CPU.
Run:       python block_middle.py     (beside this file)
"""
import json
from pathlib import Path
import torch
import transformers as hf
from safetensors.torch import load_file
from make import HERE, MASKED
from sites import sites_of

# By model type: the module whose output is the value, or else the module whose output is added to the block's input, the
# module that reads the sum, and the factor of what is added.
WHOLE = {**{kind: "attention.output" for kind in ("bert", "roberta", "esm")}, "distilbert": "sa_layer_norm", "bloom": "self_attention"}
LLAMA = ("self_attn", "post_attention_layernorm")
SUMS = {
    **{kind: LLAMA for kind in ("llama", "mistral", "qwen2", "qwen3", "qwen3_moe", "mixtral", "gemma", "phi3", "stablelm", "starcoder2", "granite")},
    **{kind: ("attn", "ln_2") for kind in ("gpt2", "gpt_bigcode", "gpt_neo")},
    **{kind: ("post_attention_layernorm", "pre_feedforward_layernorm") for kind in ("gemma2", "gemma3_text")},
    "olmo2": ("post_attention_layernorm", "mlp"),
    "gpt_neox": ("attention", "post_attention_layernorm"),
    "falcon": ("self_attention", "post_attention_layernorm"),
}


def is_parallel(config):
    kind = config.model_type
    if kind in ("gpt_neox", "stablelm"):
        return config.use_parallel_residual
    return kind in ("gptj", "phi", "cohere", "mamba", "mamba2") or (kind == "falcon" and (config.parallel_attn or config.new_decoder_architecture))


def first(value):
    return value[0] if isinstance(value, tuple) else value


def cases_of(folder):
    tensors = load_file(folder / "tensors.safetensors")
    config = hf.AutoConfig.from_pretrained(folder / "model")
    if is_parallel(config):
        return None
    kind = config.model_type
    load = hf.AutoModelForMaskedLM if kind in MASKED else hf.AutoModelForCausalLM
    model = load.from_pretrained(folder / "model", attn_implementation="sdpa" if getattr(config, "alibi", False) else "eager").eval()
    layer = config.num_hidden_layers - 1
    block = dict(model.named_modules())[f"{sites_of(config)[0]}.{layer}"]
    modules = dict(block.named_modules())
    if kind == "opt":
        # 350m alone among them normalises behind the sum.
        assert not config.do_layer_norm_before
        whole, added, reader = "self_attn_layer_norm", None, None
    else:
        whole = WHOLE.get(kind)
        added, reader = (None, None) if whole else SUMS[kind]
    factor = getattr(config, "residual_multiplier", 1.0) if kind == "granite" else 1.0
    seen, wanted = {}, None
    length = tensors["base"].shape[1]
    to, from_ = length - 2, 1

    def at_entrance(module, args, kwargs):
        seen["input"] = (args[0] if args else kwargs["hidden_states"]).clone()

    def at_output(module, args, out):
        value = first(out).clone()
        if wanted is not None:
            # Of a sum, what has to be added so that it becomes the wanted vector.
            value[0, to] = wanted if whole else (wanted - seen["input"][0, to]) / factor
        if whole:
            seen["middle"] = value.clone().view(1, length, -1)
        return (value, *out[1:]) if isinstance(out, tuple) else value

    def at_reader(module, args, kwargs):
        seen["middle"] = (args[0] if args else kwargs["hidden_states"]).clone().view(1, length, -1)

    block.register_forward_pre_hook(at_entrance, with_kwargs=True)
    modules[whole or added].register_forward_hook(at_output)
    if reader:
        modules[reader].register_forward_pre_hook(at_reader, with_kwargs=True)
    run = lambda ids: model(input_ids=ids, **({} if kind in MASKED else dict(use_cache=False))).logits[0]
    base, source = tensors["base"][:1], tensors["source"][:1]
    run(source)
    from_source = seen["middle"][0, from_].clone()
    run(base)
    middle = seen["middle"][0]
    read = {str(position): middle[position].tolist() for position in (0, to)}
    wanted = from_source
    logits = run(base)
    assert torch.allclose(seen["middle"][0, to], from_source, atol=1e-5), folder.name
    rounded = lambda numbers: [float(f"{x:.8g}") for x in numbers]
    return dict(layer=layer, base=base[0].tolist(), source=source[0].tolist(), basePosition=to, sourcePosition=from_,
                middle={position: rounded(numbers) for position, numbers in read.items()}, logits=rounded(logits[to].tolist()))


if __name__ == "__main__":
    torch.set_num_threads(1)
    with torch.no_grad():
        folders = sorted(path.parent for path in HERE.glob("*/tensors.safetensors") if not path.parent.name.startswith("interventions-"))
        found = {folder.name: cases_of(folder) for folder in folders}
    lines = [f" {json.dumps(name)}: {json.dumps(case)}" for name, case in found.items()]
    (HERE / "block_middle.expected.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
