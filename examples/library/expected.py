"""What pyvene computes in three of its tutorials, on the model that ships with Patchbay: nested intervention (one head at one
position), subspace partition (half of a rotated space), and activation addition.

Made with: pyvene 0.1.8, torch 2.15.0, transformers 5.23.0; float32 on the CPU.
Run:       python expected.py     (beside this file)
"""
import json, math
from pathlib import Path
import pyvene as pv
import torch
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModelForCausalLM

HERE = Path(__file__).parent
MODEL = HERE.parent.parent / "models" / "tiny-atlas"
BASE, SOURCE = "The Louvre Museum is in downtown", "The Prado Museum is in downtown"

tokenizer = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
model = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32, attn_implementation="eager").eval()
ids = lambda text: torch.tensor([tokenizer.encode(text).ids])
base, source = ids(BASE), ids(SOURCE)
paris, madrid = (tokenizer.encode(word).ids[0] for word in (" Paris", " Madrid"))
layers, length, width = model.config.n_layer, base.shape[1], model.config.n_embd


def probabilities(logits):
    p = torch.softmax(logits[0, -1], -1)
    return [float(p[paris]), float(p[madrid])]


def run(representations, types, locations, sources=True, subspaces=None, prepare=None):
    config = pv.IntervenableConfig([pv.RepresentationConfig(**r) for r in representations], intervention_types=types)
    intervenable = pv.IntervenableModel(config, model)
    for intervention in intervenable.interventions.values():
        if prepare:
            prepare(intervention)
    with torch.no_grad():
        return probabilities(intervenable({"input_ids": base}, [{"input_ids": source}] if sources else None, locations, subspaces=subspaces)[1].logits)


# The cosine transform: an orthogonal matrix that everyone can write down.
rows, columns = torch.arange(width, dtype=torch.float64)[:, None], torch.arange(width, dtype=torch.float64)[None]
cosines = math.sqrt(2 / width) * torch.cos(math.pi / width * (rows + 0.5) * columns)
cosines[:, 0] /= math.sqrt(2)
cosines = cosines.float()


def rotate(intervention):
    intervention.rotate_layer.weight = cosines


with torch.no_grad():
    plain = [probabilities(model(prompt).logits) for prompt in (base, source)]
nested = {
    component: [[run([dict(layer=layer, component=component, unit="h.pos")], pv.VanillaIntervention, {"sources->base": ([[[[0]], [[position]]]], [[[[0]], [[position]]]])})
                 for position in range(length)] for layer in range(layers)]
    for component in ("head_attention_value_output", "head_value_output")
}
partition = [[0, width // 2], [width // 2, width]]
subspace = [[run([dict(layer=layer, component="mlp_output", subspace_partition=partition)], pv.RotatedSpaceIntervention, {"sources->base": ([[[position]]], [[[position]]])}, subspaces=[[[0]]], prepare=rotate)
             for position in range(length)] for layer in range(layers)]
embedding = model.transformer.wte.weight[madrid].detach().clone()
added = run([dict(layer=layer, component="mlp_output", source_representation=embedding) for layer in range(layers)], pv.AdditionIntervention, {"base": [[[length - 1]]] * layers}, sources=False)

result = dict(base=BASE, source=SOURCE, words=[" Paris", " Madrid"], plain=plain, nested=nested, subspace=subspace, added=added)
(HERE / "expected.json").write_text(json.dumps(result, indent=1) + "\n")
print("plain", plain, "added", added)
print("most of Madrid by one head", max(cell[1] for grid in nested.values() for row in grid for cell in row), "by half an MLP", max(cell[1] for row in subspace for cell in row))
