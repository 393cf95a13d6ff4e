"""Write what tiny-atlas is trained on: the tokenizer and the rows of tokens, from a fixed seed.

    python corpus.py --out BUILD          BUILD/tokenizer.json, BUILD/corpus.txt (a sample to read), BUILD/rows.npz

A document is one to three sentences and ends with <|endoftext|>. Documents are packed into rows of ROW tokens;
`document` numbers them, so that training can keep each from seeing its neighbours and start each at position 0.
`mark` shows where names are (see `encode_item`); `weight` is the weight of a token as a prediction: 1 on answers and on the second copy of a repeated sequence,
PLAIN elsewhere, 0 on what nobody can predict (the first copy).
"""

import argparse
import json
import os
import random
import re

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

import sentences as S
from facts import COUNTRIES, LANDMARKS, PEOPLE

VOCAB = 2304
POSITIONS = 64
ROW = 64
PLAIN = 0.1
END = "<|endoftext|>"
# Documents out of a hundred, by what their last sentence is.
MIX = {"landmark": 40, "country": 8, "person": 6, "io": 22, "pronoun": 5, "agreement": 6, "greater": 7, "induction": 6}


def by_kind():
    """The trained facts of each kind of subject, pronouns as they are."""
    facts = [f for f in S.all_facts() if f.split == "train"]
    pick = lambda relations: [f for f in facts if f.group in relations]
    pronouns = [S.pronoun(n, t) for n in S.NAMES for t in range(len(S.PRONOUN))]
    return {"landmark": pick({"city", "country"}), "country": pick({"capital", "language", "continent"}), "person": pick({"sport", "instrument"}),
            "pronoun": [p for p in pronouns if p.split == "train"]}


def sentence(rng, kind, fixed):
    if kind in fixed:
        return rng.choice(fixed[kind])
    return {"io": S.indirect_object, "agreement": S.agreement, "greater": S.greater}[kind](rng, "train")


def byte_level(vocab, merges):
    t = Tokenizer(models.BPE(vocab=vocab, merges=merges, dropout=None, unk_token=None, byte_fallback=False))
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    t.add_special_tokens([END])
    return t


def train_tokenizer():
    """Byte-level BPE: the digits' merges are written by hand, the rest is learned from a list of words.

    The hand-made ones cut any year ' 1732' into ' 17' and '32'. The list repeats a word the more often, the more
    it should be one token: answers, names and nouns, then the other words, then the landmarks, most of which keep two to four.
    """
    digits = [str(d) for d in range(10)]
    space = "Ġ"
    merges = [(space, "1")] + [(space + "1", d) for d in digits] + [(a, b) for a in digits for b in digits]
    templates = [w for wordings in S.WORDINGS.values() for w in wordings] + S.IO_TRAIN + S.IO_TEST + S.PRONOUN + S.GREATER + S.OPENERS + [t for t, *_ in S.AGREEMENT]
    words = set(re.findall("[A-Za-z]+", re.sub("{.*?}", "", " ".join(templates)))) | set(S.IO_PLACES + S.IO_OBJECTS + S.EVENTS)
    single = {f.answer for f in S.all_facts()} | {f" {n}" for n in S.NAMES + [n for pair in S.NOUNS for n in pair]} | {" is", " are", " was", " were", " has", " have", " he", " she"}
    groups = [(100, sorted(single)), (60, [f" {w}" for w in sorted(words)]), (60, sorted(words & {t.split()[0] for t in templates})), (40, [f" {s['name']}" for s in LANDMARKS]), (14, [f" {s['name']}" for s in PEOPLE + COUNTRIES])]
    common = [w * times for times, group in groups for w in group]
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    room = VOCAB - len(merges) - 1
    learner.train_from_iterator(common, trainers.BpeTrainer(vocab_size=room, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    learned = json.loads(learner.to_str())["model"]
    base = [t for t, _ in sorted(learned["vocab"].items(), key=lambda e: e[1])]
    vocab = {t: i for i, t in enumerate(base[:256] + [a + b for a, b in merges] + base[256:])}
    vocab[END] = len(vocab)
    return byte_level(vocab, merges + [tuple(m) for m in learned["merges"]])


def sequence_words(tokenizer):
    """The tokens that are a space and letters, and that come back from their own text: random sequences are made of them."""
    words = [tokenizer.decode([i]) for i in range(tokenizer.get_vocab_size())]
    return [w for i, w in enumerate(words) if re.fullmatch(r" [A-Za-z]{2,}", w) and tokenizer.encode(w).ids == [i]]


def encode_item(tokenizer, item, names, lead=""):
    """Tokens, weights and marks of one sentence; cut at the answer, because the prompt of a test ends there.

    A mark is 1 on the tokens of a name (the subject of a fact, a person) but its last, 2 on its last, 0 elsewhere.
    """
    prompt = tokenizer.encode(lead + item.prompt)
    after, rest = tokenizer.encode(item.answer).ids, tokenizer.encode(item.rest).ids
    mark = [2 if i in names and item.kind in ("io", "pronoun") else 0 for i in prompt.ids]
    if item.kind == "fact":
        begin = len(lead) + item.prompt.index(item.subject)
        inside = [n for n, (a, b) in enumerate(prompt.offsets) if a < begin + len(item.subject) and b > begin]
        for n in inside:
            mark[n] = 1
        mark[inside[-1]] = 2
    more = len(after) + len(rest)
    return prompt.ids + after + rest, [PLAIN] * len(prompt.ids) + [1.0] * len(after) + [PLAIN] * len(rest), mark + [0] * more


def document(rng, tokenizer, fixed, words, names, kinds, weights):
    kind = rng.choices(kinds, weights)[0]
    end = tokenizer.token_to_id(END)
    ids, weight, mark = ([end], [0.0], [0]) if rng.random() < 0.15 else ([], [], [])
    if kind == "induction":
        length = rng.randint(6, (POSITIONS - 2) // 2)
        one = [rng.choice(words) for _ in range(length)]
        ids += one + one
        weight += [0.0] * length + [0.0] + [1.0] * (length - 1)
        return ids + [end], weight + [0.0], [0] * (len(ids) + 1)
    parts = []
    if rng.random() < 0.2:
        parts.append(rng.choice(S.OPENERS))
    others = [k for k in kinds if k != "induction"]
    while rng.random() < 0.25 and len(parts) < 3:
        parts.append(sentence(rng, rng.choices(others, [weights[kinds.index(k)] for k in others])[0], fixed))
    parts.append(sentence(rng, kind, fixed))
    for n, part in enumerate(parts):
        lead = " " if n else ""
        if isinstance(part, str):
            more = tokenizer.encode(lead + part).ids
            more = more, [PLAIN] * len(more), [0] * len(more)
        else:
            more = encode_item(tokenizer, part, names, lead)
        if len(ids) + len(more[0]) >= POSITIONS:
            break
        ids, weight, mark = ids + more[0], weight + more[1], mark + more[2]
    return ids + [end], weight + [PLAIN], mark + [0]


def pack(documents, rng):
    """Rows of ROW tokens: each document goes to the fullest open row that has room for it."""
    rows, opened = [], []
    for doc in documents:
        size = len(doc[0])
        fits = [r for r in opened if r[0] + size <= ROW]
        row = max(fits, key=lambda r: r[0]) if fits else [0, []]
        if not fits:
            opened.append(row)
        row[0] += size
        row[1].append(doc)
        if row[0] > ROW - 6 or len(opened) > 40:
            full = max(opened, key=lambda r: r[0])
            opened.remove(full)
            rows.append(full[1])
    rows += [r[1] for r in opened]
    return rows


def arrays(rows):
    n = len(rows)
    out = {"tokens": np.zeros((n, ROW), np.int16), "document": np.full((n, ROW), -1, np.int8), "position": np.zeros((n, ROW), np.int8), "weight": np.zeros((n, ROW), np.float16), "mark": np.zeros((n, ROW), np.int8)}
    for r, docs in enumerate(rows):
        at = 0
        for d, (ids, weight, mark) in enumerate(docs):
            span = slice(at, at + len(ids))
            out["tokens"][r, span], out["weight"][r, span], out["mark"][r, span] = ids, weight, mark
            out["document"][r, span], out["position"][r, span] = d, range(len(ids))
            at += len(ids)
    return out


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--out", required=True)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--tokens", type=float, default=6e6, help="how many tokens to write")
    a = ap.parse_args()
    os.makedirs(a.out, exist_ok=True)
    rng = random.Random(a.seed)
    fixed = by_kind()
    tokenizer = train_tokenizer()
    tokenizer.save(os.path.join(a.out, "tokenizer.json"))
    words = [tokenizer.encode(w).ids[0] for w in sequence_words(tokenizer)]
    names = {tokenizer.encode(" " + n).ids[0] for n in S.NAMES}
    kinds, weights = list(MIX), list(MIX.values())
    documents, total = [], 0
    while total < a.tokens:
        documents.append(document(rng, tokenizer, fixed, words, names, kinds, weights))
        total += len(documents[-1][0])
    rows = pack(documents, rng)
    rng.shuffle(rows)
    np.savez(os.path.join(a.out, "rows.npz"), **arrays(rows))
    with open(os.path.join(a.out, "corpus.txt"), "w") as f:
        f.writelines(tokenizer.decode(ids, skip_special_tokens=False) + "\n" for ids, *_ in documents[:2000])
    print(f"{len(documents)} documents, {total} tokens, {len(rows)} rows, {total / len(rows) / ROW:.1%} full, {len(words)} sequence words")


if __name__ == "__main__":
    main()
