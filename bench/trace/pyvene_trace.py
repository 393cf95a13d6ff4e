"""pyvene's side of bench/trace: the grid of its causal tracing tutorial on a sample of cells, and the time of all of them
extrapolated. As in the tutorial, every cell builds an IntervenableModel (noise at the subject's positions of the first
block's input, and each restored layer an intervention with the clean prompt as its source) and runs it once, with one
sample of noise; more samples are as many runs.

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

path, (samples, per_stream, threads) = sys.argv[1], map(int, sys.argv[2:5])
torch.set_num_threads(threads)
folder, file = os.path.split(os.path.realpath(path))
tokenizer = hf.AutoTokenizer.from_pretrained(folder, gguf_file=file)
model = hf.AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval()
base = tokenizer("The Eiffel Tower is located in the city of", return_tensors="pt")
subject, layers = [1, 2, 3], model.config.num_hidden_layers
length, width = base.input_ids.shape[1], model.config.hidden_size
with torch.no_grad():
    answer = int(model(**base).logits[0, -1].argmax())
    deviation = float(model.get_input_embeddings()(base.input_ids[0, subject]).std())
noise = torch.from_numpy(np.random.RandomState(1).randn(samples, len(subject), width)).float() * 3 * deviation


class Noise(pv.ConstantSourceIntervention, pv.LocalistRepresentationIntervention):
    def __init__(self, embed_dim, **kwargs):
        super().__init__(**kwargs)
        self.sample = 0

    def forward(self, base, source=None, subspaces=None, **kwargs):
        base[..., :] += noise[self.sample].reshape(base[0].shape)
        return base


def run_cell(stream, layer, position):
    window = 1 if stream == "block_output" else 10
    first, last = max(0, layer - window // 2), min(layers, layer - (-window // 2))
    count = last - first
    config = pv.IntervenableConfig(
        model_type=type(model),
        representations=[pv.RepresentationConfig(0, "block_input", "pos", len(subject))]
        + [pv.RepresentationConfig(l, stream) for l in range(first, last)],
        intervention_types=[Noise] + [pv.VanillaIntervention] * count,
    )
    intervenable = pv.IntervenableModel(config, model)
    total = 0.0
    for sample in range(samples):
        for intervention in intervenable.interventions.values():
            found = intervention[0] if isinstance(intervention, (tuple, list)) else intervention
            if isinstance(found, Noise):
                found.sample = sample
        restored = [[[position]]] * count
        _, out = intervenable(
            base, [None] + [base] * count, {"sources->base": ([None] + restored, [[subject]] + restored)}
        )
        total += float(out.logits[0, -1].softmax(-1)[answer])
    return total / samples


streams = ("block_output", "mlp_output", "attention_output")
picks = np.random.RandomState(0)
seconds, cpu, cells, values = 0.0, 0.0, 0, []
with torch.no_grad():
    run_cell("block_output", 3, 2)  # Warm.
    for stream in streams:
        # Layers evenly spread, so that windows cut at the edges count as often as in the grid.
        spread = [(i + 0.5) * layers / per_stream for i in range(per_stream)]
        chosen = [(int(layer), int(picks.randint(length))) for layer in spread]
        start, cpu_start = time.perf_counter(), time.process_time()
        for layer, position in chosen:
            values.append([stream, layer, position, run_cell(stream, layer, position)])
        seconds += (time.perf_counter() - start) / per_stream * layers * length
        cpu += (time.process_time() - cpu_start) / per_stream * layers * length
        cells += layers * length
print(json.dumps(dict(seconds=seconds, cpuSeconds=cpu, cells=cells, measured=3 * per_stream, values=values, pyvene=version("pyvene"), torch=torch.__version__)))
