"""train_masked.py CALLS

Takes the steps of alignments and finetunings of models that fill masks, in float64, and prints for each call of CALLS (a JSON
list) a line of JSON: the loss of each step, and the parameters after the last. Prompts of a batch are padded to one length and
masked; modules are edited and read by hooks; a rotation takes its step in the tangent and comes back by the polar factor of a
singular value decomposition. Needs torch and transformers.

A call: model, steps (examples, places [base, source], rate, temperature), path of the module and, for LoRA, `entering`; type,
penalty, dimensions, scaling, heads and head_width; initial parameters with shapes.
"""
import torch
import transformers as hf

from steps import F, begun, changed, print_trainings, put, stepped, trained, units


def module_of(model, path):
    names, side = path.rsplit(".", 1)
    found = model.get_submodule(names.replace("[", ".").replace("]", ""))
    return found, side


def padded(prompts, padding):
    longest = max(map(len, prompts))
    ids = torch.tensor([prompt + [padding] * (longest - len(prompt)) for prompt in prompts])
    seen = torch.tensor([[1] * len(prompt) + [0] * (longest - len(prompt)) for prompt in prompts])
    return dict(input_ids=ids, attention_mask=seen)


def run_with(model, path, hook, batch):
    """hook(tensor) gives what takes its place, or None."""
    module, side = module_of(model, path)

    def leaving(_, __, output):
        whole = output[0] if isinstance(output, tuple) else output
        new = hook(whole)
        if new is None:
            return None
        return (new, *output[1:]) if isinstance(output, tuple) else new

    def entering(_, given):
        new = hook(given[0])
        return None if new is None else (new, *given[1:])

    handle = module.register_forward_pre_hook(entering) if side == "input" else module.register_forward_hook(leaving)
    try:
        return model(**batch).logits
    finally:
        handle.remove()


def train(call):
    model = hf.AutoModelForMaskedLM.from_pretrained(call["model"], dtype=F).eval()
    model.requires_grad_(False)
    padding = model.config.pad_token_id or 0
    p = begun(call)
    losses = []
    for step in call["steps"]:
        examples, rate, temperature = step["examples"], step["rate"], step.get("temperature")
        for value in p.values():
            value.requires_grad_(True)
        sources = {}
        if "source" in examples[0]:
            batch = padded([example["source"] for example in examples], padding)
            run_with(model, call["path"], lambda x: sources.update(x=x.clone()), batch)
        entered = {}
        if "entering" in call:
            module, _ = module_of(model, call["entering"])
            handle = module.register_forward_pre_hook(lambda _, given: entered.update(x=given[0]))

        def hook(x):
            new = x.clone()
            for row, example in enumerate(examples):
                at, there = example["places"]
                # A finetuning changes each position by itself.
                for group, other in [(at, there)] if sources else [([place], None) for place in at]:
                    base = units(x, row, group, call)
                    source = units(sources["x"], row, other, call) if sources else None
                    own = entered["x"][row, group[0]] if entered else None
                    put(new, row, group, call, changed(call, p, base, source, own, temperature))
            return new

        logits = run_with(model, call["path"], hook, padded([example["base"] for example in examples], padding))
        if "entering" in call:
            handle.remove()
        said = torch.stack([logits[row, example["watched"]] for row, example in enumerate(examples)])
        loss = torch.nn.functional.cross_entropy(said, torch.tensor([example["label"] for example in examples]))
        penalty = 0
        if "boundary" in p:
            penalty = call["penalty"] * p["boundary"].sum()
        if "mask" in p:
            penalty = call["penalty"] * torch.sigmoid(p["mask"] / temperature).mean()
        losses.append(loss.item())
        p = stepped(p, loss + penalty, rate)
    return trained(losses, p)


print_trainings(train)
