"""pyreft's side of bench/finetune.

    pyreft_finetune.py MODEL FILE

FILE is JSON: type (LoReFT or NoReFT), layer, rank, learningRate, clip, start (rotation or projection, weight, bias: what both
begin with), completion (what the other columns of the parametrisation's base are, or null: then PyTorch draws them), and
batches, one for each step: lists of examples with prompt and continuation as ids. The recipe is that of transformers' Trainer,
by which pyreft trains: AdamW without decay, a straight line down to 0, gradients clipped; one intervention at the block's
output of the last token of each prompt.

Prints one line of JSON: the loss of each step. Needs torch, transformers, pyvene and pyreft.
"""
import json
import sys
from importlib.metadata import version

import pyreft
import pyvene as pv
import torch
import transformers as hf

path, file = sys.argv[1:3]
plan = json.load(open(file))
model = hf.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
width, rank = model.config.hidden_size, plan["rank"]

options = dict(embed_dim=width, low_rank_dimension=rank, dtype=torch.float32)
start = {name: torch.tensor(numbers) for name, numbers in plan["start"].items()}
with torch.no_grad():
    if plan["type"] == "LoReFT":
        intervention = pyreft.LoreftIntervention(**options)
        rotation = start["rotation"].reshape(width, rank)
        # The setter completes the columns to an orthonormal base; writing into the old base would leave it none.
        torch.manual_seed(0)
        intervention.rotate_layer.weight = rotation
        base = intervention.rotate_layer.parametrizations.weight[0].base
        if plan["completion"] is not None:
            base.copy_(torch.tensor(plan["completion"]).reshape(width, width))
        assert torch.allclose(base.T @ base, torch.eye(width), atol=1e-5)
        assert torch.allclose(intervention.rotate_layer.weight, rotation, atol=1e-6)
    else:
        intervention = pyreft.NoreftIntervention(add_bias=False, **options)
        intervention.proj_layer.weight.copy_(start["projection"].reshape(rank, width))
    intervention.learned_source.weight.copy_(start["weight"].reshape(rank, width))
    intervention.learned_source.bias.copy_(start["bias"])

made = pv.IntervenableModel(
    [{"layer": plan["layer"], "component": "block_output", "intervention": intervention, "low_rank_dimension": rank}], model
)
made.disable_model_gradients()
optimizer = torch.optim.AdamW(made.get_trainable_parameters(), lr=plan["learningRate"], weight_decay=0)
schedule = hf.get_linear_schedule_with_warmup(optimizer, 0, len(plan["batches"]))
losses = []
for batch in plan["batches"]:
    rows = [example["prompt"] + example["continuation"] for example in batch]
    longest = max(map(len, rows))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    labels = torch.full_like(ids, -100)
    for row, example in enumerate(batch):
        first = len(example["prompt"])
        labels[row, first : len(rows[row])] = torch.tensor(example["continuation"])
    places = [[len(example["prompt"]) - 1] for example in batch]
    _, out = made({"input_ids": ids}, unit_locations={"sources->base": (None, [places])})
    loss = torch.nn.functional.cross_entropy(out.logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)
    losses.append(loss.item())
    loss.backward()
    torch.nn.utils.clip_grad_norm_(made.get_trainable_parameters(), plan["clip"])
    optimizer.step()
    schedule.step()
    optimizer.zero_grad()
print(json.dumps(dict(losses=losses, source=f"pyreft {version('pyreft')}")))
