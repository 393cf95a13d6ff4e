"""What trainings in PyTorch have together, in float64: the vectors of a site, what an intervention or an adapter makes of them, and
a step: a rotation takes it in the tangent and comes back by the polar factor of a singular value decomposition. A call has the
type of what is trained, its initial parameters with shapes and, of some, heads and head_width, dimensions or scaling.
"""
import json
import sys

import torch

F = torch.float64


def units(x, row, places, call):
    """The vectors of a site, joined."""
    heads, width = call.get("heads"), call.get("head_width")
    parts = [x[row, place] for place in places]
    if heads:
        parts = [part[head * width : (head + 1) * width] for part in parts for head in heads]
    return torch.cat(parts)


def put(x, row, places, call, value):
    heads, width = call.get("heads"), call.get("head_width")
    spans = [(place, slice(None)) for place in places]
    if heads:
        spans = [(place, slice(head * width, (head + 1) * width)) for place in places for head in heads]
    size = value.shape[0] // len(spans)
    for at, (place, span) in enumerate(spans):
        x[row, place, span] = value[at * size : (at + 1) * size]


def changed(call, p, base, source, entering, temperature):
    kind = call["type"]
    if kind == "LowRankRotated":
        return base + ((source - base) @ p["rotation"]) @ p["rotation"].T
    if kind == "Rotated":
        part = p["rotation"][:, : call["dimensions"]]
        return base + ((source - base) @ part) @ part.T
    if kind == "SigmoidMask":
        mask = torch.sigmoid(p["mask"] / temperature)
        return (1 - mask) * base + mask * source
    if kind in ("SigmoidMaskRotated", "BoundlessRotated"):
        if kind == "SigmoidMaskRotated":
            mask = torch.sigmoid(p["mask"] / temperature)
        else:
            width = base.shape[0]
            at = torch.arange(width, dtype=F)
            mask = torch.sigmoid(at / temperature) * torch.sigmoid((p["boundary"].clamp(1e-3, 1) * width - at) / temperature)
        return ((1 - mask) * (base @ p["rotation"]) + mask * (source @ p["rotation"])) @ p["rotation"].T
    if kind == "SteeringVector":
        return base + p["vector"]
    if kind == "LoRA":
        return base + call["scaling"] * (entering @ p["lora_A"] @ p["lora_B"])
    if kind == "NoReFT":
        return base + (base @ p["weight"].T + p["bias"] - base @ p["projection"].T) @ p["projection"]
    learned = base @ p["weight"].T + p["bias"]
    return base + (learned - (base @ p["rotation"] if kind == "LoReFT" else 0)) @ p["rotation"].T


def polar(x):
    u, _, v = torch.linalg.svd(x, full_matrices=False)
    return u @ v


def tangent(w, g):
    product = w.T @ g
    return g - w @ (0.5 * (product + product.T))


def begun(call):
    return {name: torch.tensor(data, dtype=F).reshape(shape) for name, (data, shape) in call["initial"].items()}


def stepped(p, loss, rate):
    gradients = dict(zip(p, torch.autograd.grad(loss, list(p.values()))))
    with torch.no_grad():
        for name, value in p.items():
            if name == "rotation":
                p[name] = polar(value - rate * tangent(value, gradients[name]))
            else:
                factor = 10 if name in ("mask", "boundary") else 1
                p[name] = value - factor * rate * gradients[name]
    return p


def trained(losses, p):
    return dict(losses=losses, parameters={name: value.detach().flatten().tolist() for name, value in p.items()})


def print_trainings(train):
    """A line of JSON for each call of the file that the command names."""
    for call in json.load(open(sys.argv[1])):
        print(json.dumps(train(call)))
