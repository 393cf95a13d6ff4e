"""Write tiny GGUF files as llama.cpp's own converter writes them, and what PyTorch computes on the models they were made of.

Writes gguf_families.expected.json beside itself: for each name the file (gzip, base64), a prompt, and the logits of every
position. Weights are multiples of 1/16, so that the files are small; arithmetic is float32 on the CPU.

Made with: torch 2.15.0, transformers 5.24.0, the converter in llama-cpp-python 0.3.36's sources.
Run:       python make_gguf.py LLAMA_CPP [--random OUT --count 10] [NAME ...]
           (LLAMA_CPP: a checkout; with --random, files of random options for OUT, a folder, instead)
"""
import argparse, base64, gzip, json, random, sys, tempfile
from pathlib import Path
import numpy as np
import torch
import transformers as hf

HERE = Path(__file__).parent
parser = argparse.ArgumentParser()
parser.add_argument("llama_cpp", type=Path)
parser.add_argument("names", nargs="*")
parser.add_argument("--random", type=Path)
parser.add_argument("--count", type=int, default=10)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
sys.path[:0] = [str(args.llama_cpp / "gguf-py"), str(args.llama_cpp)]
import gguf
from conversion import get_model_class
from random_models import FAMILIES

WORDS = 24
SIZES = dict(vocab_size=WORDS, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=40)
GPT2 = dict(vocab_size=WORDS, n_embd=16, n_layer=2, n_head=4, n_positions=24, n_ctx=24, bos_token_id=0, eos_token_id=1)
LONG = dict(rope_type="longrope", short_factor=[1.1, 1.3], long_factor=[2.0, 5.0], original_max_position_embeddings=8)

# What each model is; the prompt has 9 tokens.
MODELS = {
    "llama": dict(SIZES, model_type="llama", attention_bias=True, rope_theta=500.0),
    "llama-yarn": dict(SIZES, model_type="llama", rope_scaling=dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=10, beta_fast=4.0, beta_slow=1.0)),
    "mixtral": dict(SIZES, model_type="mixtral", num_local_experts=3, num_experts_per_tok=2, tie_word_embeddings=False, sliding_window=None),
    "qwen2": dict(SIZES, model_type="qwen2", tie_word_embeddings=True),
    "qwen3": dict(SIZES, model_type="qwen3", head_dim=6, tie_word_embeddings=True, rope_theta=1e6),
    "qwen3moe": dict(SIZES, model_type="qwen3_moe", head_dim=6, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16, norm_topk_prob=True),
    "gemma": dict(SIZES, model_type="gemma", head_dim=6, hidden_act="gelu_pytorch_tanh"),
    "gemma2": dict(SIZES, model_type="gemma2", head_dim=6, query_pre_attn_scalar=6, sliding_window=4, attn_logit_softcapping=5.0, final_logit_softcapping=3.0),
    "gemma3": dict(SIZES, model_type="gemma3_text", num_hidden_layers=7, head_dim=6, query_pre_attn_scalar=6, sliding_window=4,
                   rope_parameters=dict(full_attention=dict(rope_type="linear", factor=8.0, rope_theta=1e6), sliding_attention=dict(rope_type="default", rope_theta=1e4))),
    "olmo2": dict(SIZES, model_type="olmo2", tie_word_embeddings=False),
    "granite": dict(SIZES, model_type="granite", embedding_multiplier=2.5, attention_multiplier=0.25, residual_multiplier=0.5, logits_scaling=4.0, tie_word_embeddings=True),
    "command-r": dict(SIZES, model_type="cohere", use_qk_norm=True, logit_scale=0.5, rope_theta=200.0, model_max_length=64),
    "stablelm": dict(SIZES, model_type="stablelm", hidden_size=32, use_parallel_residual=False, use_qkv_bias=True, partial_rotary_factor=0.25),
    "stablelm-parallel": dict(SIZES, model_type="stablelm", hidden_size=32, use_parallel_residual=True, qk_layernorm=True, partial_rotary_factor=0.5),
    "starcoder2": dict(SIZES, model_type="starcoder2", use_bias=True, sliding_window=None, tie_word_embeddings=True),
    "phi2": dict(SIZES, model_type="phi", hidden_size=32, num_key_value_heads=4, intermediate_size=48, partial_rotary_factor=0.5),
    "phi3": dict(SIZES, model_type="phi3", pad_token_id=0, sliding_window=5, original_max_position_embeddings=40),
    "phi3-long": dict(SIZES, model_type="phi3", pad_token_id=0, sliding_window=None, original_max_position_embeddings=8, rope_scaling=LONG),
    "gpt2": dict(GPT2, model_type="gpt2"),
    "starcoder": dict(GPT2, model_type="gpt_bigcode", multi_query=True),
    "gptneox": dict(vocab_size=WORDS, model_type="gpt_neox", hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, max_position_embeddings=40, rotary_pct=0.25),
    "bloom": dict(model_type="bloom", vocab_size=WORDS, hidden_size=24, n_layer=2, n_head=6, bos_token_id=0, eos_token_id=1),
    "falcon": dict(model_type="falcon", vocab_size=WORDS, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, num_kv_heads=1, multi_query=True, parallel_attn=True),
    "falcon-two-norms": dict(model_type="falcon", vocab_size=WORDS, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, num_kv_heads=2, new_decoder_architecture=True),
    "mamba": dict(model_type="mamba", vocab_size=WORDS, hidden_size=16, num_hidden_layers=2, state_size=4, time_step_rank=2, bos_token_id=0, eos_token_id=1),
    "mamba2": dict(model_type="mamba2", vocab_size=WORDS, hidden_size=16, num_hidden_layers=2, num_heads=4, head_dim=8, state_size=4, n_groups=1, tie_word_embeddings=False, bos_token_id=0, eos_token_id=1),
}
ROTATED = ("q_proj", "k_proj", "c_attn", "query_key_value", "qkv_proj")


def randomize(model, generator, step):
    """Weights of few distinct values, large enough that attention is uneven."""
    offset = model.config.model_type.startswith("gemma")  # Its norms' weights are stored less 1.
    for name, p in model.named_parameters():
        norm = p.dim() == 1 and name.endswith("weight") and not offset
        scale = 0.3 if p.dim() == 1 else (1.5 if any(part in name for part in ROTATED) else 1.0) / p.shape[-1] ** 0.5
        p.data = (1.0 if norm else 0.0) + torch.round(scale * torch.randn(p.shape, generator=generator) / step) * step
    return model.eval()


def converter_of(architecture):
    """The converter's class, with no tokenizer to read."""
    base = get_model_class(architecture)

    def modify_tensors(self, data, name, bid):
        # StableLM's returns the norms that it has stacked where it should yield them.
        returned = yield from base.modify_tensors(self, data, name, bid)
        yield from returned or ()

    return type(base.__name__, (base,), dict(model_arch=base.model_arch, set_vocab=lambda self: None, modify_tensors=modify_tensors))


def converted(config, generator, folder, length, step):
    """A model's file and what it says of a prompt."""
    model = randomize(hf.AutoModelForCausalLM.from_config(hf.AutoConfig.for_model(**config), attn_implementation="eager"), generator, step)
    model.save_pretrained(folder)
    written = json.loads((folder / "config.json").read_text())
    # The words that the converter reads and Transformers 5 writes no more.
    extra = {key: config[key] for key in ("n_ctx", "model_max_length") if key in config}
    if config["model_type"] == "gpt_neox":
        extra.update(rotary_pct=written["rope_parameters"].get("partial_rotary_factor", 1.0), rope_theta=written["rope_parameters"]["rope_theta"])
    written.update(extra)
    (folder / "config.json").write_text(json.dumps(written))
    (folder / "tokenizer.json").write_text(json.dumps(dict(model=dict(vocab={str(i): i for i in range(written["vocab_size"])}), added_tokens=[])))
    kind = converter_of(written["architectures"][0])
    out = folder / "model.gguf"
    with torch.no_grad():
        kind(folder, gguf.LlamaFileType.ALL_F32, out, eager=True, model_name="tiny", hparams=written).write()
        tokens = torch.randint(0, written["vocab_size"], (1, length), generator=generator)
        logits = model(input_ids=tokens, use_cache=False).logits[0]
    return out.read_bytes(), tokens[0].tolist(), logits.numpy().astype(np.float32)


def expressible(name, config):
    """The configuration with what no GGUF file can say as llama.cpp takes it to be."""
    c = dict(config)
    c.pop("rope_scaling", None) if (c.get("rope_scaling") or {}).get("rope_type", (c.get("rope_scaling") or {}).get("type")) in ("llama3", "longrope") and name != "phi3" else None
    parameters = c.get("rope_parameters") or {}
    if parameters.get("rope_type") in ("llama3", "longrope") and name != "phi3":
        c["rope_parameters"] = dict(rope_type="default", rope_theta=parameters["rope_theta"])
    for section in (c.get("rope_parameters") or {}, c.get("rope_scaling") or {}):
        section.pop("mscale", None), section.pop("mscale_all_dim", None)
    unsaid = dict(hidden_act="silu", sliding_window=None, use_sliding_window=False)
    if name in ("gemma", "gemma2", "phi", "stablelm", "gpt_neox", "falcon"):  # No base of rotation is written.
        share = (c.get("rope_parameters") or c).get("partial_rotary_factor")
        for key in ("rope_parameters", "rope_scaling", "rope_theta", "rotary_emb_base"): c.pop(key, None)
        if share: c["partial_rotary_factor"] = share
    special = dict(
        gemma=dict(hidden_act="gelu_pytorch_tanh", attention_bias=False),
        gemma2=dict(hidden_activation="gelu_pytorch_tanh", attention_bias=False, attn_logit_softcapping=c.get("attn_logit_softcapping") or 9.0, final_logit_softcapping=c.get("final_logit_softcapping") or 4.0),
        gemma3_text=dict(hidden_activation="gelu_pytorch_tanh", attention_bias=False, attn_logit_softcapping=None, sliding_window_pattern=6),
        starcoder2=dict(hidden_act="gelu_pytorch_tanh", sliding_window=None), phi=dict(hidden_act="gelu_new", qk_layernorm=False, num_key_value_heads=c.get("num_attention_heads")),
        phi3=dict(hidden_act="silu"), gpt2=dict(activation_function="gelu_new", scale_attn_weights=True, scale_attn_by_inverse_layer_idx=False),
        gpt_bigcode=dict(activation_function="gelu_pytorch_tanh", scale_attn_weights=True, multi_query=True), gpt_neox=dict(hidden_act="gelu"),
        bloom=dict(apply_residual_connection_post_layernorm=False), falcon=dict(activation="gelu", bias=False, alibi=False, parallel_attn=True),
        mamba=dict(hidden_act="silu", expand=2), mamba2=dict(time_step_limit=[0.0, float("inf")]), qwen3_moe=dict(unsaid, norm_topk_prob=True, decoder_sparse_step=1, mlp_only_layers=[]))
    if name in ("gemma2", "gemma3_text"):
        c.pop("layer_types", None)
        c["query_pre_attn_scalar"] = c["head_dim"]
    if name == "olmo2":
        unsaid.pop("sliding_window")
    if name == "cohere":  # The converter writes that positions are not scaled.
        c.pop("rope_scaling", None)
        c["rope_parameters"] = dict(rope_type="default", rope_theta=c.pop("rope_theta", None) or (c.get("rope_parameters") or {}).get("rope_theta", 10000.0))
    if name == "falcon" and not c.get("new_decoder_architecture"): c["num_kv_heads"] = 1 if c.setdefault("multi_query", True) else c["num_attention_heads"]
    return {**c, **special.get(name, unsaid if "hidden_act" in c else {}), "n_ctx": 24}


if __name__ == "__main__":
    hf.utils.logging.set_verbosity_error()
    hf.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    b64 = lambda data: base64.b64encode(data).decode()
    if args.random:
        kinds = args.names or [name for name in FAMILIES if name not in ("bert", "roberta", "distilbert", "esm", "opt", "gpt_neo", "gptj")]
        args.random.mkdir(parents=True, exist_ok=True)
        for name in kinds:
            for index in range(args.count):
                r = random.Random(f"{name} {args.seed} {index}")
                config = expressible(name, FAMILIES[name](r))
                with tempfile.TemporaryDirectory() as folder:
                    try:
                        data, tokens, logits = converted(config, torch.Generator().manual_seed(index), Path(folder), r.choice([5, 9, 14]), 1e-6)
                    except Exception as error:  # Not every model is one that the converter takes.
                        print(f"{name}-{index}: {type(error).__name__} {str(error).splitlines()[-1][:150] if str(error) else ''}")
                        continue
                (args.random / f"{name}-{index}.gguf").write_bytes(data)
                (args.random / f"{name}-{index}.json").write_text(json.dumps(dict(config=repr(config), tokens=tokens, logits=b64(logits.tobytes()))))
    else:
        path = HERE / "gguf_families.expected.json"
        cases = json.loads(path.read_text()) if args.names and path.exists() else {}
        for name in args.names or MODELS:
            with tempfile.TemporaryDirectory() as folder:
                data, tokens, logits = converted(MODELS[name], torch.Generator().manual_seed(len(name)), Path(folder), 9, 1 / 16)
            cases[name] = dict(file=b64(gzip.compress(data, 9, mtime=0)), tokens=tokens, logits=b64(logits.tobytes()))
            print(f"{name}: {len(data)} bytes, {len(cases[name]['file'])} written, |logits| up to {np.abs(logits).max():.1f}")
        path.write_text("{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(case)}" for name, case in cases.items()) + "\n}\n")
