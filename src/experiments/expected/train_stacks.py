"""train_stacks.py CALLS

Takes the steps of finetunings of models that read more than a text, in float64, and prints for each call of CALLS (a JSON list) a
line of JSON: the loss of each step, and the parameters after the last. Examples run one by one through the models of
src/cli/conformance/expected, edited by hooks at a component of one of their stacks. Needs torch and transformers, numpy, safetensors.

A call: model (its folder), component, layer and, for LoRA, `entering`, another component, and `scaling`; type; initial parameters with
shapes; examples (`inputs` by name, [data, shape] each, `places` of the component's stack, `watched`, `labels`: the first is said at
`watched`, the others behind it); steps (`examples` by place, `rate`).
"""
import sys
import warnings
from pathlib import Path

import torch
import transformers as hf

sys.path.insert(0, str(Path(__file__).parents[1] / "patch" / "expected"))
from make_patches import answered, opened  # noqa: E402
from steps import F, begun, changed, print_trainings, put, stepped, trained, units  # noqa: E402


def tensor_of(given):
    data, shape = given
    made = torch.tensor(data).reshape(shape)
    return made.to(F) if made.is_floating_point() else made


def said_of(model, inputs):
    """[positions, vocabulary], or [1, classes]"""
    call = {name: tensor_of(given) for name, given in inputs.items()}
    if model.kind == "blip_vqa":
        return answered(model.model, **call).logits[0]
    logits = model.model(**call, **({} if model.kind in ("vit", "blip") else dict(use_cache=False))).logits
    return logits if model.kind == "vit" else logits[0]


def loss_of(model, call, p, example):
    """The sum over the tokens of its label."""
    entered = {}

    def enters(x):
        entered["x"] = x
        return x

    def edited(x):
        new = x.clone()
        for place in example["places"]:
            own = entered["x"][0, place] if entered else None
            put(new, 0, [place], call, changed(call, p, units(x, 0, [place], call), None, own, None))
        return new

    handles = [model.site(call["component"], call["layer"], edited)]
    if "entering" in call:
        handles.append(model.site(call["entering"], call["layer"], enters))
    said = said_of(model, example["inputs"])
    for handle in handles:
        handle.remove()
    labels = example["labels"]
    rows = said[example["watched"] : example["watched"] + len(labels)]
    return torch.nn.functional.cross_entropy(rows, torch.tensor(labels), reduction="sum")


def train(call):
    model = opened(call["model"])
    model.model.requires_grad_(False)
    p, losses = begun(call), []
    for step in call["steps"]:
        for value in p.values():
            value.requires_grad_(True)
        examples = [call["examples"][at] for at in step["examples"]]
        count = sum(len(example["labels"]) for example in examples)
        loss = sum(loss_of(model, call, p, example) for example in examples) / count
        losses.append(loss.item())
        p = stepped(p, loss, step["rate"])
    return trained(losses, p)


warnings.filterwarnings("ignore")
hf.utils.logging.set_verbosity_error()
print_trainings(train)
