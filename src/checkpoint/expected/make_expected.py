"""What the reference implementations make of small files: the numbers that the tests of src/checkpoint compare with.

Writes, beside itself:
  expand.expected.json  stored bytes of every dtype and the float32 values that torch, numpy and gguf expand them to
  gguf.expected.json    tiny GGUF files, the weights that transformers (or the converter's inverse) makes of them, and
                        the token ids that transformers gives for some texts

Run:  pip install torch transformers safetensors numpy gguf tokenizers
      python make_expected.py
"""
import base64, hashlib, json, os, tempfile
import gguf, numpy as np, torch, transformers
from gguf.quants import dequantize, quantize
from safetensors.torch import load, save
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
Q = gguf.GGMLQuantizationType
CORPUS = """The Eiffel Tower is located in the city of Paris. In 1889 it was the tallest tower of the world, and for 41 years
nobody built a taller one. It's said that he'd have torn it down; they've kept it, and we'll see it still. Naïve café owners
charge 12345 francs for a coffee there. The tower's lattice weighs 7300 tonnes: the tower, the city, the world."""
TEXTS = ["The Eiffel Tower is located in the city of", " leading space", "in 1889 or 2024, 12345678 times",
         "it's THEY'VE we'll\n\n  two  spaces\tand\ttabs \n", "naïve café 🦜 Ångström", "", "a<|end|>b <|end|> c", "don't!!! (really?)",
         "e\u0301 decomposed"]

b64 = lambda a: base64.b64encode(a if isinstance(a, bytes) else np.ascontiguousarray(a).tobytes()).decode()
sha = lambda a: hashlib.sha256(np.ascontiguousarray(a).tobytes()).hexdigest()


def expand_cases():
    rng = np.random.RandomState(7)
    cases = []
    for name in ["Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"]:
        qtype = Q[name]
        elements, size = gguf.GGML_QUANT_SIZES[qtype]
        blocks = rng.randint(0, 256, (8, size)).astype(np.uint8)
        # The scales: ordinary, negative, tiny, zero, minus zero, the largest. Everything else stays random bytes.
        scales = np.array([0.0123, -0.7, 6e-8, 0.0, -0.0, 65504.0, 3.1e-5, 1.0], dtype=np.float16)
        at = {"Q6_K": [208]}.get(name, [0] if name.endswith("_0") else [0, 2])
        for i, place in enumerate(at):
            blocks[:, place:place + 2] = np.roll(scales, i).reshape(8, 1).view(np.uint8)
        values = dequantize(blocks.reshape(1, -1), qtype).astype(np.float32)
        cases.append(dict(dtype=name, elements=int(values.size), bytes=b64(blocks), values=b64(values)))
    f32 = rng.randn(24).astype(np.float32)
    cases.append(dict(dtype="F32", elements=24, bytes=b64(f32), values=b64(f32)))
    every = np.arange(65536, dtype=np.uint16)
    digests = {}
    for name, dtype in [("F16", torch.float16), ("BF16", torch.bfloat16)]:
        stored = load(save({"x": torch.from_numpy(every.view(np.int16).copy()).view(dtype)}))["x"]
        digests[name] = sha(stored.to(torch.float32).numpy())
        picked = every[::641]
        cases.append(dict(dtype=name, elements=int(picked.size), bytes=b64(picked),
                          values=b64(stored.to(torch.float32).numpy()[::641])))
    return dict(cases=cases, every_pattern_sha256=digests)


def trained_bpe(pre, normalizer=None):
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre
    if normalizer: tok.normalizer = normalizer
    tok.train_from_iterator([CORPUS] * 3, trainers.BpeTrainer(vocab_size=330, show_progress=False,
        special_tokens=["<|end|>", "<|start|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    state = json.loads(tok.to_str())["model"]
    return sorted(state["vocab"], key=state["vocab"].get), [" ".join(m) for m in state["merges"]]


def sentencepiece_vocabulary():
    """<unk> <s> </s>, the bytes, then characters and pieces with falling scores, as SentencePiece's BPE numbers them."""
    text = "▁" + CORPUS.replace("\n", " ").replace(" ", "▁")
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    tok.train_from_iterator([text] * 3, trainers.BpeTrainer(vocab_size=160, show_progress=False))
    state = json.loads(tok.to_str())["model"]
    pieces = sorted(state["vocab"], key=state["vocab"].get)
    merged = {a + b for a, b in state["merges"]}
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    types = [2, 3, 3] + [6] * 256
    scores = [0.0] * len(tokens)
    for rank, piece in enumerate([p for p in pieces if p in merged]):
        tokens.append(piece); types.append(1); scores.append(float(-rank))
    for rank, piece in enumerate([p for p in pieces if p not in merged]):
        tokens.append(piece); types.append(1); scores.append(float(-1000 - rank))
    return tokens, scores, types


def write(path, arch, fill, tensors, alignment=None):
    w = gguf.GGUFWriter(path, arch)
    if alignment: w.add_custom_alignment(alignment)
    fill(w)
    for name, (data, qtype) in tensors.items():
        if qtype in (Q.F32, Q.F16):
            w.add_tensor(name, data.astype(np.float32 if qtype == Q.F32 else np.float16))
        else:
            packed = quantize(data.astype(np.float32), qtype)
            w.add_tensor(name, packed, raw_dtype=qtype)
    w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()


def byte_tokenizer(w, tokens, merges, pre, **options):
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre(pre)
    w.add_token_list(tokens)
    w.add_token_types([3 if t.startswith("<|") else 1 for t in tokens])
    w.add_token_merges(merges)
    w.add_bos_token_id(1); w.add_eos_token_id(0)
    if "add_bos" in options: w.add_add_bos_token(options["add_bos"])


stored = lambda data, qtype: dequantize(quantize(data, qtype), qtype) if qtype not in (Q.F32, Q.F16) else data.astype(np.float16 if qtype == Q.F16 else np.float32).astype(np.float32)


def llama_weights(rng, hidden, heads, kv, inner, layers, vocab, biased):
    out, width = {}, hidden // heads
    r = lambda *s: (rng.randn(*s) * 0.1).astype(np.float32)
    out["model.embed_tokens.weight"], out["model.norm.weight"] = r(vocab, hidden), r(hidden)
    for l in range(layers):
        p = f"model.layers.{l}."
        for name, rows in [("q_proj", heads * width), ("k_proj", kv * width), ("v_proj", kv * width), ("o_proj", hidden)]:
            out[f"{p}self_attn.{name}.weight"] = r(rows, hidden)
            if biased: out[f"{p}self_attn.{name}.bias"] = r(rows)
        out[p + "mlp.gate_proj.weight"], out[p + "mlp.up_proj.weight"] = r(inner, hidden), r(inner, hidden)
        out[p + "mlp.down_proj.weight"] = r(hidden, inner)
        out[p + "input_layernorm.weight"], out[p + "post_attention_layernorm.weight"] = r(hidden), r(hidden)
    return out


LLAMA = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
         "post_attention_layernorm": "ffn_norm", "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def gguf_name(name, table):
    prefix = ""
    parts = name.split(".")
    for i, part in enumerate(parts):
        if part.isdigit(): prefix, parts = f"blk.{part}.", parts[i + 1:]; break
    suffix = parts.pop()
    return f"{prefix}{table['.'.join(parts)]}.{suffix}"


def interleave(w, heads):
    """The permutation of llama.cpp's converter for the query and key rows of LLaMA."""
    return w.reshape(heads, 2, w.shape[0] // heads // 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def llama_file(path, tokens, merges, fill_more=lambda w: None, biased=False, tied=False, qtype=Q.Q8_0, extra=None, alignment=None, rng=None, pre="smollm", spm=None, layers=1):
    hidden, heads, kv, inner, vocab = 32, 4, 2, 64, len(tokens)
    weights = llama_weights(rng, hidden, heads, kv, inner, layers, vocab, biased)
    if not tied: weights["lm_head.weight"] = (rng.randn(vocab, hidden) * 0.1).astype(np.float32)
    tensors, expected = {}, {}
    for name, data in weights.items():
        q = qtype if data.ndim == 2 and "embed" not in name and "lm_head" not in name else (Q.Q4_1 if data.ndim == 2 else Q.F32)
        expected[name] = stored(data, q)
        if "q_proj" in name: data = interleave(data, heads)
        if "k_proj" in name: data = interleave(data, kv)
        tensors[gguf_name(name, LLAMA)] = (data, q)
    tensors.update(extra or {})

    def fill(w):
        w.add_context_length(128); w.add_embedding_length(hidden); w.add_block_count(layers); w.add_feed_forward_length(inner)
        w.add_head_count(heads); w.add_head_count_kv(kv); w.add_layer_norm_rms_eps(1e-5); w.add_rope_freq_base(10000.0)
        w.add_rope_dimension_count(hidden // heads); w.add_vocab_size(vocab)
        if spm:
            w.add_tokenizer_model("llama"); w.add_tokenizer_pre("default")
            w.add_token_list(tokens); w.add_token_scores(spm[0]); w.add_token_types(spm[1])
            w.add_bos_token_id(1); w.add_eos_token_id(2); w.add_unk_token_id(0)
        else:
            byte_tokenizer(w, tokens, merges, pre, add_bos=False)
        fill_more(w)
    write(path, "llama", fill, tensors, alignment)
    return expected


def digest(weights):
    return {name: dict(shape=list(v.shape), sha256=sha(v.astype(np.float32))) for name, v in weights.items()}


def from_transformers(folder, file, **options):
    m = transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32, **options)
    return {k: v.numpy() for k, v in m.state_dict().items()}, m.config


def same(loaded, expected):
    """transformers and the weights that were stored have to agree, or this script is wrong about the format."""
    for name, value in expected.items():
        if not np.array_equal(loaded[name], value): raise SystemExit(f"{name} differs from what transformers loads")


def main():
    json.dump(expand_cases(), open(f"{HERE}/expand.expected.json", "w"), indent=1)
    rng = np.random.RandomState(11)
    digits = pre_tokenizers.Sequence([pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(False)])
    tokens, merges = trained_bpe(pre_tokenizers.ByteLevel(False))
    files = {}
    with tempfile.TemporaryDirectory() as d:
        read = lambda n: b64(open(f"{d}/{n}", "rb").read())

        expected = llama_file(f"{d}/llama.gguf", tokens, merges, rng=rng)
        loaded, config = from_transformers(d, "llama.gguf")
        same(loaded, expected)
        tok = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=[tuple(m.split(" ")) for m in merges]))
        tok.pre_tokenizer, tok.decoder = digits, decoders.ByteLevel()
        tok.add_special_tokens(["<|end|>", "<|start|>"])
        keys = ["hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim",
                "max_position_embeddings", "vocab_size", "tie_word_embeddings"]
        files["llama"] = dict(file=read("llama.gguf"), weights=digest(expected), config={k: getattr(config, k) for k in keys},
                              ids=[tok.encode(t).ids for t in TEXTS])

        # Biases permuted as well, a tied head, LLaMA 3's factors of frequencies, another alignment.
        base, width, factor = 500000.0, 8, 8.0
        freqs = 1.0 / (base ** (torch.arange(0, width, 2, dtype=torch.float32) / width))
        factors = []
        for f in freqs:
            wavelength = 2 * np.pi / f
            if wavelength < 8192 / 4: factors.append(1.0)
            elif wavelength > 8192: factors.append(factor)
            else:
                smooth = (8192 / wavelength - 1) / 3
                factors.append(1 / ((1 - smooth) / factor + smooth))
        expected = llama_file(f"{d}/llama3.gguf", tokens, merges, rng=rng, biased=True, tied=True, qtype=Q.Q4_0,
                              fill_more=lambda w: w.add_rope_freq_base(base), pre="llama-bpe", alignment=64,
                              extra={"rope_freqs.weight": (np.array(factors, dtype=np.float32), Q.F32)})
        t = transformers.AutoTokenizer.from_pretrained(d, gguf_file="llama3.gguf")
        files["llama3"] = dict(file=read("llama3.gguf"), weights=digest(expected), rope_scaling=dict(rope_type="llama3", factor=factor,
            low_freq_factor=1, high_freq_factor=4, original_max_position_embeddings=8192), ids=[t(x, add_special_tokens=False).input_ids for x in TEXTS])

        pieces, scores, types = sentencepiece_vocabulary()
        expected = llama_file(f"{d}/sp.gguf", pieces, None, rng=rng, spm=(scores, types), tied=True,
                              fill_more=lambda w: (w.add_rope_scaling_type(gguf.RopeScalingType.LINEAR), w.add_rope_scaling_factor(2.0)))
        t = transformers.AutoTokenizer.from_pretrained(d, gguf_file="sp.gguf")
        files["sentencepiece"] = dict(file=read("sp.gguf"), rope_scaling=dict(rope_type="linear", factor=2), ids=[t(x).input_ids for x in TEXTS])

        # GPT-2: projections are [in, out] in transformers and [out, in] in the file.
        hidden, inner = 32, 64
        config = transformers.GPT2Config(vocab_size=len(tokens), n_embd=hidden, n_head=4, n_layer=1, n_positions=48, n_inner=inner)
        torch.manual_seed(3)
        weights = {k: (v.numpy() + (rng.randn(*v.shape) * 0.05).astype(np.float32)) for k, v in transformers.GPT2LMHeadModel(config).state_dict().items() if k != "lm_head.weight"}
        table = {"transformer.wte": "token_embd", "transformer.wpe": "position_embd", "transformer.ln_f": "output_norm", "ln_1": "attn_norm",
                 "ln_2": "ffn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"}
        tensors, expected = {}, {}
        for name, data in weights.items():
            turned = ".c_" in name and data.ndim == 2
            q = Q.F32 if data.ndim == 1 else Q.F16 if "c_attn" in name else Q.Q8_0
            data = data.T.copy() if turned else data
            expected[name] = stored(data, q).T.copy() if turned else stored(data, q)
            tensors[gguf_name(name, table)] = (data, q)

        def fill(w):
            w.add_context_length(48); w.add_embedding_length(hidden); w.add_block_count(1); w.add_feed_forward_length(inner)
            w.add_head_count(4); w.add_layer_norm_eps(1e-5)
            byte_tokenizer(w, tokens, merges, "gpt-2")
        write(f"{d}/gpt2.gguf", "gpt2", fill, tensors)
        # Its reader takes the positions and the inner width from nowhere, so the configuration is given.
        loaded, config = from_transformers(d, "gpt2.gguf", config=config)
        same(loaded, expected)
        t = transformers.AutoTokenizer.from_pretrained(d, gguf_file="gpt2.gguf")
        keys = ["n_embd", "n_head", "n_layer", "n_positions", "n_inner", "vocab_size", "activation_function"]
        files["gpt2"] = dict(file=read("gpt2.gguf"), weights=digest(expected), config={k: getattr(config, k) for k in keys}, ids=[t(x).input_ids for x in TEXTS])

        # Qwen 2: biases on q, k and v, rows as they are; its own way to cut text.
        hidden = 32
        weights = llama_weights(rng, hidden, 4, 2, 64, 1, len(tokens), False)
        for part, rows in [("q_proj", 32), ("k_proj", 16), ("v_proj", 16)]:
            weights[f"model.layers.0.self_attn.{part}.bias"] = rng.randn(rows).astype(np.float32)
        tensors = {gguf_name(n, LLAMA): (v, Q.F32 if v.ndim == 1 else Q.Q5_1) for n, v in weights.items()}
        expected = {n: stored(v, Q.F32 if v.ndim == 1 else Q.Q5_1) for n, v in weights.items()}

        def fill(w):
            w.add_context_length(128); w.add_embedding_length(hidden); w.add_block_count(1); w.add_feed_forward_length(64)
            w.add_head_count(4); w.add_head_count_kv(2); w.add_layer_norm_rms_eps(1e-6); w.add_rope_freq_base(1e6)
            byte_tokenizer(w, tokens, merges, "qwen2", add_bos=False)
        write(f"{d}/qwen2.gguf", "qwen2", fill, tensors)
        loaded, config = from_transformers(d, "qwen2.gguf")
        same(loaded, expected)
        tok = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=[tuple(m.split(" ")) for m in merges]))
        tok.normalizer, tok.pre_tokenizer = normalizers.NFC(), transformers.AutoTokenizer.from_pretrained(d, gguf_file="qwen2.gguf").backend_tokenizer.pre_tokenizer
        tok.add_special_tokens(["<|end|>", "<|start|>"])
        files["qwen2"] = dict(file=read("qwen2.gguf"), weights=digest(expected), config=dict(model_type="qwen2", rope_theta=1e6), ids=[tok.encode(x).ids for x in TEXTS])

        # GPT-NeoX: transformers fuses q, k and v head by head; the converter puts all of q first, then k, then v.
        # Files call the head embed_out, whatever the class calls it.
        hidden, heads = 32, 4
        config = transformers.GPTNeoXConfig(vocab_size=len(tokens), hidden_size=hidden, num_attention_heads=heads, num_hidden_layers=1, intermediate_size=64, rotary_pct=0.25, max_position_embeddings=48)
        weights = {k.replace("lm_head", "embed_out"): (rng.randn(*v.shape) * 0.1).astype(np.float32) for k, v in transformers.GPTNeoXForCausalLM(config).state_dict().items() if "rotary" not in k and "masked" not in k and not k.endswith("attention.bias")}
        table = {"gpt_neox.embed_in": "token_embd", "embed_out": "output", "gpt_neox.final_layer_norm": "output_norm", "input_layernorm": "attn_norm",
                 "post_attention_layernorm": "ffn_norm", "attention.query_key_value": "attn_qkv", "attention.dense": "attn_output",
                 "mlp.dense_h_to_4h": "ffn_up", "mlp.dense_4h_to_h": "ffn_down"}
        tensors, expected = {}, {}
        for name, data in weights.items():
            q = Q.F32 if data.ndim == 1 else Q.Q8_0
            expected[name] = stored(data, q)
            if "query_key_value" in name:
                split = data.reshape(heads, 3, hidden // heads, *data.shape[1:])
                data = np.concatenate([split[:, i].reshape(-1, *data.shape[1:]) for i in range(3)])
            tensors[gguf_name(name, table)] = (data, q)

        def fill(w):
            w.add_context_length(48); w.add_embedding_length(hidden); w.add_block_count(1); w.add_feed_forward_length(64)
            w.add_rope_dimension_count(2); w.add_head_count(heads); w.add_parallel_residual(True); w.add_layer_norm_eps(1e-5)
            byte_tokenizer(w, tokens, merges, "olmo")
        write(f"{d}/neox.gguf", "gptneox", fill, tensors)
        files["gptneox"] = dict(file=read("neox.gguf"), weights=digest(expected), config=dict(model_type="gpt_neox", rotary_pct=0.25, hidden_size=hidden, use_parallel_residual=True))
    json.dump(dict(texts=TEXTS, files=files), open(f"{HERE}/gguf.expected.json", "w"), indent=None, separators=(",", ":"))


if __name__ == "__main__":
    main()
