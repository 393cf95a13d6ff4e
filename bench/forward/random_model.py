"""Write a model of random weights, 50 to 150 million of them, as a folder: python random_model.py FAMILY FOLDER. Needs torch, transformers."""
import sys

import torch
import transformers as hf

# Shapes that people use (bert-base, mamba-130m) with a small vocabulary: it is the layers that are measured.
LLAMA = dict(vocab_size=4096, hidden_size=512, num_hidden_layers=6, num_attention_heads=8, num_key_value_heads=4)
SHAPES = dict(
    llama=dict(LLAMA, num_hidden_layers=12, hidden_size=768, num_attention_heads=12, intermediate_size=2048),
    mixtral=dict(LLAMA, intermediate_size=1024, num_local_experts=8, num_experts_per_tok=2),
    qwen3_moe=dict(LLAMA, head_dim=64, num_experts=32, num_experts_per_tok=4, moe_intermediate_size=256, norm_topk_prob=True),
    mamba=dict(vocab_size=4096, hidden_size=768, num_hidden_layers=24),
    mamba2=dict(vocab_size=4096, hidden_size=768, num_hidden_layers=24, num_heads=24, head_dim=64, n_groups=1, state_size=128),
    bert=dict(vocab_size=4096),
)

family, folder = sys.argv[1:]
torch.manual_seed(0)
config = hf.AutoConfig.for_model(family, **SHAPES[family])
auto = hf.AutoModelForMaskedLM if family == "bert" else hf.AutoModelForCausalLM
model = auto.from_config(config)
model.save_pretrained(folder)
print(sum(p.numel() for p in model.parameters()))
