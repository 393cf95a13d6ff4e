"""Folders that pyvene saves, and what pyvene makes of folders that it is given.

Run:  pip install torch transformers pyvene==0.1.8
      python make_pyvene.py                    writes pyvene.expected.json beside itself: small folders and their tensors
      python make_pyvene.py save FOLDER OUT    saves one folder of every kind below FOLDER and writes their tensors to OUT
      python make_pyvene.py load FOLDER OUT    loads every folder below FOLDER, runs it, and writes its tensors to OUT

pyreft's LoreftIntervention is defined here, with the state that pyreft gives it, for where pyreft is not installed.
"""
import base64, json, os, sys, tempfile, types
from collections import OrderedDict
import numpy as np, torch, transformers
import pyvene as pv
from pyvene.models.interventions import *
from pyvene.models.layers import LowRankRotateLayer

HERE = os.path.dirname(os.path.abspath(__file__))


class LoreftIntervention(SourcelessIntervention, TrainableIntervention, DistributedRepresentationIntervention):
    def __init__(self, **kwargs):
        super().__init__(**kwargs, keep_last_dim=True)
        layer = LowRankRotateLayer(self.embed_dim, kwargs["low_rank_dimension"])
        self.rotate_layer = torch.nn.utils.parametrizations.orthogonal(layer)
        self.learned_source = torch.nn.Linear(self.embed_dim, kwargs["low_rank_dimension"])

    def forward(self, base, source=None, subspaces=None):
        return base + torch.matmul(self.learned_source(base) - self.rotate_layer(base), self.rotate_layer.weight.T)

    def state_dict(self, *args, **kwargs):
        state = OrderedDict(self.learned_source.state_dict())
        state["rotate_layer"] = self.rotate_layer.weight.data
        return state

    def load_state_dict(self, state, *args, **kwargs):
        self.learned_source.load_state_dict(state, strict=False)
        width = state["rotate_layer"].shape[-1]
        layer = LowRankRotateLayer(self.embed_dim, width)
        self.rotate_layer = torch.nn.utils.parametrizations.orthogonal(layer)
        self.rotate_layer.parametrizations.weight[0].base[:, :width] = state["rotate_layer"]
        assert torch.allclose(self.rotate_layer.weight.data, state["rotate_layer"].data)


LoreftIntervention.__module__ = "pyreft.interventions"
sys.modules["pyreft"] = types.ModuleType("pyreft")
sys.modules["pyreft.interventions"] = types.ModuleType("pyreft.interventions")
sys.modules["pyreft.interventions"].LoreftIntervention = LoreftIntervention


def tiny(width):
    torch.manual_seed(0)
    config = transformers.GPT2Config(n_embd=width, n_head=4, n_layer=2, vocab_size=16, n_positions=16, bos_token_id=0,
                                     eos_token_id=0)
    return transformers.GPT2LMHeadModel(config).eval()


def tensors_of(intervention):
    """The parameters under the names that src/interventions/pyvene/pyveneFolder.ts gives them."""
    names = {"boundary": "intervention_boundaries", "temperature": "temperature", "mask": "mask"}
    if isinstance(intervention, AutoencoderIntervention):
        names = {f"{part}_{kind}": f"autoencoder.{part}.0.{kind}" for part in ["encoder", "decoder"] for kind in ["weight", "bias"]}
    if isinstance(intervention, JumpReLUAutoencoderIntervention):
        names = {name: name for name in ["W_enc", "W_dec", "threshold", "b_enc", "b_dec"]}
    if isinstance(intervention, SigmoidMaskRotatedSpaceIntervention):
        names["mask"] = "masks"
    state = torch.nn.Module.state_dict(intervention)
    found = {ours: state[theirs] for ours, theirs in names.items() if theirs in state}
    if hasattr(intervention, "rotate_layer"):
        found["rotation"] = intervention.rotate_layer.weight
    if hasattr(intervention, "learned_source"):
        found.update(intervention.learned_source.state_dict())
    # Collect and Noise ask for a constant source to load, and never use it.
    unused = isinstance(intervention, (CollectIntervention, NoiseIntervention))
    if not unused and getattr(intervention, "source_representation", None) is not None:
        found["source_representation"] = intervention.source_representation
    return {name: dict(shape=list(t.shape) or [1], data=base64.b64encode(t.detach().float().numpy().tobytes()).decode())
            for name, t in found.items()}


def described(model):
    dims = lambda v: None if v is None else v.tolist()
    return dict(mode=model.mode, interventions=[
        dict(key=key, type=type(v).__name__, dimension=dims(v.interchange_dim), is_source_constant=bool(v.is_source_constant),
             tensors=tensors_of(v)) for key, v in model.interventions.items()])


def folders(width):
    """Name to configuration. Every type that pyvene can save and load is in one."""
    gen = torch.Generator().manual_seed(1)
    rand = lambda *shape: torch.randn(*shape, generator=gen)
    at = lambda layer, kind, **more: dict(layer=layer, component="block_output", unit="pos", intervention_type=kind, **more)
    trained = [
        at(0, RotatedSpaceIntervention), at(1, RotatedSpaceIntervention, subspace_partition=[[0, 3], [3, width]]),
        at(0, LowRankRotatedSpaceIntervention, low_rank_dimension=3), at(1, LowRankRotatedSpaceIntervention, low_rank_dimension=1),
        at(0, BoundlessRotatedSpaceIntervention), at(1, SigmoidMaskRotatedSpaceIntervention), at(1, SigmoidMaskIntervention),
        at(0, AutoencoderIntervention, latent_dim=5), at(1, JumpReLUAutoencoderIntervention, low_rank_dimension=7),
    ]
    plain = [
        at(0, VanillaIntervention), at(0, AdditionIntervention, source_representation=rand(width)),
        at(1, VanillaIntervention, source_representation=rand(1, width)), at(1, SubtractionIntervention), at(1, ZeroIntervention), at(1, SkipIntervention),
        dict(component="transformer.h[1].mlp.output", unit="pos", intervention_type=AdditionIntervention,
             source_representation=rand(width).to(torch.bfloat16)),
    ]
    linked = [at(0, LowRankRotatedSpaceIntervention, low_rank_dimension=2, intervention_link_key=0, group_key=0),
              at(1, LowRankRotatedSpaceIntervention, low_rank_dimension=2, intervention_link_key=0, group_key=0)]
    heads = [dict(layer=1, component="head_attention_value_output", unit="h.pos", max_number_of_units=2,
                  intervention_type=RotatedSpaceIntervention)]
    loreft = [at(1, LoreftIntervention, low_rank_dimension=2)]
    return dict(trained=(trained, "parallel"), plain=(plain, "parallel"), linked=(linked, "parallel"),
                loreft=(loreft, "parallel"), heads=(heads, "parallel"),
                serial=([at(0, VanillaIntervention), at(1, VanillaIntervention)], "serial"))


def stirred(model):
    """Every parameter moved away from where it was initialised, as training would."""
    gen = torch.Generator().manual_seed(2)
    for intervention in model.interventions.values():
        for name, p in intervention.named_parameters():
            if not p.is_floating_point():
                continue
            step = 0.3 * torch.randn(p.shape, generator=gen)
            # The diagonal of a tall layer's parameter is cast to int: only -1 and 1 mean something there.
            if name.endswith("original") and p.shape[0] != p.shape[1]:
                step.diagonal().zero_()
            p.data = p.data + step
        if isinstance(intervention, AutoencoderIntervention):
            intervention.set_interchange_dim([0, 2])
    return model


def save(folder, width, names=None):
    report = {}
    for name, (representations, mode) in folders(width).items():
        if names and name not in names:
            continue
        kinds = [r.pop("intervention_type") for r in representations]
        config = pv.IntervenableConfig([pv.RepresentationConfig(**r) for r in representations], kinds, mode=mode)
        model = stirred(pv.IntervenableModel(config, tiny(width)))
        model.save(os.path.join(folder, name))
        report[name] = described(model)
    return report


def load(folder, width):
    report = {}
    for name in sorted(os.listdir(folder)):
        try:
            model = pv.IntervenableModel.load(os.path.join(folder, name), tiny(width))
        except Exception as error:
            report[name] = dict(error=f"{type(error).__name__}: {error}")
            continue
        report[name] = described(model)
        base, source = ({"input_ids": torch.tensor([ids])} for ids in [[1, 2, 3, 4], [5, 6, 7, 8]])
        groups = [[model.interventions[key] for key in keys] for keys in model._intervention_group.values()]
        sources = [None if all(v.is_source_constant for v in group) else source for group in groups]
        heads = [[[[0, 1]], [[1]]]]
        where = {"source_0->source_1": 1, "source_1->base": 1} if model.mode == "serial" else {
            "sources->base": (heads, heads) if name.endswith("heads") else 1}
        if any(isinstance(v, NoiseIntervention) for v in model.interventions.values()):
            where = None  # its noise is for exactly four positions
        _, out = model(base, sources, unit_locations=where)
        report[name]["runs"] = bool(torch.isfinite(out.logits).all())
    return report


def main():
    with tempfile.TemporaryDirectory() as folder:
        report = save(folder, 8)
        for name, entry in report.items():
            read = lambda file: base64.b64encode(open(os.path.join(folder, name, file), "rb").read()).decode()
            entry["files"] = {file: read(file) for file in sorted(os.listdir(os.path.join(folder, name)))}
    with open(os.path.join(HERE, "pyvene.expected.json"), "w") as out:
        json.dump(dict(pyvene="0.1.8", torch=torch.__version__, folders=report), out, indent=1)
        out.write("\n")


if len(sys.argv) == 1:
    main()
else:
    with open(sys.argv[3], "w") as out:
        json.dump(dict(save=save, load=load)[sys.argv[1]](sys.argv[2], 24), out)
