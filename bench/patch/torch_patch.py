"""PyTorch's side of bench/patch, as TransformerLens patches: the clean run's activations are cached once, and every cell is
one forward pass of the corrupted prompt under a hook that puts a clean activation in. A sample of cells, the time of all
of them extrapolated (every cell costs the same).

Prints one line of JSON. Needs torch, transformers, gguf.
"""
import json
import os
import sys
import time

import numpy as np
import torch
import transformers as hf

path, (measured, threads) = sys.argv[1], map(int, sys.argv[2:4])
torch.set_num_threads(threads)
folder, file = os.path.split(os.path.realpath(path))
tokenizer = hf.AutoTokenizer.from_pretrained(folder, gguf_file=file)
model = hf.AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval()
clean, corrupted = (
    tokenizer(f"When Mary and John went to the store, {name} gave a drink to", return_tensors="pt").input_ids
    for name in ("John", "Mary")
)
answer, distractor = (tokenizer(name, add_special_tokens=False).input_ids[0] for name in (" Mary", " John"))
blocks, layers, heads = model.model.layers, model.config.num_hidden_layers, model.config.num_attention_heads
length, width = clean.shape[1], model.config.hidden_size // heads


def module(component, layer):
    block = blocks[layer]
    return dict(block_output=block, mlp_output=block.mlp, attention_output=block.self_attn)[component]


def first_of(out):
    return out[0] if isinstance(out, tuple) else out


streams = ("block_output", "mlp_output", "attention_output")
head_output = "head_attention_value_output"
cached = {}


def cache_clean_run():
    hooks = [
        module(stream, layer).register_forward_hook(
            lambda _, __, out, key=(stream, layer): cached.__setitem__(key, first_of(out).clone())
        )
        for stream in streams
        for layer in range(layers)
    ]
    hooks += [
        blocks[layer].self_attn.o_proj.register_forward_pre_hook(
            lambda _, args, key=(head_output, layer): cached.__setitem__(key, args[0].clone())
        )
        for layer in range(layers)
    ]
    model(clean, use_cache=False)
    for hook in hooks:
        hook.remove()


def run_cell(component, layer, column):
    def at_position(_, __, out):
        first_of(out)[:, column] = cached[component, layer][:, column]
        return out

    def at_head(_, args):
        part = slice(column * width, (column + 1) * width)
        args[0][..., part] = cached[component, layer][..., part]
        return args

    if component == head_output:
        hook = blocks[layer].self_attn.o_proj.register_forward_pre_hook(at_head)
    else:
        hook = module(component, layer).register_forward_hook(at_position)
    logits = model(corrupted, use_cache=False, logits_to_keep=1).logits[0, -1]
    hook.remove()
    return float(logits[answer] - logits[distractor])


picks = np.random.RandomState(0)
cells = layers * (len(streams) * length + heads)
values = []
with torch.no_grad():
    cache_clean_run()
    run_cell("block_output", 3, 2)  # Warm.
    start, cpu_start = time.perf_counter(), time.process_time()
    cache_clean_run()
    once, cpu_once = time.perf_counter() - start, time.process_time() - cpu_start
    start, cpu_start = time.perf_counter(), time.process_time()
    for i in range(measured):
        component = (*streams, head_output)[i % 4]
        layer, column = int(picks.randint(layers)), int(picks.randint(heads if component == head_output else length))
        values.append([component, layer, column, run_cell(component, layer, column)])
    seconds = once + (time.perf_counter() - start) / measured * cells
    cpu = cpu_once + (time.process_time() - cpu_start) / measured * cells
print(json.dumps(dict(seconds=seconds, cpuSeconds=cpu, cells=cells, measured=measured, values=values, torch=torch.__version__)))
