"""Runs exported programs, each by itself, and prints what each has computed: its logits, or what it has printed.

    python run_programs.py programs.json > results.json

The file maps names to programs. An answer is {"logits": [...], "collected": [...], "printed": "..."}, or {"error": "..."}.
"""

import contextlib
import io
import json
import linecache
import logging
import sys
import traceback
import warnings

import torch

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
answers = {}
with open(sys.argv[1], encoding="utf-8") as file:
    programs = json.load(file)
for name, code in programs.items():
    # nnsight reads the source of what it traces.
    linecache.cache[name] = (len(code), None, code.splitlines(True), name)
    scope = {"__name__": "__main__"}
    torch.set_grad_enabled(True)
    logging.disable(logging.WARNING)
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
            exec(compile(code, name, "exec"), scope)
        logits = scope["logits"] if "logits" in scope else scope["output"].logits
        collected = [x for each in scope.get("collected", []) for x in each.flatten().tolist()]
        answers[name] = {
            "logits": logits.flatten().tolist(),
            "collected": collected,
            "printed": printed.getvalue(),
        }
    except Exception as error:  # what fails is an answer too
        where = traceback.extract_tb(error.__traceback__)[-1]
        answers[name] = {"error": f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})"}
json.dump(answers, sys.stdout)
