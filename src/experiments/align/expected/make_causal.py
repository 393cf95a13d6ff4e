"""Writes causal.expected.json: what pyvene's CausalModel gives for two models. Needs pyvene 0.1.8.

    python make_causal.py > causal.expected.json
"""
import itertools
import json

import pyvene
from pyvene.data_generators.causal_model import CausalModel

BITS = [False, True]


def conjunction():
    names = ["A", "B", "C"]
    functions = {"A": lambda: True, "B": lambda: False, "C": lambda a, b: a and b}
    return CausalModel(names, {n: BITS for n in names}, {"A": [], "B": [], "C": ["A", "B"]}, functions, pos={})


def equality():
    """Hierarchical equality: are the two pairs alike in being equal?"""
    names = ["W", "X", "Y", "Z", "WX", "YZ", "O"]
    same = lambda a, b: a == b
    values = {n: [0, 1, 2] for n in "WXYZ"} | {n: BITS for n in ("WX", "YZ", "O")}
    parents = {"W": [], "X": [], "Y": [], "Z": [], "WX": ["W", "X"], "YZ": ["Y", "Z"], "O": ["WX", "YZ"]}
    functions = {n: (lambda: 0) for n in "WXYZ"} | {"WX": same, "YZ": same, "O": same}
    return CausalModel(names, values, parents, functions, pos={})


def describe(model):
    inputs = [dict(zip(model.inputs, combination)) for combination in itertools.product(*[model.values[n] for n in model.inputs])]
    inputs = inputs[:: max(1, len(inputs) // 12)]
    model.generate_equiv_classes()
    return {
        "inputs": model.inputs,
        "outputs": model.outputs,
        "timesteps": {n: model.timesteps[n] for n in sorted(model.timesteps)},
        "default": dict(sorted(model.run_forward().items())),
        "forward": [[given, dict(sorted(model.run_forward(given).items()))] for given in inputs],
        "paths": [
            [given, {str(k): sorted(map(list, v)) for k, v in model.find_live_paths(given).items() if v}] for given in inputs
        ],
        "interchange": [
            [base, variable, source, dict(sorted(model.run_interchange(base, {variable: source}).items()))]
            for base in inputs[:4]
            for source in inputs[3:7]
            for variable in sorted(set(model.variables) - set(model.inputs) - set(model.outputs)) or ["A"]
        ],
        "classes": {n: [[value, len(found)] for value, found in classes.items()] for n, classes in sorted(model.equiv_classes.items())},
    }


print(json.dumps({"pyvene": pyvene.__version__ if hasattr(pyvene, "__version__") else "0.1.8", "conjunction": describe(conjunction()), "equality": describe(equality())}))
