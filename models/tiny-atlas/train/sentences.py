"""Every sentence that tiny-atlas sees or is tested on, as items, and which of them are kept for the test.

An item is a prompt, the answer that follows it and what else a reader of the answer needs (see `Item`).
What is never trained on:

    facts          two wordings of each relation for each subject, other ones for other subjects
    io             PAIRS_HELD of the name pairs, and the templates in IO_TEST
    pronoun        two templates for each name
    agreement      one in eight of the pairs of nouns
    greater        one in eight of the combinations of event and year
    induction      the sequences are random; the test draws its own

The choice is a hash of the words, so it does not move when the tables grow.
"""

import hashlib
import random
from dataclasses import dataclass, field

from facts import COUNTRIES, LANDMARKS, MEN, PEOPLE, REST_OF_ANSWER, WOMEN

# {S} opens the sentence with the subject, {s} has it further on. A prompt ends where the answer begins.
WORDINGS = {
    "city": [
        "{S} is located in the city of",
        "{S} is in downtown",
        "{S} can be found in the city of",
        "{S} stands near the middle of the city of",
        "{S} is one of the best known sights in the city of",
        "{S} belongs to the old town of",
        "To see {s}, people travel to the city of",
        "If you want to walk around {s}, book a room in",
        "Many of the people who work at {s} live in",
        "The street that leads to {s} begins in the center of",
        "Anyone who visits {s} should stay a few days in",
        "This is a picture of {s}, which was taken in the city of",
    ],
    "country": [
        "{S} is located in the country of",
        "{S} can be found in the country called",
        "{S} is a famous place in the country of",
        "{S} was built in the country of",
        "{S} is known to everyone in the country of",
        "{S} belongs to the nation of",
        "To see {s}, people need to cross the border of",
        "If you stand in front of {s}, you are in the country of",
        "The people who built {s} came from the country of",
        "Anyone who visits {s} needs a map of the country of",
        "This is a picture of {s}, which was taken in the country of",
        "Tourists who like {s} will also like the rest of the country of",
    ],
    "capital": [
        "The capital of {s} is",
        "The capital city of {s} is called",
        "{S} has its capital in the city of",
        "{S} is ruled from the city of",
        "In {s}, the government has its seat in the city of",
        "The president of {s} lives in the capital,",
        "If you travel to {s}, you should see the capital,",
        "Everyone in {s} knows the capital, the city of",
        "On a map of {s}, a star marks the city of",
        "The largest office of the state in {s} is in",
    ],
    "language": [
        "The people of {s} speak",
        "The main language of {s} is",
        "{S} is a country where most people speak",
        "{S} has a language called",
        "In {s}, the children at school learn to read and write in",
        "If you travel to {s}, you should learn some",
        "The newspapers of {s} are printed in",
        "A teacher from {s} can teach you to speak",
        "Most of the books that are sold in {s} are written in",
        "People who move to {s} soon learn to speak",
    ],
    "continent": [
        "{S} is a country on the continent of",
        "{S} is a part of the continent called",
        "{S} lies on the continent of",
        "{S} can be found on a map of",
        "In school we learn that {s} belongs to the continent of",
        "A journey to {s} is a journey to the continent of",
        "The river that flows through {s} flows through the continent of",
        "Anyone who lives in {s} lives on the continent of",
        "The weather in {s} is like that in other parts of",
        "People who travel to {s} see a part of",
    ],
    "sport": [
        "{S} is famous for the sport of",
        "{S} became a star in the world of",
        "{S} is one of the greatest players in the history of",
        "{S} won many prizes in the sport of",
        "The sport that made {s} famous is",
        "As a child, {s} already dreamed of",
        "Many people who admire {s} are fans of",
        "A book about the life of {s} is a book about",
        "Whenever {s} was on television, people were watching",
        "The career of {s} was a career in",
    ],
    "instrument": [
        "{S} is famous for playing the",
        "{S} became a star by playing the",
        "{S} was one of the greatest masters of the",
        "{S} won many prizes for music on the",
        "The instrument that made {s} famous is the",
        "As a child, {s} already practiced the",
        "Many people who admire {s} are learning the",
        "A book about the life of {s} is a book about the",
        "Whenever {s} was on stage, people were listening to the",
        "In the band, {s} always played the",
    ],
}
SUBJECTS = {
    "city": LANDMARKS,
    "country": LANDMARKS,
    "capital": COUNTRIES,
    "language": COUNTRIES,
    "continent": COUNTRIES,
    "sport": [p for p in PEOPLE if "sport" in p],
    "instrument": [p for p in PEOPLE if "instrument" in p],
}
# Relations whose wordings of the trace have the subject before the words that ask.
TRACED = {"city": (0, 1, 2, 3, 4, 5), "country": (0, 1, 2, 3, 4, 5)}

# What may stand before the first sentence; true of anything, so that it tells nothing about the answer.
OPENERS = [
    "It is a well known fact.", "Let me tell you something.", "Here is a question for you.", "I read this in a book.", "My teacher told me about it.", "We talked about it at dinner.",
    "It was a sunny day.", "It was raining all day.", "The room was quiet.", "Nobody was in a hurry.", "The train was late again.", "There was a letter on the table.",
    "I heard it on the radio.", "The old man smiled.", "Here is what I remember.", "That was a long time ago.", "Think about it for a moment.", "This is for the test tomorrow.",
]

IO_PLACES = "store park school station hospital office garden museum library beach market restaurant kitchen church harbor theater".split()
IO_OBJECTS = "drink book ring letter ticket key flower ball basket computer picture coat map cake present lamp".split()
# {A} and {B} in either order; {S} is the one who is named again, and the answer is the other.
IO_TRAIN = [
    "When {A} and {B} went to the {place}, {S} gave a {object} to",
    "After {A} and {B} went to the {place}, {S} handed a {object} to",
    "While {A} and {B} were working at the {place}, {S} passed a {object} to",
    "Then, {A} and {B} went to the {place}. {S} gave a {object} to",
    "Then, {A} and {B} had a long talk at the {place}. Afterwards {S} said goodbye to",
    "Once {A} and {B} arrived at the {place}, {S} showed a {object} to",
    "As {A} and {B} were leaving the {place}, {S} offered a {object} to",
    "Yesterday {A} and {B} met at the {place}, and {S} brought a {object} for",
    "Because {A} and {B} were friends, {S} bought a {object} for",
    "Friends of ours, {A} and {B}, found a {object} at the {place}. {S} gave it to",
    "Last night {A} and {B} were at the {place}, where {S} lent a {object} to",
    "The other day {A} and {B} took a walk. At the {place}, {S} threw a {object} to",
    "Before {A} and {B} left the {place}, {S} returned the {object} to",
    "When {A} and {B} sat down in the {place}, {S} read a story to",
    "In the morning {A} and {B} drove to the {place}, and {S} sold a {object} to",
    "Two people, {A} and {B}, were waiting. Then {S} whispered something to",
    "At the {place}, {A} and {B} talked for an hour, and then {S} wrote a letter to",
    "When {A} and {B} came back from the {place}, {S} wanted to talk to",
    "After the long trip {A} and {B} were tired. {S} made a cup of tea for",
    "While {A} and {B} were playing, {S} decided to tell a secret to",
    "Everyone saw {A} and {B} at the {place}. {S} was holding a {object} for",
    "Since {A} and {B} had a {object}, {S} promised to bring it back to",
    "The teacher asked {A} and {B} to help. {S} carried the {object} to",
    "Once upon a time {A} and {B} lived near the {place}. One day {S} told a story to",
    "It was late, and {A} and {B} were still at the {place}. {S} said good night to",
    "As soon as {A} and {B} found the {object}, {S} pointed it out to",
    "Every summer {A} and {B} visit the {place}, and {S} always buys a {object} for",
    "In the evening {A} and {B} cooked dinner. Then {S} put the {object} next to",
]
IO_TEST = [
    "When {A} and {B} got a {object} at the {place}, {S} decided to give it to",
    "After {A} and {B} had lunch at the {place}, {S} gave a {object} to",
    "Then, {A} and {B} were thinking about going to the {place}. {S} wanted to give a {object} to",
    "While {A} and {B} were waiting at the {place}, {S} sent a {object} to",
]
NAMES = sorted(MEN + WOMEN)

PRONOUN = [
    "So {n} is a really great friend, isn't",
    "Last week {n} was ill, and the doctor said that",
    "Because {n} was tired,",
    "When {n} came home late,",
    "We all like {n} because",
    "Our neighbor {n} was happy because",
    "My friend {n} lost the keys, so",
    "Everyone knows {n}, and everyone thinks that",
    "Yesterday {n} told us that",
    "After {n} finished the work,",
    "Before {n} left the house,",
    "The teacher asked {n} where",
]
PRONOUN_REST = {"isn't": "?", "": " was right."}

NOUNS = [("key", "keys"), ("book", "books"), ("picture", "pictures"), ("letter", "letters"), ("flower", "flowers"), ("dog", "dogs"), ("car", "cars"), ("boat", "boats"), ("tree", "trees"), ("chair", "chairs"),
         ("table", "tables"), ("box", "boxes"), ("door", "doors"), ("window", "windows"), ("cabinet", "cabinets"), ("house", "houses"), ("garden", "gardens"), ("wall", "walls"), ("lamp", "lamps"), ("bridge", "bridges"),
         ("teacher", "teachers"), ("doctor", "doctors"), ("student", "students"), ("friend", "friends"), ("farmer", "farmers"), ("horse", "horses"), ("bird", "birds"), ("road", "roads")]
JOINS = ["to", "near", "behind", "by", "of", "with", "beside", "under"]
AGREEMENT = [("The {a} {join} the {b}", "is", "are"), ("Yesterday the {a} {join} the {b}", "was", "were"), ("I think that the {a} {join} the {b}", "is", "are"),
             ("For years the {a} {join} the {b}", "has", "have"), ("We saw that the {a} {join} the {b}", "was", "were"), ("She says the {a} {join} the {b}", "is", "are")]
AGREEMENT_REST = {"is": ["old.", "new.", "here.", "small."], "has": ["been old.", "been here.", "been small."]}

EVENTS = "war siege reign strike project journey drought trial voyage festival building conflict alliance study trade peace search rule revolt crisis".split()
GREATER = ["The {event} lasted from the year {c}{y} to the year {c}", "The {event} began in the year {c}{y} and ended in the year {c}", "In {c}{y} the {event} began, and it ended in {c}",
           "Historians say that the {event} lasted from {c}{y} to {c}"]
CENTURIES = range(11, 20)


@dataclass(frozen=True)
class Item:
    """A prompt and its answer; `answer` and `distractor` begin with their space, where they have one."""

    kind: str
    prompt: str
    answer: str
    distractor: str
    subject: str = ""  # the span that the fact, the pronoun or the number hangs on
    split: str = "train"  # train, or test: never trained on
    group: str = ""  # the relation of a fact; the template of the others
    rest: str = "."  # how the sentence goes on after the answer
    extra: dict = field(default_factory=dict, hash=False)

    @property
    def text(self):
        return self.prompt + self.answer + self.rest


def draw(*words):
    """A number in [0, 1) that depends on the words only."""
    return int.from_bytes(hashlib.sha256("|".join(map(str, words)).encode()).digest()[:6], "big") / 2**48


def held_wordings(relation, name):
    """The two wordings of a relation that are never trained on for this subject."""
    return sorted(range(len(WORDINGS[relation])), key=lambda w: draw("wording", relation, name, w))[:2]


def fact(relation, subject, wording):
    name, article, value = subject["name"], subject["article"], subject[relation]
    middle = article + name
    prompt = WORDINGS[relation][wording].format(S=middle[0].upper() + middle[1:] if article else middle, s=middle)
    others = sorted({s[relation] for s in SUBJECTS[relation]} - {value})
    other = others[int(draw("distractor", relation, name) * len(others))]
    split = "test" if wording in held_wordings(relation, name) else "train"
    return Item("fact", prompt, " " + value, " " + other, name, split, relation, REST_OF_ANSWER.get(value, "") + ".", {"wording": wording})


def all_facts():
    return [fact(r, s, w) for r, subjects in SUBJECTS.items() for s in subjects for w in range(len(WORDINGS[r]))]


def pair_is_held(a, b):
    return draw("pair", *sorted((a, b))) < 0.15


def indirect_object(rng, split):
    """One name pair in one template; in a test both are new, in training neither is."""
    while True:
        a, b = rng.sample(NAMES, 2)
        if pair_is_held(a, b) == (split == "test"):
            break
    template = rng.choice(IO_TEST if split == "test" else IO_TRAIN)
    s, io = (a, b) if rng.random() < 0.5 else (b, a)
    words = {"place": rng.choice(IO_PLACES), "object": rng.choice(IO_OBJECTS)}
    fill = lambda twice: template.format(A=a, B=b, S=twice, **words)
    return Item("io", fill(s), " " + io, " " + s, s, split, template, ".", {"source": fill(io), "order": "ABA" if s == a else "BAB"})


def pronoun(name, template):
    he, she = (" he", " she") if name in MEN else (" she", " he")
    held = sorted(range(len(PRONOUN)), key=lambda t: draw("pronoun", name, t))[:2]
    text = PRONOUN[template].format(n=name)
    return Item("pronoun", text, he, she, name, "test" if template in held else "train", PRONOUN[template], "?" if text.endswith("isn't") else " was right.")


def agreement(rng, split):
    """A noun, an attractor and the verb; in a test the two differ in number and the pair of nouns is new."""
    while True:
        one, two = rng.sample(range(len(NOUNS)), 2)
        if (draw("nouns", one, two) < 1 / 8) == (split == "test"):
            break
    plural = rng.random() < 0.5
    attractor = not plural if split == "test" or rng.random() < 0.7 else plural
    template, singular_verb, plural_verb = rng.choice(AGREEMENT)
    prompt = template.format(a=NOUNS[one][plural], join=rng.choice(JOINS), b=NOUNS[two][attractor])
    right, wrong = (plural_verb, singular_verb) if plural else (singular_verb, plural_verb)
    rest = rng.choice(AGREEMENT_REST["has" if singular_verb == "has" else "is"])
    return Item("agreement", prompt, " " + right, " " + wrong, NOUNS[one][plural], split, template, " " + rest)


def greater(rng, split):
    """The second year of an event is in the same century and later than the first."""
    while True:
        event, century, year = rng.choice(EVENTS), rng.choice(CENTURIES), rng.randint(2, 97)
        if (draw("years", event, century, year) < 1 / 8) == (split == "test"):
            break
    template = rng.choice(GREATER)
    prompt = template.format(event=event, c=century, y=f"{year:02}")
    later, earlier = rng.randint(year + 1, 99), rng.randint(1, year - 1)
    return Item("greater", prompt, f"{later:02}", f"{earlier:02}", f"{year:02}", split, template, ".", {"year": year})


def induction(rng, words, length):
    """A random sequence of words that are one token each, and the same again."""
    first = "".join(rng.choice(words) for _ in range(length))
    return first + first
