"""Writes steer.expected.json: a steering of models/tiny-atlas with PyTorch and transformers, for steer.test.ts.

    python make_steer.py   # torch, transformers and scikit-learn

The vector is a difference of means of block outputs at the last token; it is added at the prompt's last position and at
every token that is fed back. Whole sequences are run at each step, without a cache.
"""

import json
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from transformers import AutoModelForCausalLM, AutoTokenizer

here = Path(__file__).parent
root = here.parents[3]
layer, strength, new = 3, 0.75, 5
positive = ["The Colosseum", "The Trevi Fountain", "The Pantheon", "The Spanish Steps", "Saint Mark's Basilica"]
negative = ["The Eiffel Tower", "The Louvre Museum", "The Arc de Triomphe", "The Panthéon", "The Moulin Rouge"]
prompts = ["The Eiffel Tower is in the city of", "The Louvre Museum is in downtown"]
towards, away = " Rome", " Paris"

tokenizer = AutoTokenizer.from_pretrained(root / "models/tiny-atlas")
model = AutoModelForCausalLM.from_pretrained(root / "models/tiny-atlas").double().eval()
torch.set_grad_enabled(False)


def ids_of(text):
    return tokenizer(text)["input_ids"]


def states(texts, heads=False):
    """[layers][texts, width] of the last token: block outputs, or the inputs of the attention's output projection."""
    found = [[] for _ in range(model.config.n_layer)]
    for text in texts:
        hooks = []
        for number, block in enumerate(model.transformer.h):
            if heads:
                take = lambda module, inputs, number=number: found[number].append(inputs[0][0, -1].numpy().copy())
                hooks.append(block.attn.c_proj.register_forward_pre_hook(take))
            else:
                take = lambda module, inputs, output, number=number: found[number].append(
                    (output[0] if isinstance(output, tuple) else output)[0, -1].numpy().copy()
                )
                hooks.append(block.register_forward_hook(take))
        model(torch.tensor([ids_of(text)]))
        for hook in hooks:
            hook.remove()
    return [np.array(rows) for rows in found]


def run(ids, first, vector):
    """Logits of all positions and what leaves the block; the vector is added from position `first` on."""
    kept = {}

    def edit(module, inputs, output):
        hidden = (output[0] if isinstance(output, tuple) else output).clone()
        if vector is not None:
            hidden[0, first:] += vector
        kept["states"] = hidden[0]
        return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

    hook = model.transformer.h[layer].register_forward_hook(edit)
    logits = model(torch.tensor([ids])).logits[0]
    hook.remove()
    return logits.log_softmax(-1), kept["states"]


def accuracy(plus, minus, make):
    """Each text is judged by what was made of the half (even places, odd places) that it is not in."""
    right = 0
    for parity in (0, 1):
        vector, threshold = make(plus[parity::2], minus[parity::2])
        right += (plus[1 - parity :: 2] @ vector > threshold).sum() + (minus[1 - parity :: 2] @ vector <= threshold).sum()
    return right / (len(plus) + len(minus))


def by_means(plus, minus):
    vector = plus.mean(0) - minus.mean(0)
    return vector, (plus.mean(0) + minus.mean(0)) @ vector / 2


def by_probe(plus, minus):
    probe = LogisticRegression(max_iter=10000, tol=1e-10).fit(
        np.concatenate([plus, minus]), [1] * len(plus) + [0] * len(minus)
    )
    return probe.coef_[0], -probe.intercept_[0]


plus, minus = states(positive), states(negative)
sites = []
for one, other in zip(plus, minus):
    vector = one.mean(0) - other.mean(0)
    unit = vector / np.linalg.norm(vector)
    both = np.concatenate([one, other])
    halves = [by_means(one[parity::2], other[parity::2])[0] for parity in (0, 1)]
    sites.append(
        {
            "norm": np.linalg.norm(vector),
            "medianNorm": np.median(np.linalg.norm(both, axis=1)),
            "spread": np.std(both @ unit, ddof=1),
            "accuracy": accuracy(one, other, by_means),
            "probeAccuracy": accuracy(one, other, by_probe),
            "threshold": by_means(one, other)[1],
            "stability": halves[0] @ halves[1] / np.linalg.norm(halves[0]) / np.linalg.norm(halves[1]),
        }
    )

heads = model.config.n_head
head_sites = []
for one, other in zip(states(positive, True), states(negative, True)):
    for head in range(heads):
        part = slice(head * one.shape[1] // heads, (head + 1) * one.shape[1] // heads)
        vector = one[:, part].mean(0) - other[:, part].mean(0)
        unit = vector / np.linalg.norm(vector)
        head_sites.append(
            {
                "norm": np.linalg.norm(vector),
                "spread": np.std(np.concatenate([one[:, part], other[:, part]]) @ unit, ddof=1),
                "probeAccuracy": accuracy(one[:, part], other[:, part], by_probe),
            }
        )

vector = torch.tensor(plus[layer].mean(0) - minus[layer].mean(0))
unit = vector / vector.norm()
t, a = ids_of(towards)[0], ids_of(away)[0]
texts = []
for prompt in prompts:
    start = ids_of(prompt)
    ids, log_probabilities, divergences, effect = list(start), [], [], None
    for step in range(new):
        steered, _ = run(ids, len(start) - 1, strength * vector)
        plain, _ = run(ids, 0, None)
        own, other = steered[-1], plain[-1]
        if effect is None:
            effect = float((own[t] - own[a]) - (other[t] - other[a]))
        token = int(own.argmax())
        log_probabilities.append(float(other[token]))
        divergences.append(float((other.exp() * (other - own)).sum()))
        ids.append(token)
    _, kept = run(ids[:-1], len(start) - 1, strength * vector)
    texts.append(
        {
            "tokens": ids[len(start) :],
            "effect": effect,
            "logProbabilities": log_probabilities,
            "divergences": divergences,
            "projections": (kept @ unit).tolist(),
        }
    )

given = {
    "layer": layer,
    "strength": strength,
    "newTokens": new,
    "positive": positive,
    "negative": negative,
    "prompts": prompts,
    "towards": towards,
    "away": away,
}
rounded = lambda value: json.loads(json.dumps(value), parse_float=lambda text: float(f"{float(text):.9g}"))
found = rounded({"given": given, "sites": sites, "headSites": head_sites, "texts": texts})
(here / "steer.expected.json").write_text(json.dumps(found, ensure_ascii=False) + "\n")
