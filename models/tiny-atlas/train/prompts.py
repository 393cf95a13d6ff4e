"""Write evaluation-prompts.json: every item that the model is measured on, as data, so that any runtime can measure it.

    python prompts.py --out evaluation-prompts.json

An item's `prompt` ends where its `answer` begins; both stand as text and are tokenized apart. `start` and `end` are
the characters of the subject within the prompt. `split` says what the model saw in training: 'seen', or 'held-out'
for what sentences.py keeps from it.
"""

import argparse
import json
import random

import sentences as S

SEED = 20
TRACE = {
    "samples": 10,
    "sigmas": 3,
    "noise": "for each fact anew: numpy.random.RandomState(1).randn(samples, subject tokens, width) * level, added to the token embedding",
    "level": "sigmas times the unbiased standard deviation of all entries of the token embeddings of all subjects of the trace",
    "metric": "mean over the samples of the probability of the answer's first token after the last token of the prompt",
    "window": "a third of the layers, rounded; layers max(0, l - w // 2) up to min(layers, l + ceil(w / 2)), the last one excluded; a block output is restored at one layer",
}


def row(item, split):
    out = {"prompt": item.prompt, "answer": item.answer, "distractor": item.distractor, "split": split, "group": item.group}
    if item.subject:
        start = item.prompt.index(item.subject)
        out.update(subject=item.subject, start=start, end=start + len(item.subject))
    return {**out, **item.extra}


def sampled(make, count, rng):
    """`count` different items."""
    found = {}
    while len(found) < count:
        item = make(rng, "test")
        found[item.prompt] = item
    return [row(i, "held-out") for i in found.values()]


def collect(words):
    rng = random.Random(SEED)
    by_fact = {}
    for f in S.all_facts():
        by_fact.setdefault((f.group, f.subject), []).append(f)
    facts = []
    for items in by_fact.values():
        facts += [row(f, "held-out") for f in items if f.split == "test"]
        facts += [row(f, "seen") for f in rng.sample([f for f in items if f.split == "train"], 2)]
    traced = [f for f in S.all_facts() if f.split == "train" and f.extra["wording"] in S.TRACED.get(f.group, ())]
    one_each = {}
    for f in rng.sample(traced, len(traced)):
        one_each.setdefault((f.group, f.subject), f)
    half = lambda relation: rng.sample([f for (r, _), f in one_each.items() if r == relation], 50)
    pronouns = [S.pronoun(n, t) for n in S.NAMES for t in range(len(S.PRONOUN))]
    return {
        "trace": {**TRACE, "facts": [row(f, "seen") for f in half("city") + half("country")]},
        "facts": facts,
        "io": sampled(S.indirect_object, 400, rng),
        "pronoun": [row(p, "held-out") for p in pronouns if p.split == "test"],
        "agreement": sampled(S.agreement, 300, rng),
        "greater": sampled(S.greater, 300, rng),
        "induction": [{"text": S.induction(rng, words, 20), "length": 20} for _ in range(60)],
    }


def dump(value, file):
    """JSON with one item a line."""
    lines = lambda items: "[\n" + ",\n".join("    " + json.dumps(i) for i in items) + "\n  ]"
    parts = []
    for key, part in value.items():
        if isinstance(part, dict):
            inner = ",\n".join(f"   {json.dumps(k)}: " + (lines(v) if isinstance(v, list) else json.dumps(v)) for k, v in part.items())
            parts.append(f"  {json.dumps(key)}: {{\n{inner}\n  }}")
        else:
            parts.append(f"  {json.dumps(key)}: {lines(part)}")
    with open(file, "w") as f:
        f.write("{\n" + ",\n".join(parts) + "\n}\n")


def main():
    from tokenizers import Tokenizer

    from corpus import sequence_words

    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--tokenizer", required=True)
    ap.add_argument("--out", required=True)
    a = ap.parse_args()
    prompts = collect(sequence_words(Tokenizer.from_file(a.tokenizer)))
    dump(prompts, a.out)
    print({k: len(v["facts"] if k == "trace" else v) for k, v in prompts.items()})


if __name__ == "__main__":
    main()
