"""What transformers' logits processors leave of random and of tied scores: writes filters.json beside this file.

Needs torch and transformers. `kept` lists the ids that are not removed; `scores` what penalties make of them. Which of equal
scores torch.sort puts first is left open there, so that it is fixed here: the higher id, which is therefore dropped first.
"""
import json
from pathlib import Path

import torch
from transformers.generation import logits_process as lp


def sort(scores, descending=False, dim=-1):
    """torch.sort, of equal scores the higher id first."""
    values, places = torch_sort(scores.flip(dim), dim=dim, descending=descending, stable=True)
    return values, scores.shape[dim] - 1 - places


torch_sort = torch.sort
torch.sort = sort


def scores_of(kind, seed):
    generator = torch.Generator().manual_seed(seed)
    if kind == "random":
        return torch.randn(40, generator=generator) * 3
    # Halves between -2 and 2: every value stands several times.
    return torch.randint(-4, 5, (40,), generator=generator).float() / 2


filters = {
    "topK": [(k, lp.TopKLogitsWarper(top_k=k)) for k in (1, 2, 5, 17, 40)],
    "topP": [(p, lp.TopPLogitsWarper(top_p=p)) for p in (0.05, 0.3, 0.55, 0.9, 0.99)],
    "minP": [(m, lp.MinPLogitsWarper(min_p=m)) for m in (0.01, 0.1, 0.5, 1.0)],
    "typicalP": [(m, lp.TypicalLogitsWarper(mass=m)) for m in (0.05, 0.2, 0.5, 0.9)],
}
chain = [
    lp.TemperatureLogitsWarper(0.7),
    lp.TopKLogitsWarper(20),
    lp.TopPLogitsWarper(0.8),
    lp.MinPLogitsWarper(0.05),
    lp.TypicalLogitsWarper(0.9),
]
kept = lambda row: [i for i, s in enumerate(row.tolist()) if s != float("-inf")]
ids = torch.tensor([[3, 17, 8, 3, 17, 25, 3, 17]])
cases = []
for kind in ("random", "tied"):
    for seed in range(6):
        scores = scores_of(kind, seed)
        case = dict(kind=kind, seed=seed, scores=scores.tolist(), filters=[])
        for name, warpers in filters.items():
            for value, warper in warpers:
                case["filters"].append(dict(name=name, value=value, kept=kept(warper(ids, scores[None].clone())[0])))
        row = scores[None].clone()
        for warper in chain:
            row = warper(ids, row)
        case["chain"] = kept(row[0])
        case["repetition"] = lp.RepetitionPenaltyLogitsProcessor(1.3)(ids, scores[None].clone())[0].tolist()
        case["noRepeat"] = {
            str(n): [i for i in range(40) if i not in kept(lp.NoRepeatNGramLogitsProcessor(n)(ids, scores[None].clone())[0])]
            for n in (1, 2, 3, 4)
        }
        cases.append(case)
out = dict(sequence=ids[0].tolist(), chain=dict(temperature=0.7, topK=20, topP=0.8, minP=0.05, typicalP=0.9), cases=cases)
Path(__file__).with_name("filters.json").write_text(json.dumps(out) + "\n")
