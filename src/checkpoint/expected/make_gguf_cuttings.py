"""Token ids of difficult texts under the ways of cutting text that GGUF files name in tokenizer.ggml.pre.

Writes gguf_cuttings.expected.json beside itself: one byte-level vocabulary, and for each way the ids that Hugging Face's
tokenizers gives with the steps that the models' own tokenizer.json have. Where these steps cut otherwise than llama.cpp's
expressions of that name (Python's `regex` reads them), it is printed: falcon's, which split digits from a space before them.

Run:  pip install tokenizers regex
      python make_gguf_cuttings.py
"""
import json, os
import regex
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from make_expected import CORPUS, TEXTS

HERE = os.path.dirname(os.path.abspath(__file__))
TEXTS = TEXTS + ["f(x) == 12345;\r\n\treturn {'a': 1.5e-10}", "(see p.12), “no”… ok?!  1,234,567", "I'LL say 'twas $9.99/kg | a^b ~ c`d`", "标点。，测试 123456 नमस्ते। مرحبا،"]
byte_level = lambda cuts: pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=cuts)
split = lambda pattern: pre_tokenizers.Split(Regex(pattern), "isolated")
digits = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level(True)])
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"
CL100K = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"
nfc = normalizers.NFC()

# name: (normalizer, steps, llama.cpp's expressions)
WAYS = {
    "phi-2": (None, byte_level(True), [GPT2]),
    "mpt": (nfc, byte_level(True), [GPT2]),
    "refact": (None, digits, [r"\p{N}", GPT2]),
    "command-r": (nfc, digits, [r"\p{N}", GPT2]),
    "dbrx": (None, pre_tokenizers.Sequence([split(CL100K), byte_level(False)]), [CL100K]),
    "falcon": (None, pre_tokenizers.Sequence([pre_tokenizers.Punctuation("contiguous"), byte_level(True), pre_tokenizers.Digits(individual_digits=False), split("[0-9][0-9][0-9]")]),
               [r"[\p{P}\$\+<=>\^~\|`]+", GPT2, "[0-9][0-9][0-9]"]),
    "bloom": (None, pre_tokenizers.Sequence([split(BLOOM), byte_level(False)]), [r" ?[^(\s|.,!?…。，、।۔،)]+"]),
}


def cut(text, expressions):
    """As llama.cpp: each expression cuts what the one before left; what matches nothing is a piece too."""
    pieces = [text]
    for expression in expressions:
        found = []
        for piece in pieces:
            at = 0
            for match in regex.finditer(expression, piece):
                found += [piece[at:match.start()], match.group()]
                at = match.end()
            found.append(piece[at:])
        pieces = [piece for piece in found if piece]
    return pieces


if __name__ == "__main__":
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = byte_level(True)
    tok.train_from_iterator([CORPUS] * 3 + TEXTS * 2, trainers.BpeTrainer(vocab_size=420, show_progress=False, special_tokens=["<|end|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    state = json.loads(tok.to_str())["model"]
    tokens = sorted(state["vocab"], key=state["vocab"].get)
    ways = {}
    for name, (normalizer, steps, expressions) in WAYS.items():
        tok.normalizer = normalizer
        tok.pre_tokenizer = steps
        for text in TEXTS:
            normal = normalizer.normalize_str(text) if normalizer else text
            ours = [normal[a:b] for _, (a, b) in steps.pre_tokenize_str(normal)]
            theirs = cut(normal, expressions)
            if ours != theirs: print(f"{name} cuts {text!r} otherwise:\n  {ours}\n  {theirs}")
        ways[name] = [tok.encode(text, add_special_tokens=False).ids for text in TEXTS]
    with open(os.path.join(HERE, "gguf_cuttings.expected.json"), "w") as file:
        json.dump(dict(tokens=tokens, merges=[" ".join(m) for m in state["merges"]], texts=TEXTS, ways=ways), file)
        file.write("\n")
