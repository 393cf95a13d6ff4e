"""PyTorch's side of bench/trace, batched as ROME does it: every cell is one forward pass of the clean prompt and all noise
samples together, in which the clean row's states are copied into the others. A sample of cells, the time of all of them
extrapolated (every cell costs the same).

Prints one line of JSON. Needs torch, transformers, gguf.
"""
import json
import os
import sys
import time

import numpy as np
import torch
import transformers as hf

path, (samples, measured, threads) = sys.argv[1], map(int, sys.argv[2:5])
torch.set_num_threads(threads)
folder, file = os.path.split(os.path.realpath(path))
tokenizer = hf.AutoTokenizer.from_pretrained(folder, gguf_file=file)
model = hf.AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval()
ids = tokenizer("The Eiffel Tower is located in the city of", return_tensors="pt").input_ids
begin, end, layers = 1, 4, model.config.num_hidden_layers
length, width = ids.shape[1], model.config.hidden_size
with torch.no_grad():
    answer = int(model(ids).logits[0, -1].argmax())
    level = 3 * float(model.get_input_embeddings()(ids[0, begin:end]).std())
noise = torch.from_numpy(np.random.RandomState(1).randn(samples, end - begin, width)).float() * level
many = ids.repeat(1 + samples, 1)
blocks = model.model.layers


def module(stream, layer):
    block = blocks[layer]
    return dict(block_output=block, mlp_output=block.mlp, attention_output=block.self_attn)[stream]


def run_cell(stream, layer, position):
    window = 1 if stream == "block_output" else 10
    first, last = max(0, layer - window // 2), min(layers, layer - (-window // 2))

    def corrupt(_, __, out):
        out[1:, begin:end] += noise
        return out

    def restore(_, __, out):
        state = out[0] if isinstance(out, tuple) else out
        state[1:, position] = state[0, position]
        return out

    hooks = [model.get_input_embeddings().register_forward_hook(corrupt)]
    hooks += [module(stream, l).register_forward_hook(restore) for l in range(first, last)]
    logits = model(many, use_cache=False, logits_to_keep=1).logits[1:, -1]
    for hook in hooks:
        hook.remove()
    return float(logits.softmax(-1)[:, answer].mean())


streams = ("block_output", "mlp_output", "attention_output")
cells = len(streams) * layers * length
picks = np.random.RandomState(0)
values = []
with torch.no_grad():
    run_cell("block_output", 3, 2)  # Warm.
    start, cpu_start = time.perf_counter(), time.process_time()
    for i in range(measured):
        stream, layer, position = streams[i % 3], int(picks.randint(layers)), int(picks.randint(length))
        values.append([stream, layer, position, run_cell(stream, layer, position)])
    seconds = (time.perf_counter() - start) / measured * cells
    cpu = (time.process_time() - cpu_start) / measured * cells
print(json.dumps(dict(seconds=seconds, cpuSeconds=cpu, cells=cells, measured=measured, values=values, torch=torch.__version__)))
