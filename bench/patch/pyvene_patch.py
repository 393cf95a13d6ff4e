"""pyvene's side of bench/patch: as in its tutorials, every cell builds an IntervenableModel with one interchange
intervention and runs it once, the corrupted prompt as base and the clean one as source. A sample of cells, the time of
all of them extrapolated.

Prints one line of JSON. Needs torch, transformers, gguf, pyvene.
"""
import json
import os
import sys
import time
from importlib.metadata import version

import numpy as np
import pyvene as pv
import torch
import transformers as hf

path, (per_component, threads) = sys.argv[1], map(int, sys.argv[2:4])
torch.set_num_threads(threads)
folder, file = os.path.split(os.path.realpath(path))
tokenizer = hf.AutoTokenizer.from_pretrained(folder, gguf_file=file)
model = hf.AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval()
clean, corrupted = (
    tokenizer(f"When Mary and John went to the store, {name} gave a drink to", return_tensors="pt")
    for name in ("John", "Mary")
)
answer, distractor = (tokenizer(name, add_special_tokens=False).input_ids[0] for name in (" Mary", " John"))
layers, heads, length = model.config.num_hidden_layers, model.config.num_attention_heads, clean.input_ids.shape[1]
head_output = "head_attention_value_output"
columns = dict(block_output=length, mlp_output=length, attention_output=length, head_attention_value_output=heads)


def run_cell(component, layer, column):
    config = pv.IntervenableConfig(
        model_type=type(model),
        representations=[pv.RepresentationConfig(layer, component, "h" if component == head_output else "pos", 1)],
        intervention_types=pv.VanillaIntervention,
    )
    intervenable = pv.IntervenableModel(config, model)
    at = [[[column]]]
    _, out = intervenable(corrupted, [clean], {"sources->base": (at, at)})
    logits = out.logits[0, -1]
    return float(logits[answer] - logits[distractor])


picks = np.random.RandomState(0)
seconds, cpu, cells, values = 0.0, 0.0, 0, []
with torch.no_grad():
    run_cell("block_output", 3, 2)  # Warm.
    for component, count in columns.items():
        spread = [(i + 0.5) * layers / per_component for i in range(per_component)]
        chosen = [(int(layer), int(picks.randint(count))) for layer in spread]
        start, cpu_start = time.perf_counter(), time.process_time()
        for layer, column in chosen:
            values.append([component, layer, column, run_cell(component, layer, column)])
        seconds += (time.perf_counter() - start) / per_component * layers * count
        cpu += (time.process_time() - cpu_start) / per_component * layers * count
        cells += layers * count
print(json.dumps(dict(seconds=seconds, cpuSeconds=cpu, cells=cells, measured=len(values), values=values, pyvene=version("pyvene"), torch=torch.__version__)))
