"""pyvene's side of bench/align.

    pyvene_align.py agree MODEL FILE SEED      trains the alignment of FILE (prompts as ids, one site) and prints its IIA
    pyvene_align.py steps MODEL FILE THREADS   times steps: 3 to warm up, then 10

FILE is JSON: component, layer, heads (or null), type, rank, batchSize, epochs, learningRate, train and test, lists of examples
with base, source, labels (one id), basePositions and sourcePositions. Several positions, or heads, are one site. The recipe is `IntervenableModel.train_alignment`: Adam, a linear schedule
with 10 % of warming up, the temperature from 50 to 0.1, here with the boundary as a penalty where there is one.

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


heads = plan["heads"]
unit = "pos" if heads is None else "h.pos"
count = len(plan["train"][0]["basePositions"]) if heads is None else len(heads)


def intervenable():
    options = dict(low_rank_dimension=plan["rank"]) if "rank" in plan else {}
    config = pv.IntervenableConfig(
        model_type=type(model),
        representations=[pv.RepresentationConfig(plan["layer"], plan["component"], unit, count, **options)],
        intervention_types=types[plan["type"]],
    )
    made = pv.IntervenableModel(config, model)
    made.disable_model_gradients()
    return made


longest = max(len(example[side]) for part in ("train", "test") for example in plan[part] for side in ("base", "source"))


def collate(examples):
    """Prompts padded on the right, which a causal model does not see before; labels with the place they stand at."""
    pad = lambda side: torch.tensor([example[side] + [0] * (longest - len(example[side])) for example in examples])
    return {
        "input_ids": pad("base"),
        "source_input_ids": pad("source"),
        "labels": torch.tensor([[example["labels"][0], len(example["base"]) - 1] for example in examples]),
        "source_0->base.0.pos": torch.tensor([example["sourcePositions"] for example in examples]),
        "source_0->base.1.pos": torch.tensor([example["basePositions"] for example in examples]),
    }


def places(batch):
    """Where the site is in sources and bases, as pyvene's call takes it: of heads, heads first and positions after."""
    sides = [batch[f"source_0->base.{side}.pos"].tolist() for side in (0, 1)]
    if heads is None:
        return {"sources->base": tuple([side] for side in sides)}
    return {"sources->base": tuple([[[heads] * len(side), side]] for side in sides)}


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
    (intervention,) = [v for v in made.interventions.values()]
    losses = []

    def loss_of(logits, labels):
        loss = torch.nn.functional.cross_entropy(chosen(logits, labels), labels[:, 0])
        losses.append(loss.item())
        if plan["type"] == "BoundlessRotated":
            loss = loss + plan["penalty"] * intervention.intervention_boundaries.sum()
        return loss

    options = {}
    if plan["type"] == "BoundlessRotated":
        steps = len(loader("train", plan["batchSize"])) * plan["epochs"]
        options["optimizer"] = torch.optim.Adam([
            {"params": intervention.rotate_layer.parameters()},
            {"params": intervention.intervention_boundaries, "lr": plan["boundaryRate"]},
        ], lr=plan["learningRate"])
        options["scheduler"] = hf.get_linear_schedule_with_warmup(options["optimizer"], 0.1 * steps, steps)
    if heads is None:
        made.train_alignment(
            loader("train", plan["batchSize"]), loss_of, accuracy, None,
            lr=plan["learningRate"], epochs=plan["epochs"], **options,
        )
    else:
        # train_alignment makes no locations of heads: its loop, with the same optimiser and schedule.
        steps = len(loader("train", plan["batchSize"])) * plan["epochs"]
        optimizer = torch.optim.Adam(made.get_trainable_parameters(), lr=plan["learningRate"])
        schedule = hf.get_linear_schedule_with_warmup(optimizer, int(0.1 * steps), steps)
        for _ in range(plan["epochs"]):
            for batch in loader("train", plan["batchSize"]):
                _, out = made({"input_ids": batch["input_ids"]}, [{"input_ids": batch["source_input_ids"]}], places(batch))
                loss_of(out.logits, batch["labels"]).backward()
                optimizer.step()
                schedule.step()
                made.set_zero_grad()
    measured = {}
    with torch.no_grad():
        for part in ("train", "test"):
            right = 0
            for batch in loader(part, plan["batchSize"]):
                where = places(batch)
                _, out = made({"input_ids": batch["input_ids"]}, [{"input_ids": batch["source_input_ids"]}], where)
                right += int((chosen(out.logits, batch["labels"]).argmax(-1) == batch["labels"][:, 0]).sum())
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
        where = places(batch)
        _, out = made({"input_ids": batch["input_ids"]}, [{"input_ids": batch["source_input_ids"]}], where)
        loss = torch.nn.functional.cross_entropy(chosen(out.logits, batch["labels"]), batch["labels"][:, 0])
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
        made.set_zero_grad()
        times.append([time.perf_counter() - start, time.process_time() - cpu])
    used = dict(processBytes=memory("VmHWM") - resident)
    print(json.dumps(dict(losses=losses, times=times[3:], memory=used, pyvene=version("pyvene"), torch=torch.__version__)))
