"""Path patching of models of several stacks, cell by cell with PyTorch, as section 3.1 of Wang et al. 2022 writes it.

Each cell by three whole runs: both runs of the pair, whose heads are kept; a run in which every head of every stack is given what
the edited run's heads had, but the sender what it had in the other; a run in which the receivers are given what they read there.

Made with: torch and transformers, numpy, safetensors; float64 on the CPU, eager attention.
Run:       python make_paths.py          (writes paths.expected.json beside this file)
"""
import json, warnings
import torch
import transformers as hf
from make_patches import BASE, HERE, SOURCE, head_count, opened

SELF, CROSS = "head_attention_value_output", "head_cross_attention_value_output"
SOURCES = [dict(clean=dict(text=(BASE, 0), target=(BASE, 0)), corrupted=dict(text=(SOURCE, 0), target=(SOURCE, 0)))]
PICTURES = [dict(clean=dict(image=(BASE, 0), words=(BASE, 0)), corrupted=dict(image=(SOURCE, 0), words=(BASE, 0))),
            dict(clean=dict(image=(BASE, 0), words=(BASE, 1)), corrupted=dict(image=(BASE, 0), words=(SOURCE, 1)))]
# Of a question: another picture, another question, and an answer that parts at its last word.
QUESTIONS = [dict(clean=dict(image=(BASE, 0), text=(BASE, 0), target=(BASE, 0)), corrupted=dict(image=(SOURCE, 0), text=(BASE, 0), target=(BASE, 0))),
             dict(clean=dict(image=(BASE, 0), text=(BASE, 1), target=(BASE, 1)), corrupted=dict(image=(BASE, 0), text=(SOURCE, 1), target=(BASE, 1))),
             dict(clean=dict(image=(BASE, 1), text=(BASE, 1), target=(BASE, 1)), corrupted=dict(image=(BASE, 1), text=(BASE, 1), target=(BASE, 1), last=9)),
             dict(clean=dict(image=(BASE, 1), text=(BASE, 0), target=(BASE, 1)), corrupted=dict(image=(SOURCE, 1), text=(SOURCE, 0), target=(BASE, 1)))]
SOUNDS = [dict(clean=dict(sound=(BASE, 0), words=(BASE, 0)), corrupted=dict(sound=(SOURCE, 0), words=(SOURCE, 0)))]


def to(component, *heads):
    return dict(component=component, **(dict(heads=[list(head) for head in heads]) if heads else {}))


LOGITS = to("logits")
PATHS = {
    "t5-gated, from self-attention": dict(pairs=SOURCES, sending=SELF, receivers=[
        LOGITS, to("head_query_output", (1, 0)), to("head_key_output", (1, 2), (1, 0)), to("head_cross_query_output", (0, 1), (1, 1)), to("head_cross_query_output", (0, 2))]),
    "t5-gated, from cross-attention, MLPs frozen": dict(pairs=SOURCES, sending=CROSS, mlps="freeze", receivers=[
        LOGITS, to("head_value_output", (1, 0), (1, 1), (1, 2)), to("head_cross_query_output", (1, 0), (1, 1))]),
    "t5-gated, restored": dict(pairs=SOURCES, sending=CROSS, direction="restore", receivers=[LOGITS, to("head_query_output", (1, 0), (1, 1), (1, 2))]),
    # Targets that part at their last token: rows fork within them.
    "t5-gated, one target apart": dict(pairs=[dict(clean=dict(text=(BASE, 1), target=(BASE, 1)), corrupted=dict(text=(BASE, 1), target=(BASE, 1), last=9))],
                                       sending=SELF, receivers=[LOGITS, to("head_cross_query_output", (0, 0), (1, 1)), to("head_value_output", (1, 1))]),
    "t5-gated, from the encoder": dict(pairs=SOURCES, sending=f"encoder.{SELF}", receivers=[
        to("head_cross_key_output", (0, 0), (1, 1)), to("head_cross_value_output", (1, 0), (1, 1), (1, 2)), to("encoder.head_key_output", (2, 0), (1, 1)), to("encoder.head_value_output", (2, 2))]),
    "t5-gated, from the encoder, MLPs frozen": dict(pairs=SOURCES, sending=f"encoder.{SELF}", mlps="freeze", direction="restore", receivers=[
        to("head_cross_value_output", (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)), to("encoder.head_query_output", (2, 0), (2, 1), (2, 2))]),
    "blip-wide, from the picture": dict(pairs=PICTURES, sending=f"vision.{SELF}", receivers=[
        to("head_cross_key_output", (0, 0), (1, 1)), to("head_cross_value_output", (1, 0), (1, 1)), to("vision.head_query_output", (1, 0), (2, 1))]),
    "blip-wide, from cross-attention": dict(pairs=PICTURES, sending=CROSS, receivers=[LOGITS, to("head_key_output", (1, 0)), to("head_cross_query_output", (1, 1))]),
    "blip-wide, from self-attention, MLPs frozen": dict(pairs=PICTURES, sending=SELF, mlps="freeze", receivers=[LOGITS, to("head_query_output", (1, 1)), to("head_cross_query_output", (0, 0), (1, 0))]),
    "whisper-heads, from the sound": dict(pairs=SOUNDS, sending=f"encoder.{SELF}", receivers=[
        to("head_cross_value_output", (0, 0), (1, 1)), to("head_cross_key_output", (1, 0)), to("encoder.head_value_output", (1, 0), (1, 3))]),
    "whisper-heads, from self-attention": dict(pairs=SOUNDS, sending=SELF, receivers=[LOGITS, to("head_value_output", (1, 0)), to("head_cross_query_output", (0, 1), (1, 0))]),
    "whisper-heads, from cross-attention, MLPs frozen": dict(pairs=SOUNDS, sending=CROSS, mlps="freeze", direction="restore", receivers=[LOGITS, to("head_query_output", (1, 0), (1, 1))]),
    "blip-answers, from the picture": dict(pairs=QUESTIONS, sending=f"vision.{SELF}", receivers=[
        to("question.head_cross_key_output", (0, 0), (1, 1)), to("question.head_cross_value_output", (1, 0), (1, 2), (1, 3)), to("vision.head_query_output", (1, 0), (2, 1)), to("vision.head_key_output", (2, 2), (2, 3))]),
    "blip-answers, from the picture, MLPs frozen": dict(pairs=QUESTIONS, sending=f"vision.{SELF}", mlps="freeze", direction="restore", receivers=[
        to("question.head_cross_value_output", (0, 1), (0, 2), (1, 0), (1, 3)), to("vision.head_value_output", (1, 1), (2, 0))]),
    "blip-answers, from the question": dict(pairs=QUESTIONS, sending=f"question.{SELF}", receivers=[
        to("head_cross_value_output", (0, 0), (1, 1)), to("head_cross_key_output", (1, 0), (1, 3)), to("question.head_cross_query_output", (0, 1), (1, 2)), to("question.head_key_output", (1, 0), (1, 1))]),
    "blip-answers, from the question's cross-attention, MLPs frozen": dict(pairs=QUESTIONS, sending=f"question.{CROSS}", mlps="freeze", direction="restore", receivers=[
        to("head_cross_value_output", (0, 0), (0, 2), (1, 1)), to("question.head_value_output", (1, 0), (1, 2)), to("question.head_cross_query_output", (1, 1))]),
    "blip-answers, from cross-attention": dict(pairs=QUESTIONS, sending=CROSS, receivers=[LOGITS, to("head_query_output", (1, 0), (1, 2)), to("head_cross_query_output", (1, 1))]),
    "blip-answers, from self-attention, MLPs frozen": dict(pairs=QUESTIONS, sending=SELF, mlps="freeze", receivers=[LOGITS, to("head_value_output", (1, 1)), to("head_cross_query_output", (0, 0), (1, 0), (1, 3))]),
}


def paths(name, pairs, sending, receivers, direction="corrupt", mlps="recompute"):
    folder = name.split(",")[0]
    model = opened(folder)
    sent = sending.replace("head_", "")
    everywhere = lambda ends: [(component, layer) for component, (_, layers, _) in model.places.items() if component.endswith(ends) for layer in range(layers)]
    heads_at = everywhere("attention_value_output")
    kept_at = heads_at + (everywhere("mlp_output") if mlps == "freeze" else [])

    # BLIP's pictures have one matrix for queries, keys and values, a third of what it gives each.
    thirds = {"vision.query_output": 0, "vision.key_output": 1, "vision.value_output": 2} if model.kind.startswith("blip") else {}
    for component in thirds:
        model.places[component] = (*model.places["vision.attention_value_output"][:2], ("self_attn.qkv", "out"))

    def entries(component, head, x):
        # Keys and values have as many heads as queries in these models.
        count = head_count(model.kind, model.config, component)
        width = x.shape[-1] // count // (3 if component in thirds else 1)
        first = (thirds.get(component, 0) * count + head) * width
        return slice(first, first + width)

    def put(value):
        return lambda x: value

    def mix(component, heads, value):
        def change(x):
            x = x.clone()
            for head in heads:
                x[..., entries(component, head, x)] = value[..., entries(component, head, x)]
            return x
        return change

    calls = [(model.call_of(**pair["clean"]), model.call_of(**pair["corrupted"])) for pair in pairs]
    answers = [int(model.run(clean).argmax()) for clean, _ in calls]
    runs = [(other, clean) if direction == "restore" else (clean, other) for clean, other in calls]
    own = [model.states_of(base, kept_at) for base, _ in runs]
    others = [model.states_of(source, heads_at) for _, source in runs]
    panels = []
    for receiver in receivers:
        cells = []
        for layer in range(model.places[sent][1]):
            for head in range(head_count(model.kind, model.config, sent)):
                found = []
                for pair, (base, _) in enumerate(runs):
                    hooks = [(*at, put(own[pair][at])) for at in kept_at]
                    hooks.append((sent, layer, mix(sent, [head], others[pair][sent, layer])))
                    if "heads" not in receiver:
                        found.append(float(model.run(base, hooks)[answers[pair]]))
                        continue
                    component = receiver["component"].replace("head_", "")
                    read = {}

                    def keep(at):
                        def change(x):
                            read[at] = x.clone()
                            return x
                        return change
                    layers = sorted({at for at, _ in receiver["heads"]})
                    model.run(base, hooks + [(component, at, keep(at)) for at in layers])
                    given = [(component, at, mix(component, [each for other, each in receiver["heads"] if other == at], read[at])) for at in layers]
                    found.append(float(model.run(base, given)[answers[pair]]))
                cells.append(found)
        panels.append(dict(receiver=receiver, cells=cells))
    return dict(folder=folder, sending=sending, direction=direction, mlps=mlps, answers=answers, panels=panels,
                pairs=[dict(clean=model.plain_call(clean), corrupted=model.plain_call(other)) for clean, other in calls])


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    hf.utils.logging.set_verbosity_error()
    with torch.no_grad():
        found = {name: paths(name, **each) for name, each in PATHS.items()}
    (HERE / "paths.expected.json").write_text(json.dumps(dict(torch=torch.__version__, transformers=hf.__version__, paths=found)) + "\n")
    for name, each in found.items():
        for panel in each["panels"]:
            values = [value for cell in panel["cells"] for value in cell]
            print(f"{name} to {panel['receiver']}: {min(values):.5f} to {max(values):.5f}")
