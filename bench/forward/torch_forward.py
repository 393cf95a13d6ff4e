"""PyTorch's side of bench/forward: prints one line of JSON. Needs torch, transformers; gguf for a GGUF file."""
import json
import os
import sys
import time

import torch
import transformers as hf

path, rows, length, passes, threads = sys.argv[1], *map(int, sys.argv[2:6])
torch.set_num_threads(threads)
started = time.perf_counter()
if os.path.isdir(path):
    model = hf.AutoModel.from_pretrained(path, dtype=torch.float32)
else:
    folder, file = os.path.split(os.path.realpath(path))
    model = hf.AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).model
model.eval()
load = time.perf_counter() - started
ids = torch.tensor([[(7 * r + 13 * p) % 1000 for p in range(length)] for r in range(rows)])
cache = {} if model.config.model_type == "bert" else dict(use_cache=False)


def used():
    return time.perf_counter(), time.process_time()


with torch.no_grad():
    def run():
        return model(ids, **cache).last_hidden_state[:, -1]

    run()
    times = []
    for _ in range(passes):
        start = used()
        run()
        times.append([now - then for now, then in zip(used(), start)])
seconds, processor = ([*zip(*times)])
middle = lambda values: sorted(values)[len(values) // 2]
print(json.dumps(dict(seconds=middle(seconds), processorSeconds=middle(processor), loadSeconds=load, torch=torch.__version__)))
