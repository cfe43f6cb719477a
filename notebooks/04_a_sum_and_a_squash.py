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
# # 4 · A sum and a squash
#
# A network with 834,890 weights that somebody else has trained. Nobody can say what each of them is for. But what it
# does with them can be followed by anyone with a pencil: it multiplies, adds up, and squashes, again and again. Here
# one neuron of a real network is written out, term by term.
#
# The network is g2p-en's. It reads the letters of an English word and says how the word is pronounced. Its weights are
# a file in the package (`pip install --no-deps g2p-en`; what it would install besides is not needed here).

# %%
import ast
import importlib.util
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import autograd
import nn
from nn import lens

folder = Path(importlib.util.find_spec("g2p_en").submodule_search_locations[0])
arrays = np.load(folder / "checkpoint20.npz")
print(f"{len(arrays.files)} arrays, {sum(arrays[name].size for name in arrays.files):,} numbers")

# %% [markdown]
# ## The network
#
# Each letter is looked up in a table: 256 numbers. A GRU reads them one after another, and keeps a *state* of 256
# numbers. A second GRU starts from that state and speaks: from the sound before it makes the next state, and a last
# layer makes 74 sums of it, one for each sound.


# %%
class Speller(nn.Module):
    """Letters of a word (batch, length), after some sounds → a sum for each sound that may come next (batch, sounds)."""

    def __init__(self):
        letters, width = arrays["enc_emb"].shape
        self.letters, self.sounds = nn.Embedding(letters, width), nn.Embedding(*arrays["dec_emb"].shape)
        hidden = arrays["enc_w_hh"].shape[1]
        self.reader, self.speaker = nn.GRU(width, hidden), nn.GRU(width, hidden)
        self.head = nn.Linear(hidden, len(arrays["fc_b"]))
        state = {"letters.weight": "enc_emb", "sounds.weight": "dec_emb", "head.weight": "fc_w", "head.bias": "fc_b"}
        for name, short in (("reader", "enc"), ("speaker", "dec")):
            for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                state[f"{name}.{part}_l0"] = f"{short}_{part.replace('weight', 'w').replace('bias', 'b')}"
        self.load_state_dict({path: arrays[name] for path, name in state.items()})
        self.astype(np.float64)
        self.spoken = [START]

    def forward(self, word):
        _, meaning = self.reader(self.letters(word))
        spoken = np.tile(self.spoken, (len(word), 1))
        return self.head(self.speaker(self.sounds(spoken), meaning)[0][:, -1])


source = (folder / "g2p.py").read_text(encoding="utf-8")
sounds = source[source.index("self.phonemes = ") :]
special, listed = sounds[len("self.phonemes = ") :].split("+")[:2]
SOUNDS = ast.literal_eval(special.strip()) + ast.literal_eval(listed[: listed.index("]") + 1].strip())
LETTERS = ["<pad>", "<unk>", "</s>", *"abcdefghijklmnopqrstuvwxyz"]
START, END = SOUNDS.index("<s>"), SOUNDS.index("</s>")


def encoded(word):
    return np.array([[LETTERS.index(letter) for letter in (*word, "</s>")]])


def said(model, word):
    """The likeliest sound after each, up to the end."""
    model.spoken = [START]
    while model.spoken[-1] != END and len(model.spoken) < 20:
        model.spoken.append(int(model.predict(encoded(word)).argmax()))
    heard, model.spoken = model.spoken[1:-1], [START]
    return heard


model = Speller()
for word in ("gradient", "neuron", "weight", "eight"):
    print(f"{word:9}", " ".join(SOUNDS[sound] for sound in said(model, word)))
assert [SOUNDS[sound] for sound in said(model, "weight")] == ["W", "EY1", "T"]

# %% [markdown]
# The digits are stress. It has learned that *gh* is silent in weight. How does it know that a word begins with a
# certain sound?
#
# ## One sum
#
# Take the word *gradient* and the neuron for the sound G. Its sum has 256 terms: each number of the speaker's state
# times a weight. The largest, and what the others come to:

# %%
word, sound = "gradient", SOUNDS.index("G")
found = lens.neuron(model, encoded(word), "head", sound)
found

# %% [markdown]
# No single term decides. The bars start where the one before ended.

# %%
found.plot()
plt.show()
up, down = found.terms[found.terms > 0], found.terms[found.terms < 0]
print(
    f"{len(up)} terms add {up.sum():.2f}, {len(down)} take away {-down.sum():.2f}, bias {found.bias:.2f}: sum {found.total:.2f}"
)
largest = np.sort(np.abs(found.terms))[::-1]
half = int(np.searchsorted(np.cumsum(largest), largest.sum() / 2)) + 1
print(f"half of all that is added and taken away is in the {half} largest of {len(largest)} terms")
assert np.isclose(found.terms.sum() + found.bias, found.total, atol=1e-4)

# %% [markdown]
# ## A squash
#
# A sum says little by itself. All 74 go through the *softmax*: e to the sum, divided by the total of all. That makes
# shares of them that add up to 1, and stretches differences: a sum that is higher by 3 counts 20 times as much.

# %%
sums = model(encoded(word)).data[0].astype(float)
shares = np.exp(sums - sums.max())
shares /= shares.sum()
for i in np.argsort(-sums)[:4]:
    print(f"{SOUNDS[i]:4} sum {sums[i]:6.2f}   share {shares[i]:.4f}")
assert SOUNDS[int(sums.argmax())] == "G" and np.isclose(sums[sound], found.total, atol=1e-4)

# %% [markdown]
# ## A neuron inside
#
# The terms' inputs, the state, are outputs of neurons themselves. In a GRU they are *gates*: a sum squashed by the
# sigmoid to between 0 and 1, which says how much of the old state is kept. Here is what happens when the reader sees
# its first letter, g, with a state that is still 0. Each card is an array: two sums, of the letter on the left and of
# the state on the right, are added and squashed.

# %%
with lens.trace(model) as t:
    model(encoded("g"))
autograd.draw(t["reader:sigmoid"][0], direction="TB")

# %% [markdown]
# One gate by hand: its weights meet the 256 numbers of the letter, and two biases are added.

# %%
weights = dict(model.named_parameters())
update = np.ptp(weights["reader.weight_ih_l0"].data[256:512], axis=1)  # the update gates' rows
unit = 256 + int(update.argmax())  # the one with the widest weights
gate = lens.neuron(model, encoded("g"), "reader.weight_ih_l0", unit, at=(0, 0))
total = gate.total + float(weights["reader.bias_hh_l0"].data[unit])
by_hand = 1 / (1 + np.exp(-total))
network = t["reader:sigmoid"][0].data.reshape(-1)[unit]
print(f"{len(gate.terms)} terms and a bias sum to {gate.total:.4f}; with the other bias {total:.4f}")
print(f"sigmoid of that, by hand {by_hand:.4f}, in the network {network:.4f}")
assert np.isclose(by_hand, network, atol=1e-5)

# %% [markdown]
# Where on the squash do its neurons work? In the middle a gate passes on small differences; at the ends it is a switch.
# Here are all the reader's gates, at all letters of some words.

# %%
words = ("gradient", "neuron", "weight", "eight", "network", "pencil", "through", "enough")
sums = []
for each in words:
    with lens.trace(model) as t:
        model(encoded(each))
    sums += [np.ravel(node.operands[0].data).astype(float) for node in t["reader:sigmoid"]]  # what was squashed
sums = np.concatenate(sums)
gates = 1 / (1 + np.exp(-sums))
z = np.linspace(-8, 8, 161)
figure, axis = plt.subplots(figsize=(5.0, 2.6))
axis.hist(sums, bins=80, range=(-8, 8), density=True, color="#8fbaf0")
axis.set(xlabel="sum", ylabel="density of gates")
right = axis.twinx()
right.plot(z, 1 / (1 + np.exp(-z)), color="#d9660a")
right.set_ylabel("sigmoid")
figure.tight_layout()
plt.show()
ends = np.mean((gates < 0.1) | (gates > 0.9))
print(f"{len(gates):,} gates; {ends:.0%} are nearly shut or nearly open, beyond 0.1 or 0.9")
assert 0.05 < ends < 0.95

# %% [markdown]
# ## Which letter a sum hangs on
#
# Every sum is made of sums, back to the letters. One may ask for the slope of a sound's sum with respect to a letter's
# 256 numbers: `lens.trace` names the values, `backward` leaves the slopes in them. Or one may try it: put each of the
# 26 letters in its place, and see how far the sum falls on average. Which tells more?


# %%
def hanging(word):
    """(sounds, falls, slopes): for each sound and letter, relative to the largest of the sound."""
    heard, falls, slopes = said(model, word), [], []
    others = np.repeat(encoded(word)[None], len(word), axis=0).repeat(26, axis=1)  # (place, letter there, length)
    for place in range(len(word)):
        others[place, :, place] = np.arange(3, 29)
    for i, sound in enumerate(heard):
        model.spoken = [START, *heard[:i]]
        with lens.trace(model) as t:
            sums = model(encoded(word))
        sums[0, sound].backward()
        slopes.append(np.linalg.norm(t["letters"].grad[0, :-1], axis=1))
        replaced = model.predict(others.reshape(-1, len(word) + 1))[:, sound].reshape(len(word), 26)
        falls.append(sums.data[0, sound] - replaced.mean(axis=1))
    model.spoken = [START]
    relative = [np.array(rows) / np.max(rows, axis=1, keepdims=True) for rows in (falls, slopes)]
    return [SOUNDS[sound] for sound in heard], *relative


words += ("brother", "kitchen", "garden")
found = {each: hanging(each) for each in words}
figure, axes = plt.subplots(2, 3, figsize=(9.0, 5.4))
for column, each in enumerate(("gradient", "pencil", "weight")):
    heard, *measures = found[each]
    for axis, rows, name in zip(axes[:, column], measures, ("replaced", "slope"), strict=True):
        axis.imshow(rows, cmap="Blues", aspect="auto", vmin=0)
        axis.set_xticks(range(len(each)), list(each))
        axis.set_yticks(range(len(heard)), heard)
        axis.set_title(f"{each}: {name}", fontsize=9)
    pairs = ", ".join(f"{sound} on {each[i]}" for sound, i in zip(heard, measures[0].argmax(axis=1), strict=True))
    print(f"{each:9} {pairs}")
figure.tight_layout()
plt.show()

# %% [markdown]
# Replaced, the letters fall into place: dark runs from the upper left to the lower right, sound after sound, and in
# weight it jumps over *igh*. Nobody told the network which letter makes which sound; it was only told words and how
# they are said.
#
# The slopes see much less of that. A slope is about small changes, and a letter does not change by a little: between
# one row of the table and another lie many gates that open and shut. In numbers: does the place of a sound in the word
# agree with the place of the letter that it hangs on most?

# %%
for number, name in ((0, "replaced"), (1, "slope")):
    places = [
        (i / max(len(rows) - 1, 1), row.argmax() / (len(each) - 1))
        for each, (_, *measures) in found.items()
        for rows in [measures[number]]
        for i, row in enumerate(rows)
    ]
    together = np.corrcoef(np.array(places).T)[0, 1]
    print(f"{name:9} correlation {together:.2f} over {len(places)} sounds")
    assert together > 0.85 if name == "replaced" else together < 0.75

# %% [markdown]
# ## The verdict
#
# - A trained network is sums and squashes: a sound's sum of 256 terms and a bias came out by hand, and so did a gate.
# - No term decides; a neuron is a vote of many.
# - The squash makes shares of sums, and switches of gates: two thirds of them are nearly shut or nearly open.
# - Slopes say what small changes do. What a letter does one finds by changing the letter.
#
# How does a network come by such weights? Step by step: *Which way is downhill?*
