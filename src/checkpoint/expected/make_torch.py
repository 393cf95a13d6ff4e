"""Small files of torch.save and what is in them: the numbers that src/checkpoint/torch/torchFile.test.ts compares with.

Writes torch.expected.json beside itself. With a folder for an argument it writes nothing, and prints as JSON what
torch.load(weights_only=True) finds in the folder's files; the test of the writer calls it so.

Run:  pip install torch numpy
      python make_torch.py
"""
import base64, io, json, os, pickle, sys, zipfile
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
b64 = lambda data: base64.b64encode(data).decode()


def described(state):
    """Name to dtype, shape and the bytes in row-major order."""
    raw = lambda t: t.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if t.numel() else b""
    return {name: dict(dtype=str(t.dtype).removeprefix("torch."), shape=list(t.shape), bytes=b64(raw(t)))
            for name, t in state.items()}


def saved(value, **options):
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def packed(data, method):
    """The same archive, compressed anew."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", method) as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), old.read(name), compress_type=method)
    return buffer.getvalue()


class Runs:
    """What a pickle must not be able to do."""
    def __reduce__(self):
        return os.system, ("echo this ran",)


def main():
    torch.manual_seed(3)
    grid = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    dtypes = ["float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8"]
    numbers = torch.tensor([0.0, 1.0, 2.5, 100.0, 3.0, 7.0])
    every = {name: numbers.to(getattr(torch, name)).reshape(2, 3) for name in dtypes}
    every["float64"] = torch.tensor([[0.1, -1e300, 1e-320], [float("inf"), float("-inf"), 1 / 3]], dtype=torch.float64)
    every["float16"] = torch.tensor([[-0.0, 6e-8, 65504.0], [-1.5, float("inf"), 1 / 3]], dtype=torch.float16)
    every["int64"] = torch.tensor([[-1, 2 ** 40, -2 ** 53], [0, 5, 2 ** 31]])
    every["bool"] = torch.tensor([True, False, True])
    good = {
        "module": torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2)).state_dict(),
        "every_dtype": every,
        "views": {"whole": grid, "transposed": grid.transpose(0, 2), "column": grid[:, 1, 2], "inner": grid[1:, 1:, ::2],
                  "expanded": grid[0, 0].expand(3, 4), "tied": grid},
        "small": {"scalar": torch.tensor(7), "empty": torch.zeros(0, 5), "name é🦜": torch.ones(1)},
        "parameter": {"weight": torch.nn.Parameter(torch.randn(2, 2))},
    }
    files = {name: dict(file=b64(saved(state)), tensors=described(state)) for name, state in good.items()}
    state = good["views"]
    files["protocol_4"] = dict(file=b64(saved(state, pickle_protocol=4)), tensors=described(state))
    files["deflated"] = dict(file=b64(packed(saved(state), zipfile.ZIP_DEFLATED)), tensors=described(state))
    refused = {
        "legacy": saved(good["small"], _use_new_zipfile_serialization=False),
        "runs": saved({"weight": torch.ones(2), "more": Runs()}),
        "runs_protocol_4": saved({"weight": torch.ones(2), "more": Runs()}, pickle_protocol=4),
        "module_object": saved(torch.nn.Linear(1, 1)),
        "bare_tensor": saved(torch.ones(2)),
        "training_state": saved({"model": {"weight": torch.ones(2)}, "epoch": 3}),
        "lzma": packed(saved({"weight": torch.ones(2)}), zipfile.ZIP_LZMA),
        "pickle_alone": pickle.dumps({"weight": [1.0]}),
    }
    report = dict(torch=torch.__version__, files=files, refused={name: b64(data) for name, data in refused.items()})
    with open(os.path.join(HERE, "torch.expected.json"), "w") as out:
        json.dump(report, out, indent=1)
        out.write("\n")


if len(sys.argv) > 1:
    folder = sys.argv[1]
    json.dump({name: described(torch.load(os.path.join(folder, name), weights_only=True))
               for name in sorted(os.listdir(folder))}, sys.stdout)
else:
    main()
