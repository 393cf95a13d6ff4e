"""PyTorch's side of bench/generate: a greedy loop with transformers' cache. Prints one line of JSON. Needs torch, transformers, gguf."""
import json
import os
import sys
import time

import torch
import transformers as hf

path, prompt, count, turns = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(2)
folder, file = os.path.split(os.path.realpath(path))
model = hf.AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval()
width = model.config.hidden_size
vector = torch.full((width,), 20 / width**0.5)


def steer(_module, _inputs, output):
    return (output[0] + vector, *output[1:]) if isinstance(output, tuple) else output + vector


def generate(rows, edited):
    ids = torch.tensor([[(7 * r + 13 * p) % 1000 for p in range(prompt)] for r in range(rows)])
    hook = model.model.layers[12].register_forward_hook(steer) if edited else None
    started = time.perf_counter()
    out = model(ids, use_cache=True, logits_to_keep=1)
    following = out.logits[:, -1].argmax(-1, keepdim=True)
    first = time.perf_counter()
    busy = time.process_time()
    for _ in range(1, count):
        out = model(following, past_key_values=out.past_key_values, use_cache=True)
        following = out.logits[:, -1].argmax(-1, keepdim=True)
    ended = time.perf_counter()
    busy = time.process_time() - busy
    if hook:
        hook.remove()
    return first - started, rows * (count - 1) / (ended - first), following[:, 0].tolist(), busy * 1000 / (count - 1)


def middle(values):
    return sorted(values)[len(values) // 2]


cases = []
with torch.no_grad():
    for rows in (1, 8):
        for edited in (False, True):
            generate(rows, edited)
            runs = [generate(rows, edited) for _ in range(turns)]
            cases.append(
                dict(
                    rows=rows,
                    isEdited=edited,
                    firstSeconds=middle([r[0] for r in runs]),
                    tokensPerSecond=middle([r[1] for r in runs]),
                    processorMs=middle([r[3] for r in runs]),
                    last=runs[0][2],
                    cacheBytes=0,
                    leftBytes=0,
                )
            )
print(json.dumps(dict(cases=cases)))
