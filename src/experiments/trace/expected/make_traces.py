"""Causal traces of models that read more than a text, cell by cell with PyTorch: probabilities of the answer.

The models are the committed folders of src/cli/conformance/expected. Noise is NumPy's, [samples, positions, width], on the
embeddings; a cell puts back what the clean run has at some positions of a component in a window of layers.

Made with: torch and transformers, numpy, safetensors; float64 on the CPU, eager attention.
Run:       python make_traces.py          (writes traces.expected.json beside this file)
"""
import json, sys, warnings
from pathlib import Path
import numpy as np
import torch
import transformers as hf
from safetensors.torch import load_file

HERE = Path(__file__).parent
FOLDERS = HERE.parents[2] / "cli" / "conformance" / "expected"
sys.path.insert(0, str(FOLDERS))
from make_inputs import CLASSES, answer as answered, kind_of, stacks_of  # noqa: E402

# What is corrupted: the module whose embeddings it has, whether they enter or leave it, and the positions.
TRACES = {
    "t5-gated": dict(
        corrupted=("encoder.block.0", "in", [1, 2]), samples=2, seed=3, level=0.8, direction="restore",
        streams=[("encoder.block_output", 1), ("encoder.mlp_output", 2), ("block_output", 1), ("cross_attention_output", 1), ("cross_value_output", 1)]),
    "vit-unbiased": dict(
        corrupted=("vit.layers.0", "in", [2, 3, 6, 7]), samples=2, seed=4, level=1.5, direction="restore",
        streams=[("block_output", 1), ("attention_output", 2)]),
    "blip-wide": dict(
        corrupted=("vision_model.encoder.layers.0", "in", [1, 3]), samples=2, seed=5, level=1.5, direction="restore",
        streams=[("vision.block_output", 1), ("block_output", 1), ("vision.attention_output", 3)]),
    "blip-wide words": dict(
        corrupted=("text_decoder.bert.embeddings.word_embeddings", "out", [1, 2]), samples=2, seed=6, level=1.5, direction="corrupt",
        streams=[("vision.block_output", 1), ("block_output", 1), ("cross_attention_output", 2)]),
    # A word of the question: the picture that it reads stays as it is.
    "blip-answers": dict(
        corrupted=("text_encoder.embeddings.word_embeddings", "out", [1, 2]), samples=2, seed=8, level=1.5, direction="restore",
        streams=[("question.block_output", 1), ("question.mlp_output", 2), ("question.cross_attention_output", 1), ("cross_value_output", 1), ("block_output", 1)]),
    # Patches of the picture that the question is about, and its states wherever they are read.
    "blip-answers patches": dict(
        corrupted=("vision_model.encoder.layers.0", "in", [1, 3]), samples=2, seed=9, level=1.5, direction="restore",
        streams=[("vision.block_output", 1), ("vision.attention_output", 2), ("question.cross_value_output", 1), ("question.block_output", 1), ("cross_value_output", 2), ("block_output", 1)]),
    "blip-answers patches corrupt": dict(
        corrupted=("vision_model.encoder.layers.0", "in", [2]), samples=2, seed=10, level=2.0, direction="corrupt",
        streams=[("vision.block_output", 1), ("question.cross_attention_output", 2), ("cross_attention_output", 1)]),
    "blip-answers words": dict(
        corrupted=("text_encoder.embeddings.word_embeddings", "out", [2]), samples=2, seed=11, level=1.5, direction="restore",
        streams=[("vision.block_output", 1), ("question.block_output", 1)]),
    "whisper-heads": dict(
        corrupted=("model.encoder.layers.0", "in", [2, 3, 4]), samples=2, seed=7, level=2.0, direction="restore",
        streams=[("encoder.block_output", 1), ("encoder.mlp_output", 2), ("block_output", 1)]),
    # What `source` has at these positions stands there: patches of a picture, frames of a sound.
    "vit-unbiased exchanged": dict(corrupted=("", "", [2, 3, 6, 7]), samples=1, seed=0, level=0, direction="restore", streams=[("block_output", 1), ("mlp_output", 2)]),
    "blip-answers exchanged": dict(corrupted=("", "", [1, 3]), samples=1, seed=0, level=0, direction="restore", streams=[("vision.mlp_output", 2), ("question.block_output", 1), ("block_output", 1)]),
    "whisper-heads exchanged": dict(corrupted=("", "", [2, 3, 4]), samples=1, seed=0, level=0, direction="corrupt", streams=[("encoder.block_output", 1), ("block_output", 1)]),
}


def columns_of(kind, config, length, isEncoders, component=""):
    """Positions that are put back together."""
    isPictures = component.startswith(("vision.", "question.cross_key", "question.cross_value"))
    if kind == "vit" or (kind == "blip" and isEncoders) or (kind == "blip_vqa" and isPictures):
        vision = config if kind == "vit" else config.vision_config
        size = vision.image_size if isinstance(vision.image_size, (list, tuple)) else (vision.image_size, vision.image_size)
        down, across = (side // vision.patch_size for side in size)
        parts = lambda count: [range(part * count // min(2, count), (part + 1) * count // min(2, count)) for part in range(min(2, count))]
        return [[0]] + [[1 + y * across + x for y in ys for x in xs] for ys in parts(down) for xs in parts(across)]
    if kind == "whisper" and isEncoders:
        return [list(range(part * length // 3, (part + 1) * length // 3)) for part in range(3)]
    return [[at] for at in range(length)]


def trace(name, corrupted, samples, seed, level, direction, streams):
    folder = FOLDERS / name.split()[0]
    config = hf.AutoConfig.from_pretrained(folder / "model")
    config._attn_implementation = "eager"
    kind = kind_of(json.loads((folder / "model" / "config.json").read_text()))
    model = CLASSES[kind].from_pretrained(folder / "model", config=config).double().eval()
    tensors = load_file(folder / "tensors.safetensors")
    row = lambda key: tensors[key][:1].double() if tensors[key].is_floating_point() else tensors[key][:1]
    call = {"vit": lambda: dict(pixel_values=row("base.pixel_values")),
            "blip": lambda: dict(pixel_values=row("base.pixel_values"), input_ids=torch.cat([torch.tensor([[config.text_config.bos_token_id]]), row("base")[:, :3]], 1)) if kind == "blip" else None,
            "blip_vqa": lambda: dict(pixel_values=row("base.pixel_values"), input_ids=row("base"), decoder_input_ids=row("base.decoder")[:, :3]),
            "t5": lambda: dict(input_ids=row("base"), decoder_input_ids=row("base.decoder")[:, :3], use_cache=False),
            "whisper": lambda: dict(input_features=row("base.input_features"), decoder_input_ids=torch.cat([torch.tensor([[config.decoder_start_token_id]]), row("base")[:, :2]], 1), use_cache=False)}[kind]()
    modules = dict(model.named_modules())
    places = {component: (path, layers, at) for path, layers, table in stacks_of(kind, config) for component, at in table.items()}

    def at_module(path, side, change):
        def before(module, args, kwargs):
            if args:
                return (change(args[0]), *args[1:]), kwargs
            return args, {**kwargs, "hidden_states": change(kwargs["hidden_states"])}

        def after(module, args, out):
            return (change(out[0]), *out[1:]) if isinstance(out, tuple) else change(out)
        module = modules[path]
        return module.register_forward_pre_hook(before, with_kwargs=True) if side == "in" else module.register_forward_hook(after)

    def run(hooks):
        handles = [at_module(*each) for each in hooks if each[0] != "exchanged"]
        given = other if any(each[0] == "exchanged" for each in hooks) else call
        logits = (answered(model, **given) if kind == "blip_vqa" else model(**given)).logits
        for handle in handles:
            handle.remove()
        last = logits[0] if kind == "vit" else logits[0, -1]
        return torch.softmax(last, -1)

    path, side, positions = corrupted
    other = dict(call)
    if name.endswith("exchanged") and kind != "whisper":
        vision = config if kind == "vit" else config.vision_config
        size = vision.image_size[1] if isinstance(vision.image_size, (list, tuple)) else vision.image_size
        other["pixel_values"], across = call["pixel_values"].clone(), size // vision.patch_size
        for at in positions:
            top, left = ((at - 1) // across * vision.patch_size, (at - 1) % across * vision.patch_size)
            place = (slice(None), slice(None), slice(top, top + vision.patch_size), slice(left, left + vision.patch_size))
            other["pixel_values"][place] = row("source.pixel_values")[place]
    elif name.endswith("exchanged"):
        frames = [2 * at + half for at in positions for half in (0, 1)]
        other["input_features"] = call["input_features"].clone()
        other["input_features"][..., frames] = row("source.input_features")[..., frames]
    seen = {}

    def measure(x):
        seen["width"] = x.shape[-1]
        return x
    clean = run([(path, side, measure)] if path else [])
    answer = int(clean.argmax())
    noise = level * np.random.RandomState(seed).randn(samples, len(positions), seen.get("width", 1))
    # Patchbay's noise is rounded to float32.
    noise = torch.from_numpy(noise).float().double()

    def corrupt(sample):
        if not path:
            return ("exchanged", "", None)

        def change(x):
            x = x.clone()
            x[:, positions] += noise[sample]
            return x
        return (path, side, change)

    def states(hooks):
        """Every component of the streams at every layer."""
        kept = {}

        def keep(key):
            def change(x):
                kept[key] = x.clone()
                return x
            return change
        sites = [(f"{places[component][0]}.{layer}.{places[component][2][0]}".rstrip("."), places[component][2][1], keep((component, layer))) for component, _ in streams for layer in range(places[component][1])]
        run(hooks + sites)
        return kept
    clean_states = states([])
    corrupted_states = [states([corrupt(sample)]) for sample in range(samples)]
    grids = []
    for component, window in streams:
        base, layers, (below, end) = places[component]
        is_encoders = component.split(".")[0] in ("encoder", "vision", "question") or component.startswith("cross_value")
        columns = columns_of(kind, config, clean_states[component, 0].shape[1], is_encoders, component)
        grid = []
        for layer in range(layers):
            reach = range(max(0, layer - window // 2), min(layers, layer + -(-window // 2)))
            for column in columns:
                found = []
                for sample in range(samples):
                    source = clean_states if direction == "restore" else corrupted_states[sample]

                    def put(at):
                        def change(x):
                            x = x.clone()
                            x[:, column] = source[component, at][:, column]
                            return x
                        return change
                    hooks = [(f"{base}.{at}.{below}".rstrip("."), end, put(at)) for at in reach]
                    found.append(float(run(([corrupt(sample)] if direction == "restore" else []) + hooks)[answer]))
                grid.append(found)
        grids.append(dict(component=component, window=window, cells=grid))
    sides = {"": "base", **({} if path else {"other_": "source"})}
    inputs = {prefix + key: tensors[f"{side}.{key}"][0].flatten().tolist() for prefix, side in sides.items() for key in ("pixel_values", "input_features") if f"{side}.{key}" in tensors}
    ids = {key: call[key][0].tolist() for key in ("input_ids", "decoder_input_ids") if key in call}
    return dict(folder=name.split()[0], direction=direction, positions=positions, isOfWords=name.endswith("words"), samples=samples, seed=seed, level=level, answer=answer,
                clean=float(clean[answer]), corrupted=[float(run([corrupt(sample)])[answer]) for sample in range(samples)], **inputs, **ids, streams=grids)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    hf.utils.logging.set_verbosity_error()
    with torch.no_grad():
        traces = {name: trace(name, **each) for name, each in TRACES.items()}
    head = dict(torch=torch.__version__, transformers=hf.__version__, numpy=np.__version__)
    (HERE / "traces.expected.json").write_text(json.dumps({**head, "traces": traces}) + "\n")
    for name, each in traces.items():
        print(f"{name}: clean {each['clean']:.4f}, corrupted {each['corrupted']}")
