"""loadAdapter.py MODEL CALLS

Loads trained adapters with pyreft, or with PEFT where one is a LoRA of theirs, and prints for each, a line of JSON, what it makes
of its examples: the mean loss of their continuations' tokens, and the most probable token in the place of each; or the name of the
library that is missing. CALLS is JSON, a list: folder; examples with prompt and continuation as ids and, for each intervention,
the positions where it acts; pieces, with layer and group, and rank. Needs torch, transformers, and pyreft or peft.
"""
import json
import os
import sys

import torch
import transformers as hf



def noreft(pyreft, model, folder, rank, pieces):
    """Its constructor asks for add_bias, which no folder says."""

    def intervention(piece):
        options = dict(embed_dim=model.config.hidden_size, low_rank_dimension=rank, add_bias=False, dtype=torch.float32)
        found = pyreft.NoreftIntervention(**options)
        found.load_state_dict(torch.load(os.path.join(folder, f"noreft_layer_{piece['layer']}_{piece['group']}.bin")))
        return found

    place = lambda piece: dict(layer=piece["layer"], component="block_output", low_rank_dimension=rank, intervention=intervention(piece))
    config = pyreft.ReftConfig(representations=[place(piece) for piece in pieces])
    return pyreft.get_reft_model(model, config, set_device=False)


def exact(made, folder):
    """pyreft makes W and b in bfloat16, which it does not multiply with a float32 model: once more in float32."""
    for key, intervention in made.interventions.items():
        if hasattr(intervention, "learned_source"):
            intervention.learned_source.float()
            intervention.load_state_dict(torch.load(os.path.join(folder, f"intkey_{key}.bin")))
    return made


def measured(path, folder, examples, rank, pieces):
    model = hf.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
    names = os.listdir(folder)
    if "adapter_config.json" in names:
        import peft

        adapted = peft.PeftModel.from_pretrained(model, folder).eval()
        run = lambda ids, places: adapted(input_ids=ids).logits
    else:
        import pyreft

        whole = "config.json" in names
        made = exact(pyreft.ReftModel.load(folder, model), folder) if whole else noreft(pyreft, model, folder, rank, pieces)
        run = lambda ids, places: made({"input_ids": ids}, unit_locations={"sources->base": (None, places)})[1].logits
    losses, said = [], []
    with torch.no_grad():
        # One by one, because the prompts are of unequal length.
        for example in examples:
            ids = torch.tensor([example["prompt"] + example["continuation"]])
            logits = run(ids, [[places] for places in example["places"]])[0, len(example["prompt"]) - 1 : -1]
            labels = torch.tensor(example["continuation"])
            losses += torch.nn.functional.cross_entropy(logits, labels, reduction="none").tolist()
            said.append(logits.argmax(-1).tolist())
    return dict(loss=sum(losses) / len(losses), said=said)


path, calls = sys.argv[1:3]
for call in json.load(open(calls)):
    try:
        print(json.dumps(measured(path, **call)))
    except ModuleNotFoundError as missing:
        print(json.dumps(dict(missing=missing.name)))
