"""Generate with pyvene under additive interventions: those of folders that were written elsewhere, and one that pyvene saves.

Run: python generate_pyvene.py MODEL FOLDER OWN REPORT.json
Each folder below FOLDER has a call.json with the prompt and the number of new tokens. What pyvene makes itself goes to OWN.
"""
import json
import sys
from pathlib import Path

import pyvene as pv
import torch
from transformers import AutoModelForCausalLM

model_path, folder, own, report = sys.argv[1:]


def load():
    return AutoModelForCausalLM.from_pretrained(
        model_path, dtype=torch.float32, attn_implementation="eager"
    ).eval()


def texts(intervenable, call):
    prompt = {"input_ids": torch.tensor([call["prompt"]])}
    more = dict(max_new_tokens=call["tokens"], do_sample=False, eos_token_id=None, pad_token_id=0)
    out = {}
    with torch.no_grad():
        out["decode"] = intervenable.generate(prompt, **more)[1][0].tolist()
        out["everywhere"] = intervenable.generate(prompt, intervene_on_prompt=True, **more)[1][0].tolist()
        located = intervenable.generate(
            prompt, unit_locations={"base": call["position"]}, intervene_on_prompt=True, **more
        )
        out["prompt"] = located[1][0].tolist()
    return out


result = {}
calls = {path.name: json.loads((path / "call.json").read_text()) for path in sorted(Path(folder).iterdir())}
for name, call in calls.items():
    result[name] = texts(pv.IntervenableModel.load(str(Path(folder) / name), load()), call)
call = next(iter(calls.values()))
model = load()
torch.manual_seed(3)
vector = 3 * torch.randn(model.config.hidden_size)
config = pv.IntervenableConfig(
    representations=[pv.RepresentationConfig(layer=1, component="block_output", source_representation=vector)],
    intervention_types=pv.AdditionIntervention,
)
intervenable = pv.IntervenableModel(config, model)
intervenable.save(own)
result["own"] = texts(intervenable, call)
Path(report).write_text(json.dumps(result))
