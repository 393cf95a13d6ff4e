"""What PyTorch makes of every 8-bit float, of float64, and of 8-bit weights with scales: the numbers that
src/checkpoint/storage/expand8.test.ts and src/checkpoint/safetensors/scaled.test.ts compare with.

Run:  pip install torch
      python make_float8.py
"""
import base64, json, os
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
b64 = lambda tensor: base64.b64encode(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()).decode()
TYPES = {"F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2, "F8_E4M3FNUZ": torch.float8_e4m3fnuz, "F8_E5M2FNUZ": torch.float8_e5m2fnuz}


def scaled(weight, scale, block):
    """[rows, columns] times a scale for the whole, for each row, or for each block."""
    rows, columns = weight.shape
    spread = scale.float().reshape(-1, 1) if scale.dim() < 2 else scale.float()
    if block:
        spread = spread.repeat_interleave(block[0], 0)[:rows].repeat_interleave(block[1], 1)[:, :columns]
    return weight.float() * spread


def main():
    torch.manual_seed(5)
    every = torch.arange(256, dtype=torch.uint8)
    patterns = {name: b64(every.view(kind).float()) for name, kind in TYPES.items()}
    doubles = torch.tensor([0.1, -1e300, 1e-320, float("inf"), 1 / 3, -0.0, 16777217.0], dtype=torch.float64)
    weight = torch.randn(6, 10).to(torch.float8_e4m3fn)
    cases = []
    for name, scale, block in [
        ("weight_scale", torch.tensor(0.37), None), ("weight_scale", torch.tensor([0.37]), None),
        ("weight_scale", torch.rand(6, 1), None), ("weight_scale", torch.rand(6), None), ("weight_scale", torch.rand(6, 1).bfloat16(), None),
        ("weight_scale_inv", torch.rand(2, 3), [4, 4]), ("weight_scale_inv", torch.rand(1, 1), [128, 128]),
    ]:
        cases.append(dict(name=name, dtype="BF16" if scale.dtype == torch.bfloat16 else "F32", shape=list(scale.shape), scale=b64(scale),
                          block=block, values=b64(scaled(weight, scale, block))))
    written = dict(torch=torch.__version__, patterns=patterns, doubles=dict(bytes=b64(doubles), values=b64(doubles.float())),
                   weight=dict(shape=[6, 10], bytes=b64(weight)), cases=cases)
    with open(os.path.join(HERE, "float8.expected.json"), "w") as file:
        json.dump(written, file)


main()
