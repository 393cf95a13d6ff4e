"""pyvene's side of bench/align.

    pyvene_align.py agree MODEL FILE SEED      trains the alignment of FILE (prompts as ids, one site) and prints its IIA
    pyvene_align.py steps MODEL FILE THREADS   times steps: 3 to warm up, then 10

FILE is JSON: type, rank, batchSize, epochs, learningRate; parts, mostly one: what is trained together, each with component, layer,
heads (or null), `start`, the rotation to begin with, and `completion`, the base of its parametrisation, or null: then PyTorch
draws what of it is left; train and test, lists of examples with base, labels (one id), and by part sources, basePositions and
sourcePositions. Several positions, or heads, are one site. The recipe is `IntervenableModel.train_alignment`: Adam, a linear
schedule with 10 % of warming up, the temperature from 50 to 0.1, here with the boundary as a penalty where there is one.

Prints one line of JSON. Needs torch, transformers, pyvene; gguf for a .gguf file.
"""
import json
import os
import sys
import time
from importlib.metadata import version

import pyvene as pv
import torch
import transformers as hf
from torch.utils.data import DataLoader

task, path, file, last = sys.argv[1:5]
plan = json.load(open(file))
if path.endswith(".gguf"):
    folder, name = os.path.split(os.path.realpath(path))
    model = hf.AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32).eval()
else:
    model = hf.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()

types = dict(LowRankRotated=pv.LowRankRotatedSpaceIntervention, BoundlessRotated=pv.BoundlessRotatedSpaceIntervention)


def memory(name):
    return next(1024 * int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name + ":"))


parts = plan["parts"]
example = plan["train"][0]
# train_alignment makes neither locations of heads nor several sources.
plain = len(parts) == 1 and parts[0]["heads"] is None


def intervenable():
    options = dict(low_rank_dimension=plan["rank"]) if "rank" in plan else {}

    def representation(part, positions):
        unit, count = ("pos", len(positions)) if part["heads"] is None else ("h.pos", len(part["heads"]))
        return pv.RepresentationConfig(part["layer"], part["component"], unit, count, **options)

    config = pv.IntervenableConfig(
        model_type=type(model),
        representations=[representation(*each) for each in zip(parts, example["basePositions"])],
        intervention_types=types[plan["type"]],
    )
    made = pv.IntervenableModel(config, model)
    made.disable_model_gradients()
    return made


def begin(made):
    """Give every rotation its start."""
    for intervention, part in zip(made.interventions.values(), parts):
        width = intervention.rotate_layer.weight.shape[0]
        with torch.no_grad():
            rotation = torch.tensor(part["start"]).reshape(width, -1)
            intervention.rotate_layer.weight = rotation
            base = intervention.rotate_layer.parametrizations.weight[0].base
            if part["completion"] is not None:
                base.copy_(torch.tensor(part["completion"]).reshape(width, width))
            assert torch.allclose(base.T @ base, torch.eye(width), atol=1e-5)
            assert torch.allclose(intervention.rotate_layer.weight, rotation, atol=1e-6)


prompts = [ids for which in ("train", "test") for example in plan[which] for ids in [example["base"], *example["sources"]]]
longest = max(map(len, prompts))


def collate(examples):
    """Prompts padded on the right, which a causal model does not see before; labels with the place they stand at."""
    pad = lambda rows: torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    return {
        "input_ids": pad([example["base"] for example in examples]),
        "source_input_ids": pad([example["sources"][0] for example in examples]),
        "sources": [{"input_ids": pad([example["sources"][at] for example in examples])} for at in range(len(parts))],
        "labels": torch.tensor([[example["labels"][0], len(example["base"]) - 1] for example in examples]),
        "source_0->base.0.pos": torch.tensor([example["sourcePositions"][0] for example in examples]),
        "source_0->base.1.pos": torch.tensor([example["basePositions"][0] for example in examples]),
        "places": [[[example[side][at] for example in examples] for at in range(len(parts))] for side in ("sourcePositions", "basePositions")],
    }


def places(batch):
    """Where the sites are in sources and bases, as pyvene's call takes it: of heads, heads first and positions after."""
    located = lambda part, own: own if part["heads"] is None else [[part["heads"]] * len(own), own]
    return {"sources->base": tuple([located(*each) for each in zip(parts, side)] for side in batch["places"])}


def run(made, batch):
    _, out = made({"input_ids": batch["input_ids"]}, batch["sources"], places(batch))
    return out.logits


def chosen(logits, labels):
    return logits[torch.arange(len(labels)), labels[:, 1]]


def accuracy(logits, labels):
    (logits,), (labels,) = logits, labels
    return {"accuracy": float((chosen(logits, labels).argmax(-1) == labels[:, 0]).float().mean())}


def loader(part, size):
    return DataLoader(plan[part], batch_size=size, shuffle=False, collate_fn=collate)


if task == "agree":
    torch.manual_seed(int(last))
    made = intervenable()
    begin(made)
    intervention = next(iter(made.interventions.values()))
    losses = []

    def loss_of(logits, labels):
        loss = torch.nn.functional.cross_entropy(chosen(logits, labels), labels[:, 0])
        losses.append(loss.item())
        if plan["type"] == "BoundlessRotated":
            loss = loss + plan["penalty"] * intervention.intervention_boundaries.sum()
        return loss

    steps = len(loader("train", plan["batchSize"])) * plan["epochs"]
    if plain:
        options = {}
        if plan["type"] == "BoundlessRotated":
            options["optimizer"] = torch.optim.Adam([
                {"params": intervention.rotate_layer.parameters()},
                {"params": intervention.intervention_boundaries, "lr": plan["boundaryRate"]},
            ], lr=plan["learningRate"])
            options["scheduler"] = hf.get_linear_schedule_with_warmup(options["optimizer"], 0.1 * steps, steps)
        made.train_alignment(
            loader("train", plan["batchSize"]), loss_of, accuracy, None,
            lr=plan["learningRate"], epochs=plan["epochs"], **options,
        )
    else:
        # Its loop, with the same optimiser and schedule.
        optimizer = torch.optim.Adam(made.get_trainable_parameters(), lr=plan["learningRate"])
        schedule = hf.get_linear_schedule_with_warmup(optimizer, 0.1 * steps, steps)
        for _ in range(plan["epochs"]):
            for batch in loader("train", plan["batchSize"]):
                loss_of(run(made, batch), batch["labels"]).backward()
                optimizer.step()
                schedule.step()
                made.set_zero_grad()
    measured = {}
    with torch.no_grad():
        for part in ("train", "test"):
            right = 0
            for batch in loader(part, plan["batchSize"]):
                right += int((chosen(run(made, batch), batch["labels"]).argmax(-1) == batch["labels"][:, 0]).sum())
            measured[part] = right / len(plan[part])
    boundary = {}
    if plan["type"] == "BoundlessRotated":
        boundary["boundary"] = float(torch.clamp(intervention.intervention_boundaries, 1e-3, 1))
    print(json.dumps(dict(**measured, losses=losses, **boundary, pyvene=version("pyvene"), torch=torch.__version__)))
else:
    torch.set_num_threads(int(last))
    torch.manual_seed(0)
    made = intervenable()
    optimizer = torch.optim.Adam(made.get_trainable_parameters(), lr=plan["learningRate"])
    batches = list(loader("train", plan["batchSize"]))
    losses, times = [], []
    resident = memory("VmRSS")
    open("/proc/self/clear_refs", "w").write("5")  # VmHWM begins anew
    for step in range(13):
        batch = batches[step % len(batches)]
        start, cpu = time.perf_counter(), time.process_time()
        loss = torch.nn.functional.cross_entropy(chosen(run(made, batch), batch["labels"]), batch["labels"][:, 0])
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
        made.set_zero_grad()
        times.append([time.perf_counter() - start, time.process_time() - cpu])
    used = dict(processBytes=memory("VmHWM") - resident)
    print(json.dumps(dict(losses=losses, times=times[3:], memory=used, pyvene=version("pyvene"), torch=torch.__version__)))
