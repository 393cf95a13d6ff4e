"""Writes e2e/pyvene with pyvene 0.1.8, and prints what it computes there: run at the root of the repository."""
import shutil

import pyvene
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

torch.manual_seed(0)
model = AutoModelForCausalLM.from_pretrained("models/tiny-atlas", dtype=torch.float32)
tokenizer = AutoTokenizer.from_pretrained("models/tiny-atlas")
configuration = pyvene.IntervenableConfig(
    [{"layer": 6, "component": "block_output", "low_rank_dimension": 16}],
    intervention_types=pyvene.LowRankRotatedSpaceIntervention,
)
intervenable = pyvene.IntervenableModel(configuration, model)
base, source = (
    tokenizer(f"The {museum} Museum is in downtown", return_tensors="pt") for museum in ("Louvre", "Prado")
)
with torch.no_grad():
    _, output = intervenable(base, [source], {"sources->base": 6})
top = torch.softmax(output.logits[0, -1], -1).topk(3)
print([(tokenizer.decode([token]), float(p)) for token, p in zip(top.indices, top.values)])
shutil.rmtree("e2e/pyvene", ignore_errors=True)
intervenable.save("e2e/pyvene", save_to_hf_hub=False)
