"""Load every folder of interventions below FOLDER with pyvene, run what its call.json asks for, report the logits, and save
what was loaded to AGAIN, as pyvene saves it.

Run: python run_pyvene.py MODEL FOLDER AGAIN REPORT.json
"""
import json, sys, traceback
from pathlib import Path
import pyvene as pv
import torch
from transformers import AutoModelForCausalLM

model_path, folder, again, report = sys.argv[1:]
model = AutoModelForCausalLM.from_pretrained(model_path, dtype=torch.float32, attn_implementation="eager").eval()
ids = lambda rows: {"input_ids": torch.tensor(rows)}
result = {}
for path in sorted(Path(folder).iterdir()):
    call = json.loads((path / "call.json").read_text())
    try:
        intervenable = pv.IntervenableModel.load(str(path), model)
        sources = [None if s is None else ids(s) for s in call["sources"]] if call["sources"] else None
        with torch.no_grad():
            out = intervenable(ids(call["base"]), sources, call["unit_locations"], subspaces=call["subspaces"])
        first, last = out
        collected = first[1] if isinstance(first, tuple) else []
        result[path.name] = dict(logits=last.logits.flatten().tolist(), collected=[c.flatten().tolist() for c in collected])
        intervenable.save(str(Path(again) / path.name))
    except Exception:
        result[path.name] = dict(error=traceback.format_exc())
Path(report).write_text(json.dumps(result))
