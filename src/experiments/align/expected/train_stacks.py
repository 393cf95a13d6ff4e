"""train_stacks.py CALLS

Takes the steps of alignments of models that read more than a text, in float64, and prints for each call of CALLS (a JSON list) a
line of JSON: the loss of each step, and the parameters after the last. The models are the committed folders of
src/cli/conformance/expected; their modules are read and edited by forward hooks, each example in a run of its own. A rotation
takes its step in the tangent and comes back by the polar factor of a singular value decomposition; a mask is a step of
torch.optim, with ten times the rate.

A call: model, shape of a picture or a sound, data (their numbers), parts (component, layer, heads and head_width), type,
optimizer, initial parameters with shapes, and steps (examples, rate, temperature). A prompt is a start of a row: tokens with a
source, or data by its place. Needs torch, transformers, safetensors and numpy.
"""
import sys
from pathlib import Path
import torch

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1] / "patch" / "expected"), str(HERE.parents[1] / "expected")]
from make_patches import answered, opened  # noqa: E402
from steps import F, begun, changed, polar, print_trainings, put, tangent, trained, units  # noqa: E402


def call_of(model, given, prompt):
    """What PyTorch is called with for the start of a row."""
    row = lambda tokens: torch.tensor([tokens])
    # As they were given to Patchbay, in float32.
    read = lambda at: torch.tensor(given["data"][at], dtype=torch.float32).to(F).reshape(1, *given["shape"])
    seen = "input_features" if model.kind == "whisper" else "pixel_values"
    if "data" in prompt:
        return {seen: read(prompt["data"])}
    source = prompt["source"]
    if "data" in source:
        own = "input_ids" if model.kind == "blip" else "decoder_input_ids"
        return {own: row(prompt["tokens"]), seen: read(source["data"])}
    call = dict(input_ids=row(source["tokens"]), decoder_input_ids=row(prompt["tokens"]))
    return {**call, seen: read(source["source"]["data"])} if "source" in source else call


def logits_of(model, call, hooks=()):
    """[positions, tokens], or one row of classes"""
    more = dict(use_cache=False) if model.kind in ("t5", "whisper") else {}
    handles = [model.site(*hook) for hook in hooks]
    try:
        out = answered(model.model, **call) if model.kind == "blip_vqa" else model.model(**call, **more)
        return out.logits if model.kind == "vit" else out.logits[0]
    finally:
        for handle in handles:
            handle.remove()


def states(model, call, part, places):
    """The vectors of a site, joined."""
    kept = []

    def keep(x):
        kept.append(units(x, 0, places, part).clone())
        return x
    logits_of(model, call, [(part["component"], part["layer"], keep)])
    [found] = kept
    return found


def loss_of(model, given, p, example, temperature):
    """The sum over the tokens of a label."""
    hooks = []
    for at, part in enumerate(given["parts"]):
        own = {name.removeprefix(f"{at + 1} "): value for name, value in p.items() if name.startswith(f"{at + 1} ") == (at > 0)}
        base_places, source_places = example["places"][at]
        with torch.no_grad():
            source = states(model, call_of(model, given, example["sources"][at]), part, source_places)

        def change(x, part=part, own=own, places=base_places, source=source):
            new = x.clone()
            put(new, 0, places, part, changed(given, own, units(x, 0, places, part), source, None, temperature))
            return new
        hooks.append((part["component"], part["layer"], change))
    logits = logits_of(model, call_of(model, given, example["base"]), hooks)
    return torch.nn.functional.cross_entropy(logits[example["watched"]], torch.tensor(example["label"]), reduction="sum")


def train(given):
    model = opened(given["model"])
    model.model.requires_grad_(False)
    p = {name: value.requires_grad_() for name, value in begun(given).items()}
    masks = [value for name, value in p.items() if "mask" in name]
    kind = dict(adam=torch.optim.Adam, sgd=torch.optim.SGD)[given["optimizer"]]
    optimizer = kind(masks, lr=1) if masks else None
    losses = []
    for step in given["steps"]:
        count = sum(len(example["label"]) for example in step["examples"])
        loss = sum(loss_of(model, given, p, example, step["temperature"]) for example in step["examples"]) / count
        penalty = sum(torch.sigmoid(mask / step["temperature"]).mean() for mask in masks)
        gradients = torch.autograd.grad(loss + penalty, list(p.values()))
        losses.append(loss.item())
        with torch.no_grad():
            for value, gradient in zip(p.values(), gradients):
                if any(value is mask for mask in masks):
                    value.grad = gradient
                else:
                    value.copy_(polar(value - step["rate"] * tangent(value, gradient)))
        if optimizer:
            optimizer.param_groups[0]["lr"] = 10 * step["rate"]
            optimizer.step()
    return trained(losses, p)


print_trainings(train)
