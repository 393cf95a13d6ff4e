"""Write the paths that Adam takes with orthonormal columns behind PyTorch's `parametrizations.orthogonal`.

Made with: torch 2.15.0; float32 on the CPU.
Run:       python make_householder.py > householder.expected.json
"""
import json
import torch

STEPS, RATE = 8, 0.2
generator = torch.Generator().manual_seed(5)
cases = []
for rows, columns in [(5, 1), (7, 3), (9, 8)]:
    torch.manual_seed(rows)
    linear = torch.nn.Linear(columns, rows, bias=False)
    torch.nn.init.orthogonal_(linear.weight)
    torch.nn.utils.parametrizations.orthogonal(linear)
    parametrization = linear.parametrizations.weight
    optimizer = torch.optim.Adam(linear.parameters(), lr=RATE)
    gradients = torch.randn(STEPS, rows, columns, generator=generator)
    start, path = linear.weight.detach().tolist(), []
    for gradient in gradients:
        optimizer.zero_grad()
        (linear.weight * gradient).sum().backward()
        optimizer.step()
        path.append(linear.weight.detach().tolist())
    completion = parametrization[0].base.tolist()
    cases.append(dict(rows=rows, columns=columns, start=start, completion=completion, gradients=gradients.tolist(), path=path))
print(json.dumps(dict(rate=RATE, cases=cases)))
