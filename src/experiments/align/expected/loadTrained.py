"""loadTrained.py MODEL FOLDER CALL

Loads the trained intervention of FOLDER with pyvene, swaps it in for the examples of CALL (JSON: base and source prompts as
ids, places of both, heads or null, labels), and prints the share whose most probable token is the label: after the prompt, or
where CALL says, of a model that fills masks (`watched`; `declaring` then are the statements by which pyvene knows the model).
Needs torch, transformers, pyvene.
"""
import json
import sys

import pyvene as pv
import torch
import transformers as hf

path, folder, call = sys.argv[1:4]
call = json.load(open(call))
watched = call.get("watched") or [-1] * len(call["labels"])
opener = hf.AutoModelForMaskedLM if "watched" in call else hf.AutoModelForCausalLM
model = opener.from_pretrained(path, dtype=torch.float32).eval()
exec("\n".join(call.get("declaring", [])))
intervenable = pv.IntervenableModel.load(folder, model)
right = 0
with torch.no_grad():
    # One by one, because the prompts are of unequal length.
    for base, source, to, at, label, place in zip(
        call["base"], call["source"], call["places"]["base"], call["places"]["source"], call["labels"], watched
    ):
        heads = call.get("heads")
        units = lambda positions: [[[heads], [positions]]] if heads else [[positions]]
        where = {"sources->base": (units(at), units(to))}
        _, out = intervenable({"input_ids": torch.tensor([base])}, [{"input_ids": torch.tensor([source])}], where)
        right += int(out.logits[0, place].argmax()) == label
print(json.dumps(right / len(call["labels"])))
