"""Small tokenizers and what Python's Transformers makes of difficult texts: the ids and places that
src/checkpoint/tokenizer/python.test.ts compares with.

Each case is a folder as Hugging Face saves it (tokenizer.json, or vocab.json and merges.txt; tokenizer_config.json; the
model_type of config.json), read by AutoTokenizer. Places are Python's offsets, in UTF-16 units. Where Transformers builds a
tokenizer of its own instead of reading the file (LlamaTokenizer), the case holds what `tokenizers` makes of the file too.

Run:  pip install transformers tokenizers
      python make_tokenizers.py
"""
import json, os, tempfile
import transformers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer

transformers.logging.set_verbosity_error()
HERE = os.path.dirname(os.path.abspath(__file__))

CORPUS = ["The Space Needle is in downtown Seattle. The Eiffel Tower is in Paris, the capital of France.",
          "the dog and the cat are in the house; the house is in the town", "gin of the text begins: s, of, gin",
          "I'm sure they've said we'd go; café naïve 12345 2024"] * 4
TEXTS = ["", " ", "   ", "\n", " \n ", "the dog", " the dog", "The Space Needle is in downtown", "a  b   c ", "Other than the Tower",
         "beginning gin", "12345 + 67", "I'm sure they've", "café CAFÉ naïve", "cafe\u0301", "ﬁne ﬀ", "日本 in 東京", "🙂🙂 the 👩‍👧", "a\tb\r\nc",
         "…—“quoted”", "▁the ▁ one", "the<|mark|>dog", "  <|left|>\n<|left|>  ", "  <|right|>\n<|right|>  ", "in<|word|>side",
         "alone <|word|> here", "<|word|>.", "the Paris the", "THE PARIS", "[PAD]the", "<s>the</s> dog", "<|end|>the <|end|>"]


def added():
    return [AddedToken("<|mark|>", special=True), AddedToken("<|left|>", lstrip=True, special=True),
            AddedToken("<|right|>", rstrip=True, special=True), AddedToken("<|word|>", single_word=True, special=True),
            AddedToken("  ", normalized=False), AddedToken("Paris", normalized=True)]


def byte_level(cutter=None, normalizer=None, **model):
    tokenizer = Tokenizer(models.BPE(**model))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = cutter or pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=330, special_tokens=["<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    tokenizer.add_tokens(added())
    return tokenizer


def pieces():
    """LLaMA 2's form: byte-pair merges of SentencePiece's pieces, with bytes for what is missing."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<unk>", "<s>", "</s>"] + bytes_, show_progress=False))
    content = json.loads(tokenizer.to_str())
    content["added_tokens"] = [token for token in content["added_tokens"] if token["id"] < 3]
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    return tokenizer


def unigram(byte_fallback):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first")
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(replacement="▁", prepend_scheme="first")])
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)] if byte_fallback else []
    tokenizer.train_from_iterator(CORPUS, trainers.UnigramTrainer(
        vocab_size=90 + len(bytes_), special_tokens=["<unk>", "<s>", "</s>"] + bytes_, unk_token="<unk>", show_progress=False))
    content = json.loads(tokenizer.to_str())
    content["model"]["byte_fallback"] = byte_fallback
    content["added_tokens"] = [token for token in content["added_tokens"] if token["id"] < 3]
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.add_tokens(added()[:4])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 1), ("</s>", 2)])
    return tokenizer


def wordpiece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(
        vocab_size=150, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer


LLAMA3_CUT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def split_cutter():
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3_CUT), "isolated"),
                                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def templated(tokenizer, token="<|endoftext|>"):
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{token} $A", pair=f"{token} $A {token} $B", special_tokens=[(token, tokenizer.token_to_id(token))])
    return tokenizer


def units(text):
    at = [0]
    for character in text:
        at.append(at[-1] + (2 if ord(character) > 0xFFFF else 1))
    return at


def case(files, config, model_type, texts=TEXTS):
    """`files` by name; what AutoTokenizer makes of them."""
    with tempfile.TemporaryDirectory() as folder:
        every = {**files, "tokenizer_config.json": json.dumps(config), "config.json": json.dumps({"model_type": model_type})}
        for name, content in every.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(content)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        encoded = [tokenizer(text, return_offsets_mapping=True) for text in texts]
        ids = [list(each["input_ids"]) for each in encoded]
        specials = set(tokenizer.all_special_ids)
        places = [[None if token in specials else [units(text)[a], units(text)[b]]
                   for token, (a, b) in zip(each["input_ids"], each["offset_mapping"])] for text, each in zip(texts, encoded)]
        return dict(config=config, model_type=model_type, texts=texts, ids=ids, places=places)


def from_json(tokenizer, name, config, model_type):
    found = case({"tokenizer.json": tokenizer.to_str()}, config, model_type)
    read = Tokenizer.from_str(tokenizer.to_str())
    by_file = [read.encode(text).ids for text in found["texts"]]
    return dict(tokenizer=name, **found, **({} if by_file == found["ids"] else {"file_ids": by_file}))


def from_vocabulary(tokenizer, config, model_type):
    """A folder as the oldest models have them: vocab.json and merges.txt, no tokenizer.json."""
    model = json.loads(tokenizer.to_str())["model"]
    merges = "#version: 0.2\n" + "\n".join(" ".join(merge) if isinstance(merge, list) else merge for merge in model["merges"]) + "\n"
    found = case({"vocab.json": json.dumps(model["vocab"]), "merges.txt": merges}, config, model_type)
    return dict(vocab=model["vocab"], merges=merges, **found)


def main():
    gpt2, llama3 = byte_level(), templated(byte_level(split_cutter(), normalizers.NFC(), ignore_merges=True))
    neox = templated(byte_level(normalizer=normalizers.NFC()))
    made = {"bytes": gpt2, "split": llama3, "neox": neox, "pieces": pieces(), "unigram": unigram(True), "unigram-unknown": unigram(False),
            "wordpiece": wordpiece()}
    gpt2_class = {"tokenizer_class": "GPT2Tokenizer", "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    llama_class = {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "legacy": True}
    bert_class = {"tokenizer_class": "BertTokenizer", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]",
                  "mask_token": "[MASK]"}
    plain = {"tokenizer_class": "PreTrainedTokenizerFast"}
    mark = {"content": "<|mark|>", "special": True, "normalized": False, "single_word": False, "lstrip": False, "rstrip": False}
    variants = [
        ("bytes", gpt2_class, "gpt2"), ("bytes", {**gpt2_class, "add_prefix_space": True}, "gpt2"), ("bytes", {}, "gpt2"),
        ("bytes", {"add_prefix_space": True}, "gpt2"), ("bytes", plain, "gpt2"), ("bytes", {**plain, "add_prefix_space": True}, "gpt2"),
        ("bytes", {**gpt2_class, "split_special_tokens": True}, "gpt2"), ("bytes", {**gpt2_class, "pad_token": "[PAD]"}, "gpt2"),
        ("bytes", {**gpt2_class, "additional_special_tokens": ["<s>", "</s>"]}, "gpt2"),
        ("bytes", {**plain, "added_tokens_decoder": {"400": {**mark, "content": "<|end|>", "rstrip": True}}}, "gpt2"),
        ("split", plain, "llama"), ("split", {**llama_class, "add_prefix_space": True}, "llama"), ("split", {}, "qwen2"),
        ("split", {"tokenizer_class": "LlamaTokenizer", "add_prefix_space": True}, "qwen2"),
        ("neox", {"tokenizer_class": "GPTNeoXTokenizer"}, "gpt_neox"), ("neox", {"tokenizer_class": "GPTNeoXTokenizer", "add_prefix_space": True}, "gpt_neox"),
        ("neox", plain, "gpt_neox"),
        ("pieces", llama_class, "llama"), ("pieces", {**llama_class, "legacy": False}, "llama"),
        ("pieces", {**llama_class, "add_prefix_space": False}, "llama"), ("pieces", plain, "llama"),
        ("unigram", plain, "t5"), ("unigram-unknown", plain, "t5"),
        ("wordpiece", bert_class, "bert"), ("wordpiece", {**bert_class, "do_lower_case": False}, "bert"),
        ("wordpiece", {**bert_class, "strip_accents": False, "tokenize_chinese_chars": False}, "bert"),
    ]
    cases = [from_json(made[name], name, config, model_type) for name, config, model_type in variants]
    folders = [from_vocabulary(gpt2, gpt2_class, "gpt2"), from_vocabulary(gpt2, {}, "gpt2"),
               from_vocabulary(gpt2, {**gpt2_class, "add_prefix_space": True}, "gpt2"), from_vocabulary(neox, {}, "gpt_neox"),
               from_vocabulary(neox, {"tokenizer_class": "GPTNeoXTokenizer"}, "gpt_neox"), from_vocabulary(llama3, {}, "qwen2")]
    written = dict(transformers=transformers.__version__, tokenizers={name: json.loads(each.to_str()) for name, each in made.items()},
                   cases=cases, folders=folders)
    with open(os.path.join(HERE, "tokenizers.expected.json"), "w", encoding="utf-8") as file:
        json.dump(written, file, ensure_ascii=False)
    print(os.path.getsize(os.path.join(HERE, "tokenizers.expected.json")), "bytes;", len(cases), "cases;", len(folders), "folders")


main()
