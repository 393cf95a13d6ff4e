"""Steering of models of several stacks with PyTorch: vectors made of pairs, and texts that transformers' generate writes under hooks.

The models are the committed folders of src/cli/conformance/expected. Of each step the log-probabilities of all tokens with the
edits, and of the model without them after the same tokens; where tokens are given, generate is held to them.

Made with: torch and transformers, numpy, safetensors; float64 on the CPU, eager attention.
Run:       python make_stack_steer.py          (writes stackSteer.expected.json beside this file)
"""
import json, sys, warnings
from pathlib import Path
import torch
import transformers as hf

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "patch" / "expected"))
from make_patches import BASE, SOURCE, head_count, opened  # noqa: E402

NEW = 6
TEXT = [dict(text=(BASE, 0), target=(BASE, 0)), dict(text=(SOURCE, 1), target=(SOURCE, 1))]
PICTURE = [dict(image=(BASE, 0), words=(BASE, 0)), dict(image=(SOURCE, 1), words=(BASE, 1))]
QUESTION = [dict(image=(BASE, 0), text=(BASE, 0), target=(BASE, 0)), dict(image=(SOURCE, 1), text=(SOURCE, 1), target=(BASE, 1))]
SOUND = [dict(sound=(BASE, 0), words=(BASE, 0)), dict(sound=(SOURCE, 1), words=(BASE, 1))]
# Drawn by Patchbay with temperature 1.5 and seed 5, for each prompt.
DRAWN = {"t5-gated sampled": [[28, 19, 16, 10, 8, 20], [27, 19, 17, 8, 8, 19]], "whisper-heads sampled": [[19, 13, 8, 6, 20, 5], [19, 13, 8, 6, 19, 5]]}


def edit(component, layer, strength, **more):
    return dict(component=component, layer=layer, strength=strength, **more)


CASES = {
    "t5-gated block": dict(prompts=TEXT, edits=[edit("block_output", 0, 2)]),
    "t5-gated later steps": dict(prompts=TEXT, edits=[edit("block_output", 1, 3, steps={"from": 1, "every": 2}), edit("mlp_output", 0, 1, prompt=[0, -1], steps="none")]),
    "t5-gated encoder": dict(prompts=TEXT, edits=[edit("encoder.block_output", 1, 2)]),
    "t5-gated heads": dict(prompts=TEXT, edits=[edit("head_cross_attention_value_output", 1, 1, head=1, map={"kind": "ablate"}, prompt="all", steps="all", specialTokens=True),
                                                edit("encoder.head_attention_value_output", 0, 4, head=2, prompt=[1, -1])]),
    "t5-gated maps": dict(prompts=TEXT, edits=[edit("encoder.mlp_output", 1, 1, map={"kind": "set", "to": 2}, prompt=[0, 2]), edit("cross_attention_output", 0, 1, map={"kind": "cap", "at": -0.5}, steps="all")]),
    "t5-gated keys and values": dict(prompts=TEXT, edits=[edit("cross_value_output", 0, 3), edit("head_cross_key_output", 1, 5, head=0, prompt=[1])]),
    "t5-gated of sources": dict(prompts=TEXT, edits=[edit("encoder.block_output", 1, 1.5)], learned=dict(
        positive=[dict(text=(BASE, 0), target=(BASE, 0)), dict(text=(BASE, 1), target=(BASE, 0))], negative=[dict(text=(SOURCE, 0), target=(BASE, 0)), dict(text=(SOURCE, 1), target=(BASE, 0))], token=-1)),
    "t5-gated of targets": dict(prompts=TEXT, edits=[edit("block_output", 1, 1.5)], learned=dict(
        positive=[dict(text=(BASE, 0), target=(BASE, 0)), dict(text=(BASE, 1), target=(BASE, 1))], negative=[dict(text=(BASE, 0), target=(SOURCE, 0)), dict(text=(BASE, 1), target=(SOURCE, 1))], token="mean")),
    "t5-gated sampled": dict(prompts=TEXT, edits=[edit("encoder.block_output", 2, 1), edit("block_output", 0, 1)]),
    "blip-wide block": dict(prompts=PICTURE, edits=[edit("block_output", 0, 2), edit("vision.block_output", 2, 2)]),
    "blip-wide cross": dict(prompts=PICTURE, edits=[edit("cross_attention_output", 1, 2, steps={"from": 2}), edit("vision.head_attention_value_output", 1, 3, head=1, prompt=[0, 3])]),
    "blip-wide of pictures": dict(prompts=PICTURE, edits=[edit("vision.mlp_output", 2, 2)], learned=dict(
        positive=[dict(image=(BASE, 0), words=(BASE, 0)), dict(image=(BASE, 1), words=(BASE, 0))], negative=[dict(image=(SOURCE, 0), words=(BASE, 0)), dict(image=(SOURCE, 1), words=(BASE, 0))], token="mean")),
    "blip-answers block": dict(prompts=QUESTION, edits=[edit("block_output", 0, 2), edit("question.block_output", 0, 2), edit("vision.block_output", 2, 2)]),
    "blip-answers later steps": dict(prompts=QUESTION, edits=[edit("cross_attention_output", 1, 2, steps={"from": 2}), edit("question.cross_attention_output", 1, 2, prompt=[0, -1]), edit("vision.head_attention_value_output", 1, 3, head=1, prompt=[0, 3])]),
    "blip-answers maps": dict(prompts=QUESTION, edits=[edit("question.mlp_output", 0, 1, map={"kind": "set", "to": 2}, prompt=[0, 2]), edit("vision.attention_output", 1, 1, map={"kind": "ablate", "keep": -1}), edit("question.head_cross_attention_value_output", 1, 3, head=2)]),
    "blip-answers keys and values": dict(prompts=QUESTION, edits=[edit("cross_value_output", 0, 3), edit("head_cross_key_output", 1, 5, head=0, prompt=[1]), edit("question.cross_value_output", 1, 3), edit("question.head_cross_key_output", 0, 5, head=3, prompt=[2, -1])]),
    "blip-answers of pictures": dict(prompts=QUESTION, edits=[edit("vision.mlp_output", 2, 2)], learned=dict(
        positive=[dict(QUESTION[0]), dict(QUESTION[0], image=(BASE, 1))], negative=[dict(QUESTION[0], image=(SOURCE, 0)), dict(QUESTION[0], image=(SOURCE, 1))], token="mean")),
    "blip-answers of questions": dict(prompts=QUESTION, edits=[edit("question.block_output", 1, 1.5)], learned=dict(
        positive=[dict(QUESTION[0]), dict(QUESTION[0], text=(BASE, 1))], negative=[dict(QUESTION[0], text=(SOURCE, 0)), dict(QUESTION[0], text=(SOURCE, 1))], token="mean")),
    "blip-answers of answers": dict(prompts=QUESTION, edits=[edit("block_output", 1, 1.5)], learned=dict(
        positive=[dict(QUESTION[0]), dict(QUESTION[0], target=(BASE, 1))], negative=[dict(QUESTION[0], target=(SOURCE, 0)), dict(QUESTION[0], target=(SOURCE, 1))], token=-1)),
    "whisper-heads block": dict(prompts=SOUND, edits=[edit("encoder.block_output", 1, 2), edit("block_output", 0, 2)]),
    "whisper-heads maps": dict(prompts=SOUND, edits=[edit("encoder.attention_output", 0, 1, map={"kind": "ablate", "keep": -1}), edit("head_attention_value_output", 1, 3, head=1)]),
    "whisper-heads sampled": dict(prompts=SOUND, edits=[edit("encoder.block_output", 0, 1), edit("cross_attention_output", 1, 2)]),
}


def stack_of(component, kind):
    """Whose positions a component has: the picture's, those of another thing that an encoder reads, or the text's."""
    crossed = component.split(".")[-1].replace("head_", "").startswith(("cross_key", "cross_value"))
    if component.startswith("vision.") or (crossed and (component.startswith("question.") or kind == "blip")):
        return "picture"
    return "read" if component.startswith(("encoder.", "question.")) or crossed else "text"


def acts(of, stack):
    """Whether an edit acts at a position of so many of the prompt, or of what the encoder reads."""
    prompt, steps = of.get("prompt"), of.get("steps")

    def at(position, length):
        if stack != "text":
            if isinstance(prompt, list):
                return position in [p % length for p in prompt]
            return position > 0 or stack != "picture"
        listed = isinstance(prompt, list) and position in [p % length for p in prompt]
        everywhere = prompt == "all" and position < length and (of.get("specialTokens") or position > 0)
        span = steps if steps is not None else ("all" if prompt is None else "none")
        step = position - length + 1
        span = dict({"from": 0, "every": 1}, **span) if isinstance(span, dict) else {"all": {"from": 0, "every": 1}, "none": None}[span]
        return listed or everywhere or (span is not None and step >= span["from"] and (step - span["from"]) % span["every"] == 0)
    return at


def mapped(x, of, vector):
    unit = vector / vector.norm()
    along = (x @ unit)[..., None] * unit
    kind = of.get("map", {"kind": "add"})
    if kind["kind"] == "add":
        return x + of["strength"] * vector
    if kind["kind"] == "ablate":
        return x - (1 - kind.get("keep", 0)) * along
    if kind["kind"] == "set":
        return x - along + kind["to"] * unit
    return x - torch.clamp((x @ unit) - kind["at"], min=0)[..., None] * unit


def steer(name, prompts, edits, learned=None):
    folder = name.split()[0]
    model = opened(folder)
    kind, config, net = model.kind, model.config, model.model
    generator = torch.Generator().manual_seed(7)
    stacks = [stack_of(of["component"], kind) for of in edits]

    def widths(component):
        kept = model.states_of(model.call_of(**prompts[0]), [(component, 0)])
        return kept[component, 0].shape[-1]

    vectors = []
    for of, stack in zip(edits, stacks):
        if learned and of is edits[0]:
            def state(call, component=of["component"], layer=of["layer"], stack=stack):
                x = model.states_of(model.call_of(**call), [(component, layer)])[component, layer][0]
                if learned["token"] == -1:
                    return x[-1]
                return x[(0 if stack == "read" else 1):].mean(0)
            side = lambda calls: torch.stack([state(call) for call in calls]).mean(0)
            vectors.append(side(learned["positive"]) - side(learned["negative"]))
            continue
        width = widths(of["component"])
        vectors.append(torch.randn(width // (head_count(kind, config, of["component"]) if "head" in of else 1), generator=generator, dtype=torch.float64))

    def generated(call, ids, given, edited):
        length = ids.shape[1]
        reads = dict(input_ids=call["input_ids"]) if kind == "t5" else {k: v for k, v in call.items() if k in ("pixel_values", "input_features")}
        handles = []
        for of, vector, stack in zip(edits, vectors, stacks) if edited else []:
            at = acts(of, stack)
            passed = [0]

            def change(x, of=of, vector=vector, stack=stack, at=at, passed=passed):
                x = x.clone()
                first = passed[0] if stack == "text" else 0
                passed[0] += x.shape[1]
                entries = slice(None) if "head" not in of else slice(of["head"] * len(vector), (of["head"] + 1) * len(vector))
                for position in range(x.shape[1]):
                    if at(first + position, length if stack == "text" else x.shape[1]):
                        x[:, position, entries] = mapped(x[:, position, entries], of, vector)
                return x
            handles.append(model.site(of["component"], of["layer"], change))
        held = dict(prefix_allowed_tokens_fn=lambda _, so_far: [given[so_far.shape[0] - length]]) if given else {}
        options = dict(max_new_tokens=NEW, do_sample=False, num_beams=1, use_cache=True, return_dict_in_generate=True, output_logits=True, **held)
        if kind.startswith("blip"):
            # As BlipForConditionalGeneration.generate, which would leave out the last token, and end by another.
            states = net.vision_model(pixel_values=reads["pixel_values"]).last_hidden_state
            if kind == "blip_vqa":
                seen = dict(encoder_hidden_states=states, encoder_attention_mask=torch.ones(states.shape[:2], dtype=torch.long))
                states = net.text_encoder(input_ids=call["input_ids"], **seen).last_hidden_state
            options["encoder_hidden_states"] = states
            options["encoder_attention_mask"] = torch.ones(states.shape[:2], dtype=torch.long)
            out = net.text_decoder.generate(input_ids=ids, eos_token_id=config.text_config.sep_token_id, pad_token_id=config.text_config.pad_token_id, **options)
        else:
            # Whisper's own generate looks for languages and timestamps; the plain one writes.
            out = hf.GenerationMixin.generate(net, **reads, decoder_input_ids=ids, eos_token_id=config.eos_token_id, pad_token_id=config.pad_token_id, **options)
        for handle in handles:
            handle.remove()
        return out.sequences[0, length:].tolist(), [torch.log_softmax(logits[0], -1) for logits in out.logits]

    texts = []
    for number, prompt in enumerate(prompts):
        call = model.call_of(**prompt)
        ids = call["input_ids"] if kind == "blip" else call["decoder_input_ids"]
        drawn = DRAWN.get(name) and DRAWN[name][number]
        tokens, after = generated(call, ids, drawn, True)
        _, before = generated(call, ids, tokens, False)
        texts.append(dict(tokens=tokens, after=[step.tolist() for step in after], before=[step.tolist() for step in before]))
    plain = [model.plain_call(model.call_of(**prompt)) for prompt in prompts]
    made = {side: [model.plain_call(model.call_of(**call)) for call in learned[side]] for side in ("positive", "negative")} if learned else {}
    return dict(folder=folder, prompts=plain, **({"learned": {**made, "token": learned["token"]}} if learned else {}),
                edits=[dict(of, vector=vector.tolist()) for of, vector in zip(edits, vectors)], isSampled=name in DRAWN, texts=texts)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    hf.utils.logging.set_verbosity_error()
    with torch.no_grad():
        cases = {name: steer(name, **each) for name, each in CASES.items()}
    digits = lambda x: round(x, 9) if isinstance(x, float) else [digits(each) for each in x] if isinstance(x, list) else x
    for each in cases.values():
        each["texts"] = [{key: digits(value) for key, value in text.items()} for text in each["texts"]]
    (HERE / "stackSteer.expected.json").write_text(json.dumps(dict(torch=torch.__version__, transformers=hf.__version__, cases=cases)) + "\n")
    for name, each in cases.items():
        gaps = [max(abs(a - b) for one, other in zip(text["after"], text["before"]) for a, b in zip(one, other)) for text in each["texts"]]
        print(name, [text["tokens"] for text in each["texts"]], [round(gap, 3) for gap in gaps])
