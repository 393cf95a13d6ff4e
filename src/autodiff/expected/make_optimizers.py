"""Write the paths that PyTorch's optimisers and schedules take on gradients given beforehand.

Made with: torch 2.15.0, transformers 5.23.0; float32 on the CPU.
Run:       python make_optimizers.py > optimizers.expected.json
"""
import json
import torch
from transformers import get_linear_schedule_with_warmup, get_cosine_schedule_with_warmup

STEPS, SIZE = 12, 4
generator = torch.Generator().manual_seed(3)
start = torch.randn(SIZE, generator=generator)
gradients = torch.randn(STEPS, SIZE, generator=generator)
CASES = [
    (dict(kind="sgd"), lambda p: torch.optim.SGD(p, lr=0.1)),
    (dict(kind="sgd", momentum=0.9, weightDecay=0.02), lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.02)),
    (dict(kind="adam"), lambda p: torch.optim.Adam(p, lr=0.1)),
    (dict(kind="adam", betas=[0.8, 0.95], epsilon=1e-3, weightDecay=0.1), lambda p: torch.optim.Adam(p, lr=0.1, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1)),
    (dict(kind="adamw"), lambda p: torch.optim.AdamW(p, lr=0.1)),
    (dict(kind="adamw", weightDecay=0.3), lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.3)),
]
paths = []
for settings, make in CASES:
    p = torch.nn.Parameter(start.clone())
    optimizer = make([p])
    path = []
    for g in gradients:
        p.grad = g.clone()
        optimizer.step()
        path.append(p.detach().tolist())
    paths.append(dict(settings=settings, path=path))


def factors(make):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule, found = make(optimizer), []
    for _ in range(STEPS):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


schedules = [
    dict(schedule=dict(kind="linear", steps=10, warmUpSteps=3), factors=factors(lambda o: get_linear_schedule_with_warmup(o, 3, 10))),
    dict(schedule=dict(kind="linear", steps=10, end=0.1), factors=factors(lambda o: torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.1, 10))),
    # Past its last step the cosine of transformers rises again; it is not compared there.
    dict(schedule=dict(kind="cosine", steps=10, warmUpSteps=2), factors=factors(lambda o: get_cosine_schedule_with_warmup(o, 2, 10))[:11]),
]
print(json.dumps(dict(rate=0.1, start=start.tolist(), gradients=gradients.tolist(), paths=paths, schedules=schedules), indent=1))
