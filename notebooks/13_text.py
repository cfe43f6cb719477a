# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     notebook_metadata_filter: -jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 13 · Text
#
# A language model gives each character that may come next a probability. Trained on what people wrote, it can be asked
# two things: how well does it foresee text that it has not met, and what does it write itself? Here a small GPT learns
# from the reference of the Python language, and a recurrent network learns names of places. Both together take a little
# over two minutes of processor time.

# %%
from importlib.resources import files
from pydoc_data.topics import topics

import matplotlib.pyplot as plt
import numpy as np

import autograd
import nn
from nn.text import Characters, windows

LENGTH, EPOCHS = None, 8  # in a hurry: 8_000, 1
WRITTEN = 500  # in a hurry: 20
SEEDS, NAME_EPOCHS = 5, 20  # in a hurry: 2, 1

# %% [markdown]
# ## A text
#
# Python brings its own reference along: `help("while")` prints a page of it. Pages repeat each other, and a paragraph
# that stands on two of them must not be in the part for training and in the part for testing. So each is taken once.

# %%
paragraphs = [paragraph.strip("\n") for page in topics.values() for paragraph in page.split("\n\n")]
text = "\n\n".join(dict.fromkeys(paragraphs))[:LENGTH]
print(text[text.index("The \"while\" statement") :][:480] if LENGTH is None else text[:480])

# %%
characters = Characters.fit(text)
tokens = characters.encode(text)
train, test = np.split(tokens, [len(tokens) * 9 // 10])
print(f"{len(topics)} pages, {len(text):,} characters, {len(characters)} different ones")
print(f"{len(train):,} for training; the last tenth, {len(test):,}, is held out")
assert characters.decode(tokens[:100]) == text[:100]

# %% [markdown]
# ## What a guess is worth
#
# The loss of a guess is −log of the probability that was given to what then came. In *nats* with the natural
# logarithm; divided by log 2 it is *bits*, the length of the held-out text if it were compressed with these guesses.
#
# Three models that need no training by gradients: all characters alike; each as often as in the training part
# (unigram); each as often as after the character before it (bigram). Counts begin at a tenth instead of 0, so that
# nothing is impossible.


# %%
def unigram(train, test, size):
    """Mean loss in nats for each character of `test`."""
    counts = 0.1 + np.bincount(train, minlength=size)
    return -np.log(counts / counts.sum())[test].mean()


def bigram(train, test, size):
    """The same, from the character before."""
    counts = np.full((size, size), 0.1)
    np.add.at(counts, (train[:-1], train[1:]), 1.0)
    return -np.log(counts / counts.sum(axis=1, keepdims=True))[test[:-1], test[1:]].mean()


def line(name, nats):
    print(f"{name:8} {nats:.3f} nats, {nats / np.log(2):.2f} bits per character")


losses = {
    "uniform": np.log(len(characters)),
    "unigram": unigram(train, test, len(characters)),
    "bigram": bigram(train, test, len(characters)),
}
for name, nats in losses.items():
    line(name, nats)
assert losses["uniform"] > losses["unigram"] > losses["bigram"]

# %% [markdown]
# ## A GPT
#
# Three blocks, each of attention, which fetches from earlier places what may matter here, and of two dense layers. It
# sees up to 64 characters. At each of them it says what comes next, so a window of 64 is 64 exercises.

# %%
CONTEXT = 64
model = nn.models.GPT(len(characters), CONTEXT, layers=3, heads=4, width=96, dropout=0.0, rng=0)
X, y = windows(train, CONTEXT)
X_test, y_test = windows(test, CONTEXT)
summary = model.summary(X[:1])
print(f"{summary.parameters:,} parameters; {summary.forward:,} multiply-adds for a window of {CONTEXT} characters")
print(f"{len(X):,} windows for training")

# %% [markdown]
# Before training it gives all characters nearly the same probability, and writes like that.


# %%
def sample(start, count, temperature=0.8):
    return characters.decode(model.generate(characters.encode(start), count, temperature=temperature, rng=0))


before = nn.evaluate(model, X_test, y_test, loss=nn.cross_entropy)[0]
line("GPT", before)
print(sample("The ", min(150, WRITTEN)))
assert abs(before - losses["uniform"]) < 0.3

# %% [markdown]
# ## Training
#
# The held-out loss is looked at after each epoch; `fit` keeps the weights of the epoch where it was lowest.

# %%
BATCH = 16
steps = EPOCHS * -(-len(X) // BATCH)
optimizer = nn.AdamW(model, weight_decay=0.1)
rate = nn.schedules.cosine(0.003, steps=steps, warmup=steps // 20)
history = nn.fit(
    model, X, y, optimizer=optimizer, schedule=rate, epochs=EPOCHS, batch_size=BATCH, rng=0,
    validation=(X_test, y_test), compile=True, progress=False,
)  # fmt: skip

axes = history.plot(plt.figure(figsize=(6, 3)).subplots())
for name, style in (("unigram", ":"), ("bigram", "--")):
    axes.axhline(losses[name], color="gray", linestyle=style, linewidth=1)
    axes.annotate(name, (1, losses[name]), xytext=(0, 3), textcoords="offset points", fontsize=8, color="gray")
axes.set(ylabel="nats per character", ylim=(1.0, 4.2))
axes.legend(fontsize=8, frameon=False, ncols=2, loc="upper right")
plt.show()
print(f"{steps:,} steps in {history.seconds:.0f} s")

# %%
losses["GPT"] = nn.evaluate(model, X_test, y_test, loss=nn.cross_entropy)[0]
for name, nats in losses.items():
    line(name, nats)
right = nn.accuracy(nn.predict(model, X_test), y_test)
print(f"its likeliest character is the right one in {right:.1%} of all places")
assert losses["GPT"] < before

# %% [markdown]
# ## What the past is worth
#
# At the first place of a window the model knows one character, as the bigram model does, and does no better. Nearly all
# that it gains comes from the next ten: the word so far, and the one before.

# %%
X_more, y_more = windows(test, CONTEXT, stride=16)
every = nn.cross_entropy(nn.predict(model, X_more), y_more, reduction="none")
by_place = np.mean(every, axis=0)
plt.figure(figsize=(6, 2.6))
plt.plot(range(1, CONTEXT + 1), by_place, color="#3b6fb6")
plt.axhline(losses["bigram"], color="gray", linestyle="--", linewidth=1, label="bigram")
plt.xlabel("characters known")
plt.ylabel("nats")
plt.grid(alpha=0.3)
plt.legend(fontsize=8)
plt.show()
print(f"knowing 1 character: {by_place[0]:.2f} nats; 8: {by_place[7]:.2f}; 33 to 64: {by_place[32:].mean():.2f}")
assert abs(by_place.mean() - losses["GPT"]) < 0.1

# %% [markdown]
# ## What it writes
#
# It draws one character after the other, each from its probabilities given those before.

# %%
print(sample("The ", WRITTEN))

# %% [markdown]
# Words, most of which exist, quotes, line breaks at the width of the page, the tone of a manual. What it does not have
# is anything to say: 64 characters are a line of it, and all it was asked for is the next one.
#
# ## Names
#
# A name is a short text with an end. The time zone database (package tzdata) holds the names of the world's countries
# and of the places that its zones are named after.

# %%
zones = files("tzdata") / "zoneinfo"
rows = [
    line.split("\t")
    for table in ("zone.tab", "iso3166.tab")
    for line in (zones / table).read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
places = sorted({(row[2] if len(row) > 2 else row[1]).rpartition("/")[2].replace("_", " ") for row in rows})
names = [name for name in places if len(name) <= 20]
print(f"{len(names)} names;", ", ".join(names[:: len(names) // 12]))

# %% [markdown]
# A line break begins and ends each. Shorter ones are filled up to the length of the longest; what is filled in does
# not count in the loss.

# %%
END, FILLED = "\n", -1
letters = Characters.fit("".join(names) + END)
padded, lengths = nn.pad_sequences([letters.encode(END + name + END) for name in names], FILLED)
inputs, targets = np.maximum(padded[:, :-1], 0), padded[:, 1:]
print(f"{len(letters)} different characters; the longest name has {lengths.max() - 2}")
assert (targets != FILLED).sum() == sum(len(name) + 1 for name in names)

# %% [markdown]
# ## A recurrent network
#
# It reads a name character by character and keeps a state, 64 numbers, of what it has read. A *gated recurrent unit*
# decides for each of them how much of the old it keeps. What comes next is read off the state.


# %%
class Namer(nn.Module):
    def __init__(self, letters, width, rng):
        self.letter = nn.Embedding(letters, 16)
        self.memory = nn.GRU(16, width)
        self.next = nn.Linear(width, letters)
        self.initialize(rng)

    def forward(self, tokens, state=None):
        return self.next(self.memory(self.letter(tokens), state)[0])

    def write(self, rng):
        """A name, drawn character by character; the state takes it from one to the next."""
        token, state, name = letters.encode(END), None, ""
        with autograd.no_grad():
            while len(name) < 30:
                output, state = self.memory(self.letter(token), state)
                odds = np.exp(self.next(output).data[-1].astype(np.float64))
                token = rng.choice(len(odds), size=1, p=odds / odds.sum())
                if letters.decode(token) == END:
                    break
                name += letters.decode(token)
        return name


def name_loss(logits, targets):
    return nn.cross_entropy(logits, targets, ignore_index=FILLED)


namer = Namer(len(letters), 64, rng=0)
print(namer.summary(inputs[:1]))

# %% [markdown]
# One step of the unit, as a graph: `x` is a letter's vector, `h` the state. Two products make all the sums; two gates
# and what is new are made of them.

# %%
cell = nn.GRUCell(2, 3, rng=0)
x, h = autograd.Value(np.ones((1, 2), np.float32), "x"), autograd.Value(np.zeros((1, 3), np.float32), "h")
autograd.draw(cell(x, h), direction="TB")

# %% [markdown]
# ## Five times
#
# Each time a fifth of the names is held out, which has no say in the training.

# %%
results = {"unigram": [], "bigram": [], "GRU": []}
namers, seconds = [], 0.0
for seed in range(SEEDS):
    namer = Namer(len(letters), 64, rng=seed)
    learn, rest = nn.split(len(names), (0.8, 0.2), rng=seed)
    rate = nn.schedules.cosine(0.005, steps=NAME_EPOCHS * -(-len(learn) // 32))
    history = nn.fit(
        namer, inputs[learn], targets[learn], loss=name_loss, optimizer=nn.AdamW(namer, weight_decay=0.1),
        schedule=rate, epochs=NAME_EPOCHS, rng=seed, compile=True, progress=False,
    )  # fmt: skip
    known, unknown = ([letters.encode(names[i]) for i in part] for part in (learn, rest))
    end = letters.encode(END)
    known = np.concatenate([end, *(np.concatenate([name, end]) for name in known)])
    unknown = np.concatenate([end, *(np.concatenate([name, end]) for name in unknown)])
    results["unigram"].append(unigram(known, unknown[1:], len(letters)))
    results["bigram"].append(bigram(known, unknown, len(letters)))
    results["GRU"].append(nn.evaluate(namer, inputs[rest], targets[rest], loss=name_loss)[0])
    namers.append(namer)
    seconds += history.seconds
for name, nats in results.items():
    print(f"{name:8} {np.mean(nats):.3f} ± {np.std(nats, ddof=1):.3f} nats per character of the held-out names")
better = sum(gru < pairs for gru, pairs in zip(results["GRU"], results["bigram"], strict=True))
print(f"better than counting pairs in {better} of {SEEDS} trainings; {seconds / SEEDS:.1f} s a training")

# %% [markdown]
# From 500 names it learns far more than how often each letter occurs, and a little more than which letters follow each
# other. What the first of the five writes, without names that are in the list:

# %%
rng = np.random.default_rng(0)
written = [namers[0].write(rng) for _ in range(60)]
new = sorted({name for name in written if name and name not in places})
print("\n".join(", ".join(new[i : i + 8]) for i in range(0, 40, 8)))
print(f"{sum(name in places for name in written)} of 60 are names that there are")

# %% [markdown]
# ## What you have now
#
# - a language model is judged by the probability that it gives to text it has not met, in nats or bits per character;
# - counting is the measure to beat: single characters, then pairs;
# - attention looks at all of the past at once, a recurrent network hands on a state; both are trained to say what comes
#   next, and write by drawing from it.
