"""Measure the shipped model on evaluation-prompts.json; write evaluation.json and the table of the model card.

    python evaluate.py --model ..        writes ../evaluation.json and the table in ../README.md

The float16 file is read by transformers and run in float32. Accuracy of facts is top-1 over the whole vocabulary;
of the others, that the answer's logit is above the distractor's (greater-than: that the best token is a later year).
"""

import argparse
import json
import os
import re
import resource

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

STREAMS = ("block_output", "mlp_output", "attention_output")
ROLES = ("first subject", "middle subject", "last subject", "first after", "further", "last")


class Measured:
    """The model with its tokenizer, and batches of prompts of unequal length."""

    def __init__(self, folder):
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self.blocks = self.model.transformer.h
        self.layers = len(self.blocks)
        self.heads = self.model.config.n_head

    def ids(self, text):
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def last_logits(self, prompts, batch=200):
        """[prompts, vocabulary] after the last token of each; short ones are padded on the right, which a causal model does not see."""
        rows = [self.ids(p) for p in prompts]
        out = []
        for at in range(0, len(rows), batch):
            part = rows[at : at + batch]
            longest = max(map(len, part))
            tokens = torch.tensor([r + [0] * (longest - len(r)) for r in part])
            last = torch.tensor([len(r) - 1 for r in part])
            logits = self.model(tokens, use_cache=False).logits
            out.append(logits[torch.arange(len(part)), last])
        return torch.cat(out)

    def first_tokens(self, items, key):
        return torch.tensor([self.ids(i[key])[0] for i in items])

    def module(self, stream, layer):
        block = self.blocks[layer]
        return {"block_output": block, "mlp_output": block.mlp, "attention_output": block.attn.resid_dropout}[stream]


def first(output):
    return output[0] if isinstance(output, tuple) else output


def like(output, value):
    return (value,) + tuple(output[1:]) if isinstance(output, tuple) else value


def share(flags):
    return float(flags.float().mean())


def measure_pairs(m, items):
    logits = m.last_logits([i["prompt"] for i in items])
    right, wrong = m.first_tokens(items, "answer"), m.first_tokens(items, "distractor")
    rows = torch.arange(len(items))
    difference = logits[rows, right] - logits[rows, wrong]
    return {"items": len(items), "accuracy": share(difference > 0), "top1": share(logits.argmax(-1) == right), "logit_difference": float(difference.mean())}


def measure_facts(m, items):
    hit = m.last_logits([i["prompt"] for i in items]).argmax(-1) == m.first_tokens(items, "answer")
    out = {}
    for split in ("seen", "held-out"):
        at = torch.tensor([i["split"] == split for i in items])
        groups = sorted({i["group"] for i in items})
        out[split] = {"items": int(at.sum()), "top1": share(hit[at]), "by_relation": {g: share(hit[at & torch.tensor([i["group"] == g for i in items])]) for g in groups}}
    return out


def measure_greater(m, items):
    logits = m.last_logits([i["prompt"] for i in items])
    years = torch.tensor([m.ids(f" 11{y:02}")[1] for y in range(100)])
    probability = logits.softmax(-1)[:, years]
    later = torch.arange(100)[None] > torch.tensor([i["year"] for i in items])[:, None]
    best = logits.argmax(-1)
    hit = torch.stack([(best[n] == years[later[n]]).any() for n in range(len(items))])
    return {"items": len(items), "accuracy": share(hit), "probability_difference": float((probability * later).sum(1).mean() - (probability * ~later).sum(1).mean())}


def measure_induction(m, items):
    """Loss from the second token of each copy on: nobody can know the first."""
    tokens = torch.tensor([m.ids(i["text"]) for i in items])
    length = items[0]["length"]
    losses = torch.nn.functional.cross_entropy(m.model(tokens, use_cache=False).logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    copy, repeat = float(losses[:, : length - 1].mean()), float(losses[:, length:].mean())
    return {"items": len(items), "first_copy": copy, "repeat": repeat, "ratio": repeat / copy}


def measure_heads(m, items):
    """Each head's output at the last token taken from the run in which the other name comes twice; the change of the mean logit difference as a part of it."""
    ids, source = [m.ids(i["prompt"]) for i in items], [m.ids(i["source"]) for i in items]
    longest = max(map(len, ids))
    pad = lambda rows: torch.tensor([r + [0] * (longest - len(r)) for r in rows])
    rows, last = torch.arange(len(items)), torch.tensor([len(r) - 1 for r in ids])
    right, wrong = m.first_tokens(items, "answer"), m.first_tokens(items, "distractor")
    kept = {}
    hooks = [b.attn.c_proj.register_forward_pre_hook(lambda mod, args, layer=layer: kept.__setitem__(layer, args[0][rows, last].clone())) for layer, b in enumerate(m.blocks)]

    def difference(tokens):
        logits = m.model(tokens, use_cache=False).logits[rows, last]
        return float((logits[rows, right] - logits[rows, wrong]).mean())

    swapped = difference(pad(source))
    for h in hooks:
        h.remove()
    base, width = difference(pad(ids)), m.model.config.n_embd // m.heads
    change = np.zeros((m.layers, m.heads))
    for layer, block in enumerate(m.blocks):
        for head in range(m.heads):
            span = slice(head * width, (head + 1) * width)

            def patch(mod, args):
                z = args[0].clone()
                z[rows, last, span] = kept[layer][:, span]
                return (z,)

            hook = block.attn.c_proj.register_forward_pre_hook(patch)
            change[layer, head] = (base - difference(pad(ids))) / base
            hook.remove()
    best = np.unravel_index(np.abs(change).argmax(), change.shape)
    return {"base": base, "source": swapped, "best": {"layer": int(best[0]), "head": int(best[1]), "change": float(change[best])}, "change": np.round(change, 4).tolist()}


def subject_range(m, item):
    """The token positions that overlap the subject's characters."""
    spans = m.tokenizer(item["prompt"], add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    inside = [n for n, (a, b) in enumerate(spans) if a < item["end"] and b > item["start"]]
    return inside[0], inside[-1] + 1


def window_of(layers, layer, width):
    return range(max(0, layer - width // 2), min(layers, layer - (-width // 2)))


def trace_fact(m, item, level, samples, width, positions):
    """Clean and corrupted probability, and [stream, layer, position] with one state restored."""
    ids = torch.tensor([m.ids(item["prompt"])])
    begin, end = subject_range(m, item)
    noise = torch.from_numpy(np.random.RandomState(1).randn(samples, end - begin, m.model.config.n_embd)).float() * level
    clean = {}
    hooks = [m.module(s, l).register_forward_hook(lambda mod, a, o, key=(s, l): clean.__setitem__(key, first(o).clone())) for s in STREAMS for l in range(m.layers)]
    probabilities = m.model(ids, use_cache=False).logits[0, -1].softmax(-1)
    for h in hooks:
        h.remove()
    answer = m.ids(item["answer"])[0]
    high, correct = float(probabilities[answer]), bool(probabilities.argmax() == answer)

    def corrupt(mod, args, output):
        output = output.clone()
        output[:, begin:end] += noise.repeat(len(output) // samples, 1, 1)
        return output

    def run(copies):
        return m.model(ids.repeat(copies * samples, 1), use_cache=False).logits[:, -1].softmax(-1)[:, answer].view(copies, samples).mean(1)

    embedding = m.model.transformer.wte.register_forward_hook(corrupt)
    low = float(run(1))
    where = [p for p in range(ids.shape[1])] if positions == "all" else [end - 1, ids.shape[1] - 1]
    rows, at = torch.arange(len(where) * samples), torch.tensor(where).repeat_interleave(samples)
    grid = torch.full((len(STREAMS), m.layers, ids.shape[1]), float("nan"))
    for s, stream in enumerate(STREAMS):
        for layer in range(m.layers):
            span = [layer] if stream == "block_output" else window_of(m.layers, layer, width)

            def restore(mod, args, output, key):
                x = first(output).clone()
                x[rows, at] = clean[key][0, at]
                return like(output, x)

            hooks = [m.module(stream, l).register_forward_hook(lambda mod, a, o, key=(stream, l): restore(mod, a, o, key)) for l in span]
            grid[s, layer, where] = run(len(where))
            for h in hooks:
                h.remove()
    embedding.remove()
    return high, low, correct, grid, (begin, end)


def roles_of(begin, end, length):
    """The positions of each role; what stands before the subject belongs to none."""
    return {"first subject": [begin], "middle subject": list(range(begin + 1, end - 1)), "last subject": [end - 1], "first after": [end], "further": list(range(end + 1, length - 1)), "last": [length - 1]}


def measure_trace(m, trace, positions):
    facts, samples = trace["facts"], trace["samples"]
    tokens = [t for f in facts for t in m.ids(f["prompt"])[slice(*subject_range(m, f))]]
    level = trace["sigmas"] * float(m.model.transformer.wte.weight[torch.tensor(tokens)].std())
    width = round(m.layers / 3)
    sums = {r: [] for r in ROLES}
    rows = []
    for f in facts:
        high, low, correct, grid, (begin, end) = trace_fact(m, f, level, samples, width, positions)
        effect = grid - low
        for role, where in roles_of(begin, end, grid.shape[2]).items():
            where = [p for p in where if not torch.isnan(grid[0, 0, p])]
            if where:
                sums[role].append(effect[:, :, where].mean(-1))
        rows.append((high, low, correct))
    mean = {r: torch.stack(v).mean(0) for r, v in sums.items() if v}
    high, low, correct = (float(np.mean(c)) for c in zip(*rows))
    last_subject, last = mean["last subject"], mean["last"]
    early, late = -(-2 * m.layers // 3), m.layers // 2
    best = lambda effects, begin, end: {"layer": begin + int(effects[begin:end].argmax()), "effect": float(effects[begin:end].max())}
    mlp_subject, mlp_last = best(last_subject[1], 0, m.layers), best(last[1], 0, m.layers)
    return {
        "facts": len(facts), "correct": correct, "level": level, "window": width, "clean": high, "corrupted": low, "total_effect": high - low,
        "block_at_last_subject": best(last_subject[0], 0, min(early, 2 * m.layers // 3)),
        "mlp_at_last_subject": mlp_subject, "mlp_at_last": mlp_last, "mlp_ratio": mlp_subject["effect"] / max(mlp_last["effect"], 1e-9),
        "attention_at_last": best(last[2], late, m.layers),
        "indirect_effect": {s: {r: [round(float(x), 4) for x in v[n]] for r, v in mean.items()} for n, s in enumerate(STREAMS)},
    }


def rows_of(e):
    """The card's table: what, the figure aimed at, the figure, whether it is reached."""
    t, percent = e["trace"], lambda x: f"{100 * x:.1f} %"
    layer = lambda b: f" (layer {b['layer']})"
    return [
        ("facts, wordings seen for this subject: top-1", "99 %", percent(e["facts"]["seen"]["top1"]), e["facts"]["seen"]["top1"] >= 0.99),
        ("facts, wordings never seen for this subject: top-1", "95 %", percent(e["facts"]["held-out"]["top1"]), e["facts"]["held-out"]["top1"] >= 0.95),
        (f"causal trace over {t['facts']} facts: mean total effect", "0.5", f"{t['total_effect']:.3f}", t["total_effect"] >= 0.5),
        ("best block state at the last subject token, first two thirds of the layers: mean indirect effect", "0.3", f"{t['block_at_last_subject']['effect']:.3f}" + layer(t["block_at_last_subject"]), t["block_at_last_subject"]["effect"] >= 0.3),
        (f"best MLP window ({t['window']} layers) at the last subject token against the same at the last token", "2 to 1", f"{t['mlp_at_last_subject']['effect']:.3f}{layer(t['mlp_at_last_subject'])} to {t['mlp_at_last']['effect']:.3f}{layer(t['mlp_at_last'])}: {t['mlp_ratio']:.1f} to 1", t["mlp_ratio"] >= 2),
        (f"best attention window ({t['window']} layers) at the last token, second half of the layers", "0.2", f"{t['attention_at_last']['effect']:.3f}" + layer(t["attention_at_last"]), t["attention_at_last"]["effect"] >= 0.2),
        ("indirect objects, pairs and templates never seen: accuracy", "98 %", percent(e["io"]["accuracy"]), e["io"]["accuracy"] >= 0.98),
        ("the same: mean logit difference", "3.0", f"{e['io']['logit_difference']:.2f}", e["io"]["logit_difference"] >= 3),
        ("the head whose patching changes the logit difference most", "25 % of it", f"{percent(abs(e['heads']['best']['change']))} (layer {e['heads']['best']['layer']}, head {e['heads']['best']['head']})", abs(e["heads"]["best"]["change"]) >= 0.25),
        ("pronouns", "98 %", percent(e["pronoun"]["accuracy"]), e["pronoun"]["accuracy"] >= 0.98),
        ("agreement across an attractor of the other number", "97 %", percent(e["agreement"]["accuracy"]), e["agreement"]["accuracy"] >= 0.97),
        ("greater-than", "95 %", percent(e["greater"]["accuracy"]), e["greater"]["accuracy"] >= 0.95),
        ("induction: loss on the repeat over loss on the first copy", "below 0.3", f"{e['induction']['ratio']:.3f}", e["induction"]["ratio"] < 0.3),
    ]


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--model", required=True)
    ap.add_argument("--prompts", help="default: evaluation-prompts.json beside the model")
    ap.add_argument("--quick", action="store_true", help="trace twenty facts at two positions, and write nothing")
    a = ap.parse_args()
    torch.set_num_threads(2)
    torch.set_grad_enabled(False)
    with open(a.prompts or os.path.join(a.model, "evaluation-prompts.json")) as f:
        prompts = json.load(f)
    m = Measured(a.model)
    if a.quick:
        prompts["trace"]["facts"] = prompts["trace"]["facts"][::5]
    evaluation = {
        "facts": measure_facts(m, prompts["facts"]),
        "trace": measure_trace(m, prompts["trace"], "two" if a.quick else "all"),
        "io": measure_pairs(m, prompts["io"]),
        "heads": measure_heads(m, prompts["io"][:200]),
        **{kind: measure_pairs(m, prompts[kind]) for kind in ("pronoun", "agreement")},
        "greater": measure_greater(m, prompts["greater"]),
        "induction": measure_induction(m, prompts["induction"]),
    }
    table = "| what | aim | measured | reached |\n|---|---|---|---|\n" + "".join(f"| {what} | {aim} | {value} | {'yes' if ok else 'no'} |\n" for what, aim, value, ok in rows_of(evaluation))
    print(table + f"\n{resource.getrusage(resource.RUSAGE_SELF).ru_utime:.0f} s user")
    if a.quick:
        for stream, roles in evaluation["trace"]["indirect_effect"].items():
            print(stream, roles)
        print(evaluation["facts"], evaluation["heads"]["change"], evaluation["greater"], evaluation["pronoun"], evaluation["agreement"], evaluation["io"])
        return
    with open(os.path.join(a.model, "evaluation.json"), "w") as f:
        f.write(re.sub(r"\[[^\[\]{}]*\]", lambda found: " ".join(found[0].split()), json.dumps(evaluation, indent=1)) + "\n")
    card = os.path.join(a.model, "README.md")
    with open(card) as f:
        text = f.read()
    with open(card, "w") as f:
        f.write(re.sub(r"(<!-- figures -->\n).*?(<!-- end -->)", lambda found: found[1] + table + found[2], text, flags=re.S))


if __name__ == "__main__":
    main()
