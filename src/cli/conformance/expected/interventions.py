"""Write tiny models and what pyvene computes on them under interventions of every type, on other sizes than other references.

Each folder interventions-FAMILY/ is of the form that make.py writes, with cases of kind `pyvene`. Where pyvene itself
refuses or errs (examples with subspaces of their own; a source from another layer) the case is computed example by example,
or by plain hooks, and its note says so.

Made with: pyvene 0.1.8, torch 2.15.0, transformers 5.23.0, safetensors; float32 on the CPU.
Run:       python interventions.py     (beside this file)
"""
import json, math, shutil, tempfile
from pathlib import Path
import pyvene as pv
import torch
import transformers as hf
from safetensors.torch import save_file
from make import GPT2, HERE, LLAMA, VOCABULARY, randomize

B, T = 2, 7
FAMILIES = {
    "gpt2": dict(GPT2, n_layer=3),
    "llama": dict(LLAMA, model_type="llama", num_hidden_layers=3, hidden_size=24, head_dim=6),
}


class LoRAIntervention(pv.SourcelessIntervention, pv.TrainableIntervention, pv.DistributedRepresentationIntervention):
    """As in pyvene's tutorial: the input of the module arrives as `args`."""
    def __init__(self, **kwargs):
        super().__init__(**kwargs, keep_last_dim=True)
        r, width = kwargs["low_rank_dimension"], int(self.embed_dim)
        self.lora_A, self.lora_B, self.scaling = torch.zeros(width, r), torch.zeros(r, width), 1.5

    def forward(self, base, source=None, subspaces=None, **kwargs):
        x = kwargs["args"]
        return base + (x @ self.lora_A @ self.lora_B) * self.scaling


class LoreftIntervention(pv.SourcelessIntervention, pv.TrainableIntervention, pv.DistributedRepresentationIntervention):
    """Equation 2 of Wu et al. 2024."""
    def __init__(self, **kwargs):
        super().__init__(**kwargs, keep_last_dim=True)
        r, width = kwargs["low_rank_dimension"], int(self.embed_dim)
        self.rotation, self.weight, self.bias = torch.zeros(width, r), torch.zeros(r, width), torch.zeros(r)

    def forward(self, base, source=None, subspaces=None, **kwargs):
        return base + (base @ self.weight.T + self.bias - base @ self.rotation) @ self.rotation.T


class Case:
    def __init__(self, family, model, generator):
        self.family, self.model, self.generator = family, model, generator
        self.random = lambda *shape: torch.randn(*shape, generator=generator)
        self.inputs = {n: torch.randint(2, VOCABULARY, (B, T), generator=generator) for n in ("base", "source", "source2")}
        self.tensors, self.cases = dict(self.inputs), []

    def orthonormal(self, rows, columns):
        return torch.linalg.qr(self.random(rows, rows))[0][:, :columns].contiguous()

    def fill(self, i):
        """Random parameters of an intervention, under the names that Patchbay gives them."""
        out = {}
        if hasattr(i, "rotate_layer"):
            i.rotate_layer.weight = self.orthonormal(*i.rotate_layer.weight.shape)
            out["rotation"] = i.rotate_layer.weight.detach().clone()
        if hasattr(i, "intervention_boundaries"):
            i.set_intervention_boundaries(0.3)
            out["boundary"] = torch.tensor([0.3])
        for name in ("mask", "masks"):
            if hasattr(i, name):
                getattr(i, name).data = self.random(*getattr(i, name).shape)
                out["mask"] = getattr(i, name).detach().clone()
        if hasattr(i, "temperature"):
            i.temperature.data = torch.tensor(1.7)
            out["temperature"] = torch.tensor([1.7])
        if isinstance(i, pv.AutoencoderIntervention):
            encoder, decoder = i.autoencoder.encoder[0], i.autoencoder.decoder[0]
            for name, p in (("encoder_weight", encoder.weight), ("encoder_bias", encoder.bias), ("decoder_weight", decoder.weight), ("decoder_bias", decoder.bias)):
                p.data = self.random(*p.shape) / math.sqrt(p.shape[-1])
                out[name] = p.detach().clone()
        if isinstance(i, pv.JumpReLUAutoencoderIntervention):
            for name in ("W_enc", "W_dec", "threshold", "b_enc", "b_dec"):
                p = getattr(i, name)
                p.data = self.random(*p.shape) / math.sqrt(p.shape[0])
                out[name] = p.detach().clone()
        if isinstance(i, LoRAIntervention):
            i.lora_A, i.lora_B = self.random(*i.lora_A.shape) / 4, self.random(*i.lora_B.shape)
            out.update(lora_A=i.lora_A, lora_B=i.lora_B, scaling=torch.tensor([i.scaling]))
        if isinstance(i, LoreftIntervention):
            i.rotation, i.weight, i.bias = self.orthonormal(*i.rotation.shape), self.random(*i.weight.shape) / 4, self.random(*i.bias.shape)
            out.update(rotation=i.rotation, weight=i.weight, bias=i.bias)
        if isinstance(i, pv.PCARotatedSpaceIntervention):
            out.update(components=i.pca_components.detach(), mean=i.pca_mean.detach(), std=i.pca_std.detach())
        return out

    def run(self, label, representations, types, locations, sources=("source",), subspaces=None, mode="parallel", interchange=None, alone=False, instance=None, **keywords):
        """`alone`: one example at a time, for what pyvene gets wrong in batches."""
        types = types if isinstance(types, list) else [types] * len(representations)
        made = [dict(r, intervention=instance) if instance else r for r in representations]
        config = pv.IntervenableConfig([pv.RepresentationConfig(**r) for r in made], intervention_types=types, mode=mode)
        intervenable = pv.IntervenableModel(config, self.model, **keywords)
        parameters = {}
        for k, i in enumerate(intervenable.interventions.values()):
            i = i[0] if isinstance(i, tuple) else i
            parameters.update({f"{label}.param{k}.{n}": v.clone() for n, v in self.fill(i).items()})
            if interchange is not None:
                i.set_interchange_dim(interchange)
        ids = lambda name, e=slice(None): {"input_ids": self.inputs[name][e]}

        def call(e, where, spaces):
            given = [None if s is None else ids(s, e) for s in sources] if sources else None
            with torch.no_grad():
                return intervenable(ids("base", e), given, where, subspaces=spaces)[1].logits

        if alone:
            one = lambda x, e: [[entry[e]] for entry in x]
            pick = lambda e: {key: tuple(one(side, e) for side in pair) for key, pair in locations.items()}
            logits = torch.cat([call(slice(e, e + 1), pick(e), subspaces and one(subspaces, e)) for e in range(B)])
        else:
            logits = call(slice(None), locations, subspaces)
        self.keep(label, [dict(r, **({"interchange_dim": interchange} if interchange is not None else {})) for r in representations],
                  [t.__name__ for t in types], locations, sources, subspaces, mode, parameters, logits, "one example at a time" if alone else None)

    def keep(self, label, representations, types, locations, sources, subspaces, mode, parameters, logits, note=None):
        serial = []
        for k, r in enumerate(representations):
            r = dict(r)
            if torch.is_tensor(r.get("source_representation")):
                self.tensors[f"{label}.constant{k}"] = r["source_representation"]
                r["source_representation"] = f"{label}.constant{k}"
            serial.append(r)
        self.tensors.update(parameters)
        self.tensors[f"{label}.logits"] = logits
        self.cases.append(dict(kind="pyvene", label=label, representations=serial, types=types, sources=list(sources or []), unit_locations=locations,
                               subspaces=subspaces, mode=mode, parameters=list(parameters), output=f"{label}.logits", **({"note": note} if note else {})))


def all_cases(c):
    width = c.model.config.hidden_size
    at = lambda s, b: {"sources->base": ([[s] * B], [[b] * B])}
    R = lambda layer, component, **k: dict(layer=layer, component=component, **k)
    here = at([1], [4])
    c.run("rotated.two_positions", [R(1, "block_output", max_number_of_units=2)], pv.RotatedSpaceIntervention, at([1, 2], [5, 3]), subspaces=[[list(range(9))] * B])
    c.run("lowrank.heads", [R(2, "head_attention_value_output", unit="h.pos", max_number_of_units=2, low_rank_dimension=3)], pv.LowRankRotatedSpaceIntervention,
          {"sources->base": ([[[[0, 3]] * B, [[2]] * B]], [[[[1, 2]] * B, [[5]] * B]])})
    c.run("lowrank.partition", [R(0, "mlp_output", low_rank_dimension=4, subspace_partition=[[0, 1], [1, 4]])], pv.LowRankRotatedSpaceIntervention, here, subspaces=[[[0], [1]]], alone=True)
    c.run("lowrank.per_example", [R(0, "block_output", low_rank_dimension=2)], pv.LowRankRotatedSpaceIntervention, {"sources->base": ([[[0], [3]]], [[[6], [2]]])})
    c.run("boundless", [R(1, "mlp_output")], pv.BoundlessRotatedSpaceIntervention, here)
    c.run("sigmoidmask_rotated.two_positions", [R(1, "attention_output", max_number_of_units=2)], pv.SigmoidMaskRotatedSpaceIntervention, at([1, 2], [5, 3]))
    c.run("sigmoidmask.activation", [R(1, "mlp_activation")], pv.SigmoidMaskIntervention, here)
    c.run("autoencoder", [R(1, "block_output", latent_dim=9)], pv.AutoencoderIntervention, here, interchange=[0, 4, 8])
    c.run("jumprelu", [R(1, "block_output", low_rank_dimension=40)], pv.JumpReLUAutoencoderIntervention, here, interchange=40)
    c.run("jumprelu.latents", [R(1, "block_output", low_rank_dimension=40)], pv.JumpReLUAutoencoderIntervention, here, subspaces=[[[3, 17, 29]] * B], alone=True)
    c.run("noise", [R(0, "block_input")], pv.NoiseIntervention, {"base": [[[0, 1, 2, 3]] * B]}, sources=None)
    c.run("lora", [R(1, "mlp_output", low_rank_dimension=2)], LoRAIntervention, None, sources=None, as_adaptor=True)
    c.run("loreft", [R(1, "block_output", low_rank_dimension=3)], LoreftIntervention, {"base": [[[1, 5]] * B]}, sources=None)
    c.run("skip.mlp", [R(1, "mlp_output", max_number_of_units=2)], pv.SkipIntervention, at([2, 4], [2, 4]), sources=("base",))
    c.run("zero.subspace", [R(1, "attention_value_output")], pv.ZeroIntervention, {"base": [[[4]] * B]}, sources=None, subspaces=[[[0, 3, 5]] * B])
    c.run("subtraction.subspace", [R(1, "attention_input")], pv.SubtractionIntervention, here, subspaces=[[[1, 2]] * B])
    c.run("addition.all_positions", [R(1, "mlp_input", source_representation=c.random(width))], pv.AdditionIntervention, None, sources=None)
    c.run("vanilla.own_subspaces", [R(2, "block_input")], pv.VanillaIntervention, here, subspaces=[[[0, 2], [5, 7]]], alone=True)
    c.run("head.values", [R(1, "head_value_output", unit="h", max_number_of_units=1)], pv.VanillaIntervention, at([0], [1]))
    c.run("groups", [R(0, "block_output", group_key=0), R(1, "mlp_output", group_key=0), R(2, "attention_output", group_key=1)], pv.VanillaIntervention,
          {"sources->base": ([[[1]] * B, [[2]] * B, [[3]] * B], [[[2]] * B, [[3]] * B, [[4]] * B])}, sources=("source", "source2"))
    c.run("left_out", [R(0, "block_output"), R(1, "mlp_output")], pv.VanillaIntervention, {"sources->base": ([None, [[2]] * B], [None, [[3]] * B])}, sources=(None, "source"))
    c.run("serial.rotated", [R(0, "block_output", low_rank_dimension=5), R(1, "block_output", low_rank_dimension=7)], pv.LowRankRotatedSpaceIntervention,
          {"source_0->source_1": ([[[1]] * B], [[[3]] * B]), "source_1->base": ([[[4]] * B], [[[5]] * B])}, sources=("source", "source2"), mode="serial")

    class Components:
        components_ = c.orthonormal(width, 6).T.numpy()
    pca = pv.PCARotatedSpaceIntervention(embed_dim=width, pca=Components, pca_mean=c.random(width).numpy(), pca_std=(c.random(width).abs() + 0.5).numpy())
    pca.set_interchange_dim(4)
    c.run("pca", [R(1, "block_output")], pv.PCARotatedSpaceIntervention, here, instance=pca, interchange=4)

    # By hooks: the output of layer 2 of the source, put at layer 0 of the base.
    blocks = c.model.transformer.h if c.family == "gpt2" else c.model.model.layers
    held = {}
    first = lambda out: out[0] if isinstance(out, tuple) else out

    def write(module, args, out):
        x = first(out).clone()
        x[:, 4] = held["x"][:, 1]
        return (x, *out[1:]) if isinstance(out, tuple) else x
    with torch.no_grad():
        handle = blocks[2].register_forward_hook(lambda m, a, out: held.update(x=first(out).clone()))
        c.model(c.inputs["source"])
        handle.remove()
        handle = blocks[0].register_forward_hook(write)
        logits = c.model(c.inputs["base"]).logits
        handle.remove()
    c.keep("other_layer", [R(0, "block_output", source_layer=2)], ["VanillaIntervention"], here, ("source",), None, "parallel", {}, logits, "by hooks; pyvene takes from the same layer only")


def make(family, config, seed):
    folder = HERE / f"interventions-{family}"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    generator = torch.Generator().manual_seed(seed)
    model = hf.AutoModelForCausalLM.from_config(hf.AutoConfig.from_pretrained(folder / "model"), attn_implementation="eager")
    randomize(model, generator)
    with tempfile.TemporaryDirectory() as saved:
        model.save_pretrained(saved)
        shutil.copy(Path(saved) / "model.safetensors", folder / "model")
    c = Case(family, model, generator)
    all_cases(c)
    save_file({k: v.detach().contiguous().clone() for k, v in c.tensors.items()}, folder / "tensors.safetensors")
    head = dict(family=family, seed=seed, torch=torch.__version__, transformers=hf.__version__, pyvene="0.1.8")
    (folder / "cases.json").write_text(json.dumps({**head, "cases": c.cases}, indent=1) + "\n")
    print(family, len(c.cases), "cases")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for index, (family, config) in enumerate(FAMILIES.items()):
        make(family, config, 200 + index)
