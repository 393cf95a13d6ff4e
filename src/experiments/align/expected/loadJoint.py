"""loadJoint.py MODEL FOLDER CALL

Loads what was trained together from FOLDER with pyvene, swaps all of it in for the examples of CALL (JSON: base prompts as ids,
and by intervention source prompts and places of both), each from its own source, and prints the share whose most probable next
token is the label. Needs torch, transformers, pyvene.
"""
import json
import sys

import pyvene as pv
import torch
import transformers as hf

path, folder, call = sys.argv[1:4]
call = json.load(open(call))
model = hf.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
intervenable = pv.IntervenableModel.load(folder, model)
right = 0
with torch.no_grad():
    # One by one, because the prompts are of unequal length.
    for at, (base, label) in enumerate(zip(call["base"], call["labels"])):
        sources = [{"input_ids": torch.tensor([own[at]])} for own in call["sources"]]
        places = tuple([[own[at]] for own in call[side]] for side in ("from", "to"))
        _, out = intervenable({"input_ids": torch.tensor([base])}, sources, {"sources->base": places})
        right += int(out.logits[0, -1].argmax()) == label
print(json.dumps(right / len(call["labels"])))
