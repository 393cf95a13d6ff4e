"""PyTorch's side of bench/forward: prints one line of JSON. Needs torch, transformers, gguf."""
import json
import os
import sys
import time

import torch
import transformers as hf

path, rows, length, passes = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(2)
folder, file = os.path.split(os.path.realpath(path))
started = time.perf_counter()
model = hf.AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval()
load = time.perf_counter() - started
ids = torch.tensor([[(7 * r + 13 * p) % 1000 for p in range(length)] for r in range(rows)])
with torch.no_grad():
    run = lambda: model.model(ids, use_cache=False).last_hidden_state[:, -1]
    run()
    times = []
    for _ in range(passes):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
times.sort()
print(json.dumps(dict(seconds=times[len(times) // 2], loadSeconds=load, torch=torch.__version__)))
