"""As make.py, for models that read a picture or a sound, and for those of two stacks.

`base` and `source` are the decoder's tokens in whisper and blip, the encoder's in t5, whose decoder reads `base.decoder` and
`source.decoder`, and the question's in a BLIP that answers (`blip_vqa` here), whose decoder reads those too; the other inputs are `SIDE.pixel_values` and `SIDE.input_features`. Components of an encoder have
its prefix.

Made with: torch and transformers as cases.json says, safetensors; float32 on the CPU, eager attention.
Run:       python make_inputs.py [NAME ...]                      (the committed folders, beside this file)
           python make_inputs.py --random OUT [--count 40] [--seed 0] [--only vit,t5,...]   (random options, anywhere)
"""
import argparse, json, random, shutil, tempfile, warnings
from pathlib import Path
import torch
import transformers as hf
from safetensors.torch import save_file
from make import HERE, VOCABULARY, differentiate, hook, randomize
from sites import BERT, block

LABELS = {str(i): f"class {i}" for i in range(VOCABULARY)}
VIT = dict(model_type="vit", hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=20, image_size=12, patch_size=4, id2label=LABELS, label2id={v: int(k) for k, v in LABELS.items()},
           hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
T5 = dict(model_type="t5", vocab_size=VOCABULARY, d_model=16, d_kv=6, d_ff=20, num_layers=2, num_heads=3, relative_attention_num_buckets=8, relative_attention_max_distance=10, dropout_rate=0.0,
          decoder_start_token_id=0, pad_token_id=0, eos_token_id=1)
WHISPER = dict(model_type="whisper", vocab_size=VOCABULARY, d_model=16, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=2, encoder_ffn_dim=20, decoder_ffn_dim=24, num_mel_bins=5,
               max_source_positions=7, max_target_positions=20, pad_token_id=0, bos_token_id=0, eos_token_id=1, decoder_start_token_id=3, suppress_tokens=None, begin_suppress_tokens=None)
TEXT = dict(vocab_size=VOCABULARY, hidden_size=16, encoder_hidden_size=16, intermediate_size=20, num_hidden_layers=2, num_attention_heads=2, max_position_embeddings=20, bos_token_id=2, eos_token_id=3, sep_token_id=3,
            pad_token_id=0, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, is_decoder=True)
VISION = dict(hidden_size=16, intermediate_size=20, num_hidden_layers=2, num_attention_heads=4, image_size=12, patch_size=6)
BLIP = dict(model_type="blip", text_config=TEXT, vision_config=VISION)
ANSWERS = dict(BLIP, architectures=["BlipForQuestionAnswering"])

# name: (length of the tokens, configuration)
VARIANTS = {
    "vit-unbiased": (10, dict(VIT, qkv_bias=False, hidden_act="gelu_new", layer_norm_eps=1e-3, image_size=[8, 16], num_channels=2)),
    "t5-gated": (6, dict(T5, feed_forward_proj="gated-gelu", num_layers=3, num_decoder_layers=2, scale_decoder_outputs=False)),
    "t5-old-tied": (7, dict(T5, feed_forward_proj="relu", relative_attention_num_buckets=5, num_heads=2)),
    "whisper-heads": (6, dict(WHISPER, activation_function="relu")),
    "blip-wide": (6, dict(BLIP, vision_config=dict(VISION, hidden_size=24, num_hidden_layers=3, layer_norm_eps=1e-3), text_config=dict(TEXT, encoder_hidden_size=24, hidden_act="relu"))),
    # The widths of picture and text are one: the decoder's keys are made of the question by matrices of the picture's width.
    "blip-answers": (7, dict(ANSWERS, vision_config=dict(VISION, num_hidden_layers=3, layer_norm_eps=1e-3), text_config=dict(TEXT, num_attention_heads=4, hidden_act="gelu_new"))),
}


def kind_of(config):
    return "blip_vqa" if config.get("architectures") == ANSWERS["architectures"] else config["model_type"]


def cross(attention, project, each):
    return {"cross_attention_input": (attention, "in"), "cross_attention_value_output": (f"{attention}.{project}", "in"), "cross_attention_output": (attention, "out"),
            **{f"cross_{part}_output": (f"{attention}.{name}", "out") for part, name in zip(("query", "key", "value"), each)}}


def stacks_of(kind, config):
    """(path of the layers, how many, components by site) of each stack."""
    if kind == "vit":
        return [("vit.layers", config.num_hidden_layers, block("attention", "o_proj", "mlp", "mlp.activation_fn"))]
    if kind == "t5":
        each = ("q", "k", "v")
        half = lambda last: block("layer.0.SelfAttention", "o", f"layer.{last}.DenseReluDense", f"layer.{last}.DenseReluDense.act", each=each)
        of = "layer.1.EncDecAttention"
        return [("encoder.block", config.num_layers, prefixed("encoder.", half(1))), ("decoder.block", config.num_decoder_layers, {**half(2), **cross(of, "o", each)})]
    if kind == "whisper":
        half = {**block("self_attn", "out_proj", "fc1", "activation_fn"), "mlp_output": ("fc2", "out")}
        return [("model.encoder.layers", config.encoder_layers, prefixed("encoder.", half)),
                ("model.decoder.layers", config.decoder_layers, {**half, **cross("encoder_attn", "out_proj", ("q_proj", "k_proj", "v_proj"))})]
    vision = block("self_attn", "projection", "mlp", "mlp.activation_fn", "qkv")
    of = "crossattention"
    text = {**BERT, **{"cross_attention_input": (f"{of}.self", "in"), "cross_attention_value_output": (f"{of}.output.dense", "in"), "cross_attention_output": (f"{of}.output.dense", "out"),
                       **{f"cross_{part}_output": (f"{of}.self.{part}", "out") for part in ("query", "key", "value")}}}
    question = [("text_encoder.encoder.layer", config.text_config.num_hidden_layers, prefixed("question.", text))] if kind == "blip_vqa" else []
    return [("vision_model.encoder.layers", config.vision_config.num_hidden_layers, prefixed("vision.", {k: v for k, v in vision.items() if k != "qkv"})), *question,
            ("text_decoder.bert.encoder.layer", config.text_config.num_hidden_layers, text)]


def prefixed(prefix, table):
    return {prefix + name: place for name, place in table.items()}


CLASSES = dict(vit=hf.ViTForImageClassification, t5=hf.T5ForConditionalGeneration, whisper=hf.WhisperForConditionalGeneration, blip=hf.BlipForConditionalGeneration, blip_vqa=hf.BlipForQuestionAnswering)


def answer(model, pixel_values, input_ids, decoder_input_ids, output_attentions=False):
    """What BlipForQuestionAnswering.generate computes in each pass; its forward gives no logits."""
    seen = lambda states: dict(encoder_hidden_states=states, encoder_attention_mask=torch.ones(states.shape[:2], dtype=torch.long), output_attentions=output_attentions)
    image = model.vision_model(pixel_values=pixel_values, output_attentions=output_attentions)
    question = model.text_encoder(input_ids=input_ids, **seen(image.last_hidden_state))
    out = model.text_decoder(input_ids=decoder_input_ids, **seen(question.last_hidden_state))
    out.stacks = {"vision.": image, "question.": question, "": out}
    return out


def start_of(kind, config):
    return config.text_config.bos_token_id if kind.startswith("blip") else config.decoder_start_token_id


def inputs_of(kind, config, length, generator):
    """By side what the model is called with, and the tensors as they are named."""
    draw = lambda count: torch.randint(2, VOCABULARY, (2, count), generator=generator)
    calls, tensors = {}, {}
    for side in ("base", "source"):
        call = {}
        if kind in ("vit", "blip", "blip_vqa"):
            of = config if kind == "vit" else config.vision_config
            size = of.image_size if isinstance(of.image_size, (list, tuple)) else (of.image_size, of.image_size)
            call["pixel_values"] = torch.randn(2, getattr(of, "num_channels", 3), *size, generator=generator)
        if kind == "whisper":
            call["input_features"] = torch.randn(2, config.num_mel_bins, 2 * config.max_source_positions, generator=generator)
        tensors.update({f"{side}.{name}": value for name, value in call.items()})
        if kind != "vit":
            tensors[side] = draw(length)
        if kind in ("t5", "blip_vqa"):
            tensors[f"{side}.decoder"] = torch.cat([torch.full((2, 1), start_of(kind, config)), draw(length - (3 if kind == "blip_vqa" else 1))], 1)
        if kind == "blip":
            call["input_ids"] = tensors[side]
        elif kind == "whisper":
            call["decoder_input_ids"] = tensors[side]
        elif kind in ("t5", "blip_vqa"):
            call.update(input_ids=tensors[side], decoder_input_ids=tensors[f"{side}.decoder"])
        calls[side] = call
    return calls, tensors


def patterns_by(kind):
    def of(out):
        if kind == "vit":
            return {"attention_weight": out.attentions}
        if kind == "blip":
            return {"vision.attention_weight": out.attentions}
        if kind == "blip_vqa":
            crossed = {f"{prefix}cross_attention_weight": each.cross_attentions for prefix, each in out.stacks.items() if prefix != "vision."}
            return {**{f"{prefix}attention_weight": each.attentions for prefix, each in out.stacks.items()}, **crossed}
        return {"encoder.attention_weight": out.encoder_attentions, "attention_weight": out.decoder_attentions, "cross_attention_weight": out.cross_attentions}
    return of


def greedy(kind, model, run, call, steps):
    """What the decoder writes, one whole pass a token."""
    first = start_of(kind, model.config)
    name = "input_ids" if kind == "blip" else "decoder_input_ids"
    ids = torch.tensor([[first]])
    for _ in range(steps):
        given = {key: value[:1] for key, value in call.items() if key != name}
        ids = torch.cat([ids, run({**given, name: ids}).logits[:, -1:].argmax(-1)], 1)
    if kind == "blip_vqa":
        given = {key: value[:1] for key, value in call.items() if key != name}
        own = model.generate(**given, max_new_tokens=steps, min_new_tokens=steps, do_sample=False, num_beams=1, suppress_tokens=None)
        # Its generation forbids the end until so many are written; ours in this file does not.
        if model.config.text_config.sep_token_id not in ids:
            assert own.tolist() == ids.tolist(), (own, ids)
    return ids


def make(folder, length, config, seed, swapped=None):
    """Write a folder. `swapped` are the components of layer 1 that are taken from another run; all where None."""
    kind = kind_of(config)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    generator = torch.Generator().manual_seed(seed)
    read = hf.AutoConfig.from_pretrained(folder / "model")
    read._attn_implementation = "eager"
    model = randomize(CLASSES[kind](read), generator)
    with tempfile.TemporaryDirectory() as saved:
        model.save_pretrained(saved)
        shutil.copy(Path(saved) / "model.safetensors", folder / "model")
    calls, tensors = inputs_of(kind, model.config, length, generator)
    stacks = stacks_of(kind, model.config)
    seen, edit = {}, {}

    def visit(key, value, can_change=True):
        value = edit[key](value) if key in edit and can_change else value
        seen[key] = value.clone()
        return value

    handles = [handle for path, layers, table in stacks for handle in hook(model, path, table, layers, visit, (2, length))]
    cached = dict(use_cache=False) if kind in ("t5", "whisper") else {}
    run = lambda call: answer(model, **call, output_attentions=True) if kind == "blip_vqa" else model(**call, **cached, output_attentions=True)
    run(calls["source"])
    from_source = dict(seen)
    out = run(calls["base"])
    patterns = {f"{layer}.{name}": weight for name, each in patterns_by(kind)(out).items() for layer, weight in enumerate(each)}
    tensors["base.logits"] = out.logits
    tensors.update({f"base.act.{key}": value for key, value in [*seen.items(), *patterns.items()]})
    names = [name for _, _, table in stacks for name in table]
    cases = [dict(kind="activations", components=[*names, *patterns_by(kind)(out)], layers=max(layers for _, layers, _ in stacks))]
    for component in names if swapped is None else swapped:
        key = f"1.{component}"
        at, to = 1, seen[key].shape[1] - 2

        def swap(value):
            value = value.clone()
            value[:, to] = from_source[key][:, at]
            return value
        edit[key] = swap
        tensors[f"swap.{key}"] = run(calls["base"]).logits
        edit.clear()
        cases.append(dict(kind="interchange", layer=1, component=component, source_position=at, base_position=to, output=f"swap.{key}"))
    with torch.enable_grad():
        differentiate(run, calls["base"], seen["1.mlp_output"].shape[1], edit, seen, from_source, generator, tensors, cases, patterns_by(kind))
    for handle in handles:
        handle.remove()
    if kind != "vit":
        tensors["generate.greedy"] = greedy(kind, model, run, calls["base"], 6)
        cases.append(dict(kind="generate", input="base.input_features[0:1]" if kind == "whisper" else "base[0:1]", max_new_tokens=6, output="generate.greedy"))
    save_file({k: v.detach().contiguous() for k, v in tensors.items()}, folder / "tensors.safetensors")
    head = dict(family=config["model_type"], seed=seed, torch=torch.__version__, transformers=hf.__version__)
    (folder / "cases.json").write_text(json.dumps({**head, "cases": cases}, indent=1) + "\n")
    print(f"{folder.name}: |logits| up to {out.logits.abs().max():.1f}, attention up to {max(w[..., -1, :].max() for w in patterns.values()):.2f}", flush=True)


def random_config(kind, r):
    """Options that the family's configuration knows."""
    heads, act, epsilon = r.choice([1, 2, 3, 4]), r.choice(["gelu", "relu", "gelu_new", "silu", "quick_gelu"]), r.choice([1e-12, 1e-5, 1e-3])
    width = heads * r.choice([4, 6, 8])
    inner = r.choice([12, 20, 33])
    size = lambda: r.choice([2, 4, 5]) * 4
    if kind == "vit":
        image = r.choice([size(), [size(), size()]])
        return dict(VIT, hidden_size=width, num_attention_heads=heads, intermediate_size=inner, num_hidden_layers=r.choice([2, 3]), hidden_act=act, layer_norm_eps=epsilon, qkv_bias=r.random() < 0.5,
                    image_size=image, patch_size=r.choice([4, [4, 2], 2]), num_channels=r.choice([1, 3]))
    if kind == "t5":
        config = dict(T5, d_model=width, d_kv=r.choice([4, 7]), d_ff=inner, num_heads=heads, num_layers=r.choice([2, 3]), feed_forward_proj=r.choice(["relu", "gated-gelu", "gated-silu", "gelu"]),
                      relative_attention_num_buckets=r.choice([5, 8, 32]), relative_attention_max_distance=r.choice([9, 20, 128]), layer_norm_epsilon=max(epsilon, 1e-6))
        config.update(r.choice([{}, dict(tie_word_embeddings=True), dict(scale_decoder_outputs=False), dict(tie_word_embeddings=False), dict(num_decoder_layers=2)]))
        return config
    if kind == "whisper":
        other = r.choice([h for h in (1, 2, 3, 4) if width % h == 0])
        return dict(WHISPER, d_model=width, encoder_attention_heads=heads, decoder_attention_heads=other, encoder_ffn_dim=inner, decoder_ffn_dim=r.choice([12, 17]), encoder_layers=r.choice([2, 3]),
                    activation_function=act, num_mel_bins=r.choice([3, 8]), max_source_positions=r.choice([5, 9, 12]), scale_embedding=r.random() < 0.5)
    vision_heads = r.choice([1, 2, 4] if kind == "blip" else [h for h in (1, 2, 3, 4) if width % h == 0])
    vision = dict(VISION, hidden_size=vision_heads * r.choice([4, 8]) if kind == "blip" else width, num_attention_heads=vision_heads, intermediate_size=r.choice([12, 25]), num_hidden_layers=r.choice([2, 3]), hidden_act=r.choice(["gelu", "relu"]),
                  layer_norm_eps=epsilon, image_size=size(), patch_size=r.choice([2, 4]))
    text = dict(TEXT, hidden_size=width, encoder_hidden_size=vision["hidden_size"], num_attention_heads=heads, intermediate_size=inner, num_hidden_layers=r.choice([2, 3]), hidden_act=act, layer_norm_eps=epsilon)
    return dict(BLIP if kind == "blip" else ANSWERS, vision_config=vision, text_config=text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--random", type=Path)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default=",".join(CLASSES))
    args = parser.parse_args()
    torch.set_num_threads(1)
    hf.utils.logging.set_verbosity_error()
    hf.utils.logging.disable_progress_bar()
    warnings.filterwarnings("ignore")
    with torch.no_grad():
        for kind in args.only.split(",") if args.random else []:
            for index in range(args.count):
                r = random.Random(f"{kind} {args.seed} {index}")
                make(args.random / f"{kind}-{index}", r.choice([5, 7, 9, 14]), random_config(kind, r), r.randrange(2**31))
        for index, (name, (length, config)) in enumerate(VARIANTS.items()):
            if not args.random and (not args.names or name in args.names):
                # A few components a folder: the sum of all is in the folders that lie beside the repository.
                read = hf.AutoConfig.for_model(**config)
                names = [part for _, _, table in stacks_of(kind_of(config), read) for part in table]
                make(HERE / name, length, config, 500 + index, names[index % 3 :: 3])
