"""What pyvene 0.1.8 computes and saves in a BLIP that answers questions, by its own table of modules.

    python make_pyvene_blip.py

writes pyvene_blip.expected.json beside it: for each case the folder that pyvene saved, and the scores of the answer. pyvene
takes the width of every component for `image_text_hidden_size`; the model's is 16, and each case says what it was set to.
"""

import base64
import json
import tempfile
import warnings
from pathlib import Path

import pyvene as pv
import torch
import transformers as hf

warnings.filterwarnings("ignore")
here = Path(__file__).parent
torch.manual_seed(3)

PIXELS = torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(7))
QUESTIONS = [[5, 9, 21, 2, 14], [7, 3, 11, 20, 6]]
ANSWERS = [[2, 8, 4], [2, 15, 9]]


def opened(width):
    model = hf.BlipForQuestionAnswering.from_pretrained(here / "../../cli/conformance/expected/blip-answers/model").float().eval()
    model.config.image_text_hidden_size = width

    def answer(pixel_values, input_ids, decoder_input_ids):
        picture = model.vision_model(pixel_values=pixel_values).last_hidden_state
        question = model.text_encoder(input_ids=input_ids, encoder_hidden_states=picture).last_hidden_state
        return model.text_decoder(input_ids=decoder_input_ids, encoder_hidden_states=question)

    # Its own forward pass gives no scores.
    model.forward = answer
    return model


def side(row):
    return {"pixel_values": PIXELS[row : row + 1], "input_ids": torch.tensor([QUESTIONS[row]]), "decoder_input_ids": torch.tensor([ANSWERS[row]])}


def case(component, kind, width, **more):
    model = opened(width)
    config = pv.IntervenableConfig(representations=[pv.RepresentationConfig(layer=1, component=component, **more)], intervention_types=getattr(pv, kind))
    intervenable = pv.IntervenableModel(config, model)
    with torch.no_grad():
        _, output = intervenable(side(0), [side(1)], {"sources->base": ([[[1]]], [[[3]]])})
        with tempfile.TemporaryDirectory() as folder:
            intervenable.save(folder)
            files = {path.name: base64.b64encode(path.read_bytes()).decode() for path in Path(folder).iterdir()}
    return {"component": component, "type": kind, "width": width, "files": files, "logits": output.logits.flatten().tolist()}


NAMES = ["block_input", "block_output", "mlp_input", "mlp_output", "attention_input", "attention_output"]
vanilla = "VanillaIntervention"
cases = [case(name, vanilla, 16) for name in NAMES]
# Of another width it swaps the first entries alone; heads it divides by, and does not take apart.
cases.append(case("block_output", vanilla, 8))
cases.append(case("attention_value_output", vanilla, 16))
cases.append(case("attention_value_output", vanilla, 64))
cases.append(case("attention_output", "LowRankRotatedSpaceIntervention", 16, low_rank_dimension=3))
cases.append(case("text_encoder.encoder.layer[1].crossattention.output.dense.output", vanilla, 16))
cases.append(case("vision_model.encoder.layers[1].mlp.output", vanilla, 16))
with torch.no_grad():
    plain = opened(16)(**side(0)).logits.flatten().tolist()
expected = {
    "versions": {"pyvene": "0.1.8", "torch": torch.__version__, "transformers": hf.__version__},
    "pixels": PIXELS.flatten(1).tolist(),
    "questions": QUESTIONS,
    "answers": ANSWERS,
    "plain": plain,
    "cases": cases,
}
(here / "pyvene_blip.expected.json").write_text(json.dumps(expected) + "\n")
for each in cases:
    change = max(abs(a - b) for a, b in zip(each["logits"], plain))
    print(each["component"], each["type"], each["width"], f"changes scores by {change:.3f}", list(each["files"]))
