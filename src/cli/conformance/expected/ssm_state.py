"""Write the states of the recurrence in Mamba and Mamba 2, what follows from one that is replaced, and their gradients.

Transformers keeps states only of the last position, so the mixers are computed again here as they are written in the papers:
one position after another, in float64. The script checks that the logits are those of transformers, whose norms are float32.

Made with: torch 2.15.0, transformers 5.24.0, safetensors; float64 on the CPU.
Run:       python ssm_state.py     (beside this file)
"""
import json
import torch
import torch.nn.functional as F
import transformers as hf
from safetensors.torch import load_file
from make import HERE


class States:
    """The states that pass, and those that are put in place of them."""

    def __init__(self, replaced=None):
        self.replaced, self.seen = replaced or {}, {}

    def visit(self, layer, position, state):
        given = self.replaced.get((layer, position))
        state = state if given is None else given.reshape(state.shape)
        if state.requires_grad:
            state.retain_grad()
        self.seen[layer, position] = state
        return state


def normed(norm, x):
    return norm.weight * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + norm.variance_epsilon)


def convolved(mixer, x):
    """[positions, channels], each channel by itself."""
    return mixer.act(mixer.conv1d(x.T[None])[0, :, : len(x)].T)


def mamba(mixer, layer, hidden, states):
    stream, gate = mixer.in_proj(hidden).chunk(2, -1)
    x = convolved(mixer, stream)
    rank, size = mixer.time_step_rank, mixer.ssm_state_size
    step, into, out = mixer.x_proj(x).split([rank, size, size], -1)
    step = F.softplus(mixer.dt_proj(step))
    rate = -torch.exp(mixer.A_log)
    h, ys = torch.zeros_like(rate), []
    for t in range(len(x)):
        h = torch.exp(step[t, :, None] * rate) * h + (step[t] * x[t])[:, None] * into[t]
        h = states.visit(layer, t, h)
        ys.append(h @ out[t] + mixer.D * x[t])
    return mixer.out_proj(torch.stack(ys) * F.silu(gate))


def mamba2(mixer, layer, hidden, states):
    inner, heads, size, groups = mixer.intermediate_size, mixer.num_heads, mixer.ssm_state_size, mixer.n_groups
    gate, x, step = mixer.in_proj(hidden).split([inner, inner + 2 * groups * size, heads], -1)
    x, into, out = convolved(mixer, x).split([inner, groups * size, groups * size], -1)
    step = F.softplus(step + mixer.dt_bias).clamp(*mixer.time_step_limit)
    each = lambda v: v.view(groups, size).repeat_interleave(heads // groups, 0)
    h, ys = torch.zeros(heads, mixer.head_dim, size, dtype=hidden.dtype), []
    for t in range(len(x)):
        now = x[t].view(heads, -1)
        decay = torch.exp(-torch.exp(mixer.A_log) * step[t])
        h = decay[:, None, None] * h + (step[t][:, None] * now)[:, :, None] * each(into[t])[:, None]
        h = states.visit(layer, t, h)
        ys.append((torch.einsum("hpn,hn->hp", h, each(out[t])) + mixer.D[:, None] * now).flatten())
    return mixer.out_proj(normed(mixer.norm, torch.stack(ys) * F.silu(gate)))


def logits_of(model, tokens, states):
    mix = dict(mamba=mamba, mamba2=mamba2)[model.config.model_type]
    hidden = model.backbone.embeddings(torch.tensor(tokens))
    for layer, block in enumerate(model.backbone.layers):
        hidden = hidden + mix(block.mixer, layer, normed(block.norm, hidden), states)
    return model.lm_head(normed(model.backbone.norm_f, hidden))


def flat(x):
    return [float(f"{value:.9g}") for value in x.detach().flatten().tolist()]


def case_of(name):
    folder = HERE / name
    model = hf.AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float64).eval()
    tensors = load_file(folder / "tensors.safetensors")
    base, source = tensors["base"][0].tolist(), tensors["source"][0].tolist()
    clean, other = States(), States()
    logits = logits_of(model, base, clean)
    with torch.no_grad():
        theirs = model(torch.tensor([base]), use_cache=False).logits[0]
        logits_of(model, source, other)
    assert (logits - theirs).abs().max() < 2e-6, (name, (logits - theirs).abs().max())
    layer, length = 1, len(base)
    positions = [1, 3]
    of = lambda states: {str(t): flat(states.seen[layer, t]) for t in range(length)}
    edited = States({(layer, t): other.seen[layer, t + 1].detach() for t in positions})
    changed = logits_of(model, base, edited)
    # The last position's logits 7 and 11, through all that comes after a state.
    (logits[-1, 7] - logits[-1, 11]).backward()
    return dict(layer=layer, base=base, source=source, positions=positions, states=of(clean), editedStates=of(edited), editedLogits=flat(changed),
                gradient={str(t): flat(clean.seen[layer, t].grad) for t in range(length)})


if __name__ == "__main__":
    cases = {name: case_of(name) for name in ("mamba-unbiased", "mamba2-limits")}
    (HERE / "ssm_state.expected.json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")
