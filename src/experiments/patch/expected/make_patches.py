"""Patches of models that read more than a text, cell by cell with PyTorch: log probabilities of the answer.

The models are the committed folders of src/cli/conformance/expected. A cell puts into the run that is edited what the other
run of its pair has at some positions and heads of a component, in a window of layers; or zero, where it is ablated.

Made with: torch and transformers, numpy, safetensors; float64 on the CPU, eager attention.
Run:       python make_patches.py          (writes patches.expected.json beside this file)
"""
import json, sys, warnings
from pathlib import Path
from types import SimpleNamespace
import numpy as np
import torch
import transformers as hf
from safetensors.torch import load_file

HERE = Path(__file__).parent
FOLDERS = HERE.parents[2] / "cli" / "conformance" / "expected"
sys.path[:0] = [str(FOLDERS), str(HERE.parents[1] / "trace" / "expected")]
from make_inputs import CLASSES, answer as answered, kind_of, stacks_of  # noqa: E402
from make_traces import columns_of  # noqa: E402

# Of each side of a pair: the row of the tensors `base` or `source` that its parts come from.
BASE, SOURCE = "base", "source"
PATCHES = {
    "t5-gated": dict(direction="restore", pairs=[
        dict(clean=dict(text=(BASE, 0), target=(BASE, 0)), corrupted=dict(text=(SOURCE, 0), target=(SOURCE, 0))),
        dict(clean=dict(text=(BASE, 1), target=(BASE, 1)), corrupted=dict(text=(BASE, 1), target=(BASE, 1), last=9))],
        sweeps=[dict(component="encoder.block_output"), dict(component="encoder.head_attention_value_output", by="head"),
                dict(component="block_output", window=2), dict(component="cross_attention_output"), dict(component="cross_key_output"),
                dict(component="head_attention_value_output", by="head"), dict(component="head_cross_attention_value_output", by="head-position")]),
    "t5-gated corrupted": dict(direction="corrupt", pairs=[
        dict(clean=dict(text=(BASE, 0), target=(BASE, 0)), corrupted=dict(text=(SOURCE, 0), target=(BASE, 0)))],
        sweeps=[dict(component="encoder.mlp_output", window=3), dict(component="block_output"), dict(component="cross_value_output")]),
    "t5-gated zero": dict(ablation="zero", pairs=[dict(clean=dict(text=(BASE, 0), target=(BASE, 0)))],
        sweeps=[dict(component="encoder.attention_output"), dict(component="mlp_output"), dict(component="head_cross_attention_value_output", by="head")]),
    "vit-unbiased": dict(direction="restore", parts=2, pairs=[
        dict(clean=dict(image=(BASE, 0)), corrupted=dict(image=(SOURCE, 0))),
        dict(clean=dict(image=(BASE, 1)), corrupted=dict(image=(SOURCE, 1)), exchanged=dict(patches=[1, 0, 3, 2]))],
        sweeps=[dict(component="block_output"), dict(component="mlp_output", window=2),
                dict(component="head_attention_value_output", by="head"), dict(component="head_attention_value_output", by="head-position")]),
    "blip-wide": dict(direction="restore", parts=2, pairs=[
        dict(clean=dict(image=(BASE, 0), words=(BASE, 0)), corrupted=dict(image=(SOURCE, 0), words=(BASE, 0))),
        dict(clean=dict(image=(BASE, 0), words=(BASE, 1)), corrupted=dict(image=(BASE, 0), words=(SOURCE, 1))),
        dict(clean=dict(image=(BASE, 1), words=(BASE, 1)), corrupted=dict(image=(SOURCE, 1), words=(SOURCE, 1)), exchanged=dict(patches=[0, 0, 1, 2]))],
        sweeps=[dict(component="vision.block_output"), dict(component="vision.head_attention_value_output", by="head"),
                dict(component="block_output"), dict(component="cross_attention_output", window=2), dict(component="head_cross_attention_value_output", by="head")]),
    "blip-answers": dict(direction="restore", parts=2, pairs=[
        dict(clean=dict(image=(BASE, 0), text=(BASE, 0), target=(BASE, 0)), corrupted=dict(image=(SOURCE, 0), text=(BASE, 0), target=(BASE, 0))),
        dict(clean=dict(image=(BASE, 0), text=(BASE, 1), target=(BASE, 1)), corrupted=dict(image=(BASE, 0), text=(SOURCE, 1), target=(BASE, 1))),
        dict(clean=dict(image=(BASE, 1), text=(BASE, 1), target=(BASE, 1)), corrupted=dict(image=(BASE, 1), text=(BASE, 1), target=(BASE, 1), last=9)),
        dict(clean=dict(image=(BASE, 1), text=(BASE, 0), target=(BASE, 1)), corrupted=dict(image=(SOURCE, 1), text=(SOURCE, 0), target=(BASE, 1)), exchanged=dict(patches=[0, 0, 1, 2]))],
        sweeps=[dict(component="vision.block_output"), dict(component="vision.head_attention_value_output", by="head"), dict(component="question.cross_key_output"),
                dict(component="question.block_output", window=2), dict(component="question.head_cross_attention_value_output", by="head-position"),
                dict(component="cross_value_output"), dict(component="block_output"), dict(component="head_cross_attention_value_output", by="head")]),
    "blip-answers corrupted": dict(direction="corrupt", parts=2, pairs=[
        dict(clean=dict(image=(BASE, 0), text=(BASE, 0), target=(BASE, 0)), corrupted=dict(image=(SOURCE, 0), text=(BASE, 0), target=(BASE, 0)))],
        sweeps=[dict(component="vision.mlp_output", window=3), dict(component="question.cross_attention_output"), dict(component="cross_key_output")]),
    "blip-answers zero": dict(ablation="zero", parts=2, pairs=[dict(clean=dict(image=(BASE, 0), text=(BASE, 0), target=(BASE, 0)))],
        sweeps=[dict(component="vision.attention_output"), dict(component="question.mlp_output"), dict(component="mlp_output")]),
    "whisper-heads": dict(direction="restore", parts=3, pairs=[
        dict(clean=dict(sound=(BASE, 0), words=(BASE, 0)), corrupted=dict(sound=(SOURCE, 0), words=(BASE, 0))),
        dict(clean=dict(sound=(BASE, 1), words=(BASE, 1)), corrupted=dict(sound=(SOURCE, 1), words=(BASE, 1)), exchanged=dict(seconds=[2, 5]))],
        sweeps=[dict(component="encoder.block_output"), dict(component="encoder.mlp_output", window=2), dict(component="encoder.head_attention_value_output", by="head"),
                dict(component="block_output"), dict(component="head_attention_value_output", by="head")]),
}


def head_count(kind, config, component):
    if kind == "vit":
        return config.num_attention_heads
    if kind == "t5":
        return config.num_heads
    if kind.startswith("blip"):
        return (config.vision_config if component.startswith("vision.") else config.text_config).num_attention_heads
    return config.encoder_attention_heads if component.startswith("encoder.") else config.decoder_attention_heads


def opened(name):
    """The model of a committed folder in float64, how its inputs are made, and runs of it under hooks."""
    folder = FOLDERS / name.split()[0]
    config = hf.AutoConfig.from_pretrained(folder / "model")
    config._attn_implementation = "eager"
    kind = kind_of(json.loads((folder / "model" / "config.json").read_text()))
    model = CLASSES[kind].from_pretrained(folder / "model", config=config).double().eval()
    tensors = load_file(folder / "tensors.safetensors")
    modules = dict(model.named_modules())
    places = {component: (path, layers, at) for path, layers, table in stacks_of(kind, config) for component, at in table.items()}

    def row(key, at):
        values = tensors[key][at:at + 1]
        return values.double() if values.is_floating_point() else values

    def call_of(text=None, target=None, image=None, sound=None, words=None, last=None):
        call = {} if kind in ("vit", "blip", "blip_vqa") else dict(use_cache=False)
        if text:
            call["input_ids"] = row(*text)
            call["decoder_input_ids"] = row(f"{target[0]}.decoder", target[1])[:, :3].clone()
            if last is not None:
                call["decoder_input_ids"][0, -1] = last
        if image:
            call["pixel_values"] = row(f"{image[0]}.pixel_values", image[1])
        if sound:
            call["input_features"] = row(f"{sound[0]}.input_features", sound[1])
        if words:
            first = config.text_config.bos_token_id if kind == "blip" else config.decoder_start_token_id
            call["input_ids" if kind == "blip" else "decoder_input_ids"] = torch.cat([torch.tensor([[first]]), row(*words)[:, :3]], 1)
        return call

    def mixed(clean, other, part):
        """The clean picture or sound with a part of the other."""
        made = dict(other)
        if "patches" in part:
            left, top, right, bottom = (side * (config if kind == "vit" else config.vision_config).patch_size for side in part["patches"])
            made["pixel_values"] = clean["pixel_values"].clone()
            made["pixel_values"][..., top:bottom, left:right] = other["pixel_values"][..., top:bottom, left:right]
        else:
            # A position lasts a second and has two frames.
            frames = slice(2 * part["seconds"][0], 2 * part["seconds"][1])
            made["input_features"] = clean["input_features"].clone()
            made["input_features"][..., frames] = other["input_features"][..., frames]
        return made

    def site(component, layer, change):
        path, _, (below, end) = places[component.replace("head_", "")]
        module = modules[f"{path}.{layer}.{below}".rstrip(".")]

        def before(module, args, kwargs):
            if args:
                return (change(args[0]), *args[1:]), kwargs
            return args, {**kwargs, "hidden_states": change(kwargs["hidden_states"])}

        def after(module, args, out):
            return (change(out[0]), *out[1:]) if isinstance(out, tuple) else change(out)
        return module.register_forward_pre_hook(before, with_kwargs=True) if end == "in" else module.register_forward_hook(after)

    def run(call, hooks=()):
        handles = [site(*each) for each in hooks]
        logits = (answered(model, **call) if kind == "blip_vqa" else model(**call)).logits
        for handle in handles:
            handle.remove()
        return torch.log_softmax(logits[0] if kind == "vit" else logits[0, -1], -1)

    def states_of(call, sites):
        kept = {}

        def keep(key):
            def change(x):
                kept[key] = x.clone()
                return x
            return change
        run(call, [(*each, keep(each)) for each in sites])
        return kept

    def plain_call(call):
        return {key: value[0].flatten().tolist() for key, value in call.items() if key != "use_cache"}
    return SimpleNamespace(model=model, site=site, config=config, kind=kind, places=places, call_of=call_of, mixed=mixed, run=run, states_of=states_of, plain_call=plain_call)


def patch(name, pairs, sweeps, direction="corrupt", ablation=None, parts=None):
    model = opened(name)
    kind, config, places, call_of, mixed, run, plain_call = model.kind, model.config, model.places, model.call_of, model.mixed, model.run, model.plain_call
    calls = []
    for pair in pairs:
        clean = call_of(**pair["clean"])
        other = call_of(**pair["corrupted"]) if "corrupted" in pair else None
        calls.append((clean, mixed(clean, other, pair["exchanged"]) if "exchanged" in pair else other))
    answers = [int(run(clean).argmax()) for clean, _ in calls]

    sites = [(each["component"], layer) for each in sweeps for layer in range(places[each["component"].replace("head_", "")][1])]
    runs = [(clean, None) if ablation else (other, clean) if direction == "restore" else (clean, other) for clean, other in calls]
    sources = [model.states_of(source or base, sites) for base, source in runs]
    grids = []
    for each in sweeps:
        component, by, window = each["component"], each.get("by", "position"), each.get("window", 1)
        plain = component.replace("head_", "")
        layers, heads = places[plain][1], head_count(kind, config, component)
        length = sources[0][component, 0].shape[1]
        is_encoders = component.split(".")[0] in ("encoder", "vision", "question") or plain.startswith(("cross_key", "cross_value"))
        columns = columns_of(kind, config, length, is_encoders, plain)
        everywhere = list(range(length))
        cells = {"position": [(None, column) for column in columns], "head": [(head, everywhere) for head in range(heads)],
                 "head-position": [(head, column) for head in range(heads) for column in columns]}[by]
        grid = []
        for layer in range(layers):
            reach = range(max(0, layer - window // 2), min(layers, layer + -(-window // 2)))
            for head, column in cells:
                found = []
                for pair, (base, _) in enumerate(runs):
                    def put(at):
                        def change(x):
                            x = x.clone()
                            width = x.shape[-1] // heads
                            entries = slice(None) if head is None else slice(head * width, (head + 1) * width)
                            x[:, column, entries] = 0 if ablation else sources[pair][component, at][:, column, entries]
                            return x
                        return change
                    found.append(float(run(base, [(component, at, put(at)) for at in reach])[answers[pair]]))
                grid.append(found)
        grids.append(dict(component=component, by=by, window=window, cells=grid))

    return dict(folder=name.split()[0], direction=direction, **(dict(ablation=ablation) if ablation else {}), **(dict(parts=parts) if parts else {}),
                pairs=[dict(clean=plain_call(call_of(**pair["clean"])), **(dict(corrupted=plain_call(call_of(**pair["corrupted"]))) if "corrupted" in pair else {}),
                            **({"exchanged": pair["exchanged"]} if "exchanged" in pair else {})) for pair in pairs],
                answers=answers, clean=[float(run(clean)[answer]) for (clean, _), answer in zip(calls, answers)],
                corrupted=None if ablation else [float(run(other)[answer]) for (_, other), answer in zip(calls, answers)], sweeps=grids)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    hf.utils.logging.set_verbosity_error()
    with torch.no_grad():
        patches = {name: patch(name, **each) for name, each in PATCHES.items()}
    head = dict(torch=torch.__version__, transformers=hf.__version__, numpy=np.__version__)
    (HERE / "patches.expected.json").write_text(json.dumps({**head, "patches": patches}) + "\n")
    for name, each in patches.items():
        print(f"{name}: clean {each['clean']}, corrupted {each['corrupted']}")
