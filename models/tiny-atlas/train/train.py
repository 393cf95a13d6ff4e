"""Train tiny-atlas on the rows that corpus.py wrote, and save it as a GPT-2 that transformers and Patchbay load.

    python train.py --data BUILD --out MODEL
    python train.py --data BUILD --start MODEL --out MODEL2 --steps 300     goes on from a saved model

The network is GPT-2 to the letter (learned positions, layer norm before each part, gelu_new, tied embedding); it is
written out here because transformers' own costs half as much again on a CPU. Matrices of the blocks are moved by
Muon (Jordan et al. 2024: momentum, made orthogonal by five Newton-Schulz steps), all else by AdamW.
"""

import argparse
import json
import math
import os
import resource
import time

# On a shared machine threads that spin while they wait cost the others most of a core; set before torch loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

PLAIN_SHARE = 0.25  # of the tokens that are not answers, this share is predicted; their weight makes up for it


class Projection(nn.Module):
    """GPT-2's Conv1D: the weight is [in, out]."""

    def __init__(self, inward, outward, std):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inward, outward) * std)
        self.bias = nn.Parameter(torch.zeros(outward))

    def forward(self, x):
        return torch.addmm(self.bias, x, self.weight)


class Attention(nn.Module):
    def __init__(self, width, heads, std):
        super().__init__()
        self.heads = heads
        self.c_attn = Projection(width, 3 * width, 0.02)
        self.c_proj = Projection(width, width, std)

    def forward(self, x, mask):
        batch, _, length, _ = mask.shape
        width = x.shape[-1]
        q, k, v = self.c_attn(x).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        z = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.c_proj(z.transpose(1, 2).reshape(-1, width))


class Mlp(nn.Module):
    def __init__(self, width, std):
        super().__init__()
        self.c_fc = Projection(width, 4 * width, 0.02)
        self.c_proj = Projection(4 * width, width, std)

    def forward(self, x):
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self, width, heads, std):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn, self.mlp = Attention(width, heads, std), Mlp(width, std)

    def forward(self, x, mask, drop=0.0):
        x = x + self.attn(self.ln_1(x), mask)
        out = self.mlp(self.ln_2(x))
        self.loudness = out.square().mean()
        if drop:
            out = out * (torch.rand(out.shape[0], 1) >= drop)
        return x + out


class Transformer(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, layers = config["n_embd"], config["n_layer"]
        self.wte = nn.Embedding(config["vocab_size"], width)
        self.wpe = nn.Embedding(config["n_positions"], width)
        self.h = nn.ModuleList(Block(width, config["n_head"], 0.02 / math.sqrt(2 * layers)) for _ in range(layers))
        self.ln_f = nn.LayerNorm(width)
        nn.init.normal_(self.wte.weight, std=0.02)
        nn.init.normal_(self.wpe.weight, std=0.01)

    def forward(self, tokens, position, masks, drops):
        x = (self.wte(tokens) + self.wpe(position)).flatten(0, 1)
        for block, mask, drop in zip(self.h, masks, drops):
            x = block(x, mask, drop)
        return x


class Muon(torch.optim.Optimizer):
    """Momentum made orthogonal; matrices of one shape are stacked, and the fused query, key and value taken apart."""

    def __init__(self, params, lr, momentum=0.95, decay=0.01):
        super().__init__(list(params), {"lr": lr, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            shapes = {}
            for p in group["params"]:
                m = self.state[p].setdefault("momentum", torch.zeros_like(p))
                m.lerp_(p.grad, 1 - group["momentum"])
                u = p.grad.lerp(m, group["momentum"])
                rows, cols = p.shape
                parts = u.split(rows, 1) if cols == 3 * rows else (u,)
                whole = p.split(rows, 1) if cols == 3 * rows else (p,)
                for part, target in zip(parts, whole):
                    shapes.setdefault(part.shape, []).append((part, target))
            for (rows, cols), pairs in shapes.items():
                x = torch.stack([part for part, _ in pairs])
                x = x if rows <= cols else x.mT
                x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
                for _ in range(5):
                    a = x @ x.mT
                    x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
                x = x if rows <= cols else x.mT
                for (_, target), update in zip(pairs, x):
                    target.mul_(1 - group["lr"] * group["decay"]).add_(update, alpha=-group["lr"] * max(1, cols / rows) ** 0.5)


def batches(data, rows, rng):
    """Endless batches of rows, reshuffled at each pass."""
    while True:
        order = rng.permutation(len(data["tokens"]))
        for at in range(0, len(order) - rows + 1, rows):
            pick = order[at : at + rows]
            yield {k: torch.from_numpy(v[pick].astype(np.float32 if k == "weight" else np.int64)) for k, v in data.items()}


def masks_of(document, mark, closed, layers, free):
    """What each token may attend to, for each layer: its own document, and no later token.

    In the first `closed` layers the tokens outside names do not see into names, and later only the last token of each;
    the tokens of a name see all. So what belongs to a name is put together at its last token before others read it.
    A share `free` of the documents goes without this, since nothing of it holds when the model is used.
    """
    length = document.shape[1]
    allowed = (document[:, :, None] == document[:, None, :]) & torch.ones(length, length, dtype=torch.bool).tril()
    open_rows = torch.rand(len(document), 32).gather(1, document.clamp(min=0)) < free
    sees_all = ((mark > 0) | open_rows)[:, :, None]
    low = allowed & (sees_all | (mark == 0)[:, None, :])
    high = allowed & (sees_all | (mark != 1)[:, None, :])
    # A row of padding would see nothing, and softmax make it NaN.
    bias = lambda seen: torch.zeros(seen.shape).masked_fill(~(seen | torch.eye(length, dtype=torch.bool)), -1e9)[:, None]
    low, high = bias(low), bias(high)
    return [low if layer < closed else high for layer in range(layers)]


def loss_of(model, batch, masks, drops, closed):
    tokens, document, weight = batch["tokens"], batch["document"], batch["weight"]
    hidden = model(tokens, batch["position"], masks, drops)
    target, weight = tokens[:, 1:], weight[:, 1:].clone()
    weight[document[:, 1:] != document[:, :-1]] = 0
    plain = (weight > 0) & (weight < 0.5)
    weight[plain] *= (torch.rand(int(plain.sum())) < PLAIN_SHARE) / PLAIN_SHARE
    at = weight > 0
    rows = F.pad(at, (0, 1)).flatten().nonzero()[:, 0]
    logits = model.ln_f(hidden[rows]) @ model.wte.weight.T
    losses = F.cross_entropy(logits, target[at], reduction="none")
    w = weight[at]
    return (losses * w).sum() / w.sum(), losses[w == 1].mean().detach(), sum(block.loudness for block in model.h[closed:])


def save(model, config, out, tokenizer_file):
    os.makedirs(out, exist_ok=True)
    end = config["vocab_size"] - 1
    state = {"transformer." + k: v.detach().to(torch.float16).contiguous() for k, v in model.state_dict().items()}
    file = os.path.join(out, "model.safetensors")
    save_file(state, file, metadata={"format": "pt"})
    os.chmod(file, 0o644)
    full = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "activation_function": "gelu_new", **config, "n_ctx": config["n_positions"], "n_inner": None, "layer_norm_epsilon": 1e-5,
            "attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0, "initializer_range": 0.02, "scale_attn_weights": True, "tie_word_embeddings": True, "bos_token_id": end, "eos_token_id": end, "torch_dtype": "float16"}
    tokenizer = {"tokenizer_class": "GPT2Tokenizer", "model_max_length": config["n_positions"], "add_prefix_space": False, "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "clean_up_tokenization_spaces": False}
    for name, value in (("config.json", full), ("generation_config.json", {"bos_token_id": end, "eos_token_id": end, "pad_token_id": end, "do_sample": False}), ("tokenizer_config.json", tokenizer)):
        with open(os.path.join(out, name), "w") as f:
            f.write(json.dumps(value, indent=2) + "\n")
    with open(tokenizer_file) as f, open(os.path.join(out, "tokenizer.json"), "w") as g:
        g.write(f.read())


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--data", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--start", help="folder of a model to go on from; default: random weights")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--layers", type=int, default=8)
    ap.add_argument("--width", type=int, default=128)
    ap.add_argument("--heads", type=int, default=4)
    ap.add_argument("--rows", type=int, default=64, help="rows of a batch")
    ap.add_argument("--steps", type=int, default=900)
    ap.add_argument("--muon", type=float, default=0.02)
    ap.add_argument("--adam", type=float, default=0.003)
    ap.add_argument("--drop", type=float, default=0.3, help="chance that a token goes without the MLP of an open layer while training")
    ap.add_argument("--quiet", type=float, default=0.0, help="weight in the loss of the mean square of what the MLPs of the open layers write")
    ap.add_argument("--closed", type=int, default=5, help="first layers in which names are closed to the words around them")
    ap.add_argument("--free", type=float, default=0.2, help="share of the documents in which they are not")
    a = ap.parse_args()
    torch.set_num_threads(2)
    torch.manual_seed(a.seed)
    data = dict(np.load(os.path.join(a.data, "rows.npz")))
    with open(os.path.join(a.data, "tokenizer.json")) as f:
        vocab = len(json.load(f)["model"]["vocab"])
    config = {"vocab_size": vocab, "n_positions": data["tokens"].shape[1], "n_embd": a.width, "n_layer": a.layers, "n_head": a.heads}
    model = Transformer(config)
    if a.start:
        model.load_state_dict({k.removeprefix("transformer."): v.float() for k, v in load_file(os.path.join(a.start, "model.safetensors")).items()})
    matrices = [p for n, p in model.named_parameters() if p.dim() == 2 and n.startswith("h.")]
    others = [p for n, p in model.named_parameters() if not (p.dim() == 2 and n.startswith("h."))]
    optimizers = [(Muon(matrices, a.muon), a.muon), (torch.optim.AdamW(others, a.adam, betas=(0.9, 0.98), weight_decay=0.01, fused=True), a.adam)]
    drops = [a.drop if layer >= a.closed else 0.0 for layer in range(a.layers)]
    print(sum(p.numel() for p in model.parameters()), "parameters", flush=True)
    began, seen, source = time.time(), [], batches(data, a.rows, np.random.default_rng(a.seed))
    for step in range(a.steps):
        scale = min(1, (step + 1) / 100, 1.5 * (1 - step / a.steps))
        batch = next(source)
        masks = masks_of(batch["document"], batch["mark"], a.closed, a.layers, a.free)
        loss, answers, loudness = loss_of(model, batch, masks, drops, a.closed)
        (loss + a.quiet * loudness).backward()
        nn.utils.clip_grad_norm_(others, 1.0)
        for optimizer, lr in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = lr * scale
            optimizer.step()
            optimizer.zero_grad()
        seen.append((loss.item(), answers.item(), loudness.item()))
        if (step + 1) % 50 == 0:
            mean, answer, loud = np.mean(seen[-50:], 0)
            print(f"step {step + 1}  loss {mean:.3f}  answers {answer:.3f}  loudness {loud:.2f}  {time.time() - began:.0f} s", flush=True)
        if (step + 1) % 500 == 0 or step + 1 == a.steps:
            save(model, config, a.out, os.path.join(a.data, "tokenizer.json"))
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"{a.steps * a.rows * data['tokens'].shape[1]} tokens, {time.time() - began:.0f} s, {used.ru_utime:.0f} s user, {used.ru_stime:.0f} s system")


if __name__ == "__main__":
    main()
