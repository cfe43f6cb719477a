"""README's Python blocks run in order, in one namespace, and every comment after an expression is what it gives.

`expression  # text` claims the repr of the expression; a text that ends in ... claims its beginning. The picture beside the
first block is what the block draws, and the file table names files that exist. The other pictures are written anew by

    python tests/test_readme.py
"""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

from autograd import ops, primitives

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.S)


def comments(source):
    """Line number → text of the comment that ends the line."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string[1:].strip() for t in tokens if t.type == tokenize.COMMENT}


def run(source, names):
    """Execute a block statement by statement; give (comment, what the expression or print gave) of every claim."""
    said, claims = comments(source), []
    for statement in ast.parse(source).body:
        printed = []
        names["print"] = lambda *parts, printed=printed: printed.append(" ".join(map(str, parts)))
        if isinstance(statement, ast.Expr) and not is_print(statement.value):
            result = eval(compile(ast.Expression(statement.value), "README.md", "eval"), names)
            if statement.end_lineno in said and result is not None:
                claims.append((said[statement.end_lineno], repr(result)))
        else:
            exec(compile(ast.Module([statement], []), "README.md", "exec"), names)
            for line in range(statement.lineno, statement.end_lineno + 1):
                if line in said and printed and is_print_line(source, line):
                    claims.append((said[line], printed[0]))
    return claims


def is_print(node):
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"


def is_print_line(source, line):
    return source.splitlines()[line - 1].lstrip().startswith("print(")


def test_every_block_gives_what_its_comments_say(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ops.load()  # what is read later would register in the copy alone
    monkeypatch.setattr(primitives, "registry", dict(primitives.registry))  # its op is not one of the others' tests
    names, count = {"__name__": "readme"}, 0
    for source in BLOCKS:
        for said, given in run(source, names):
            count += 1
            if said.endswith("..."):
                assert given.startswith(said.removesuffix("...")), source
            else:
                assert given == said, source
    assert count >= 15
    assert (tmp_path / "neuron.svg").read_text(encoding="utf-8") == (ROOT / "notebooks" / "neuron.svg").read_text(
        encoding="utf-8"
    )


def test_a_wrong_comment_is_found():
    assert run("1 + 1  # 3\n", {}) == [("3", "2")]


@pytest.mark.parametrize("name", re.findall(r"`((?:autograd|nn)/[\w/]+(?:\.py|/))`", README))
def test_the_file_table_names_files_that_exist(name):
    assert (ROOT / name).exists()


def test_it_is_short():
    assert len(README.splitlines()) < 300


def network_picture():
    """A network that has learned the digits, and what the 597 that it has not seen become in it."""
    import numpy as np

    import nn

    data = nn.datasets.digits()
    X, y = data.X.astype(np.float32), data.y
    model = nn.MLP(64, [12, 10], rng=0)
    nn.fit(model, X[:1200], y[:1200], epochs=20, rng=0, progress=False)
    return nn.viz.network(model, X[1200:], image=(8, 8), names=(None, list(data.target_names)))


def grouped_picture():
    """One loss of a network of scalar Values for 153 samples: 98,410 nodes."""
    import autograd
    from nn.scalar import MLP

    model = MLP(2, [16, 16, 1], rng=1337)
    outs = [model([i / 76 - 1, (37 * i % 153) / 76 - 1]) for i in range(153)]
    loss = sum(outs[1:], outs[0]) * (1 / 153)
    loss.label = "loss"
    loss.backward()
    return autograd.draw(loss)


PICTURES = {"network.svg": network_picture, "grouped.svg": grouped_picture}


def shape_of(svg):
    """The elements of a picture, without the numbers that training and another machine's sums decide."""
    svg = re.sub(r'href="[^"]*"|class="[^"]*"|gg[0-9a-f]{8}', "", svg)
    return sorted(re.sub(r"-?[0-9][0-9.,e+-]*", "#", part) for part in re.findall(r"<[^>]*>[^<]*", svg))


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_is_what_is_drawn_now(name):
    """They were looked at. After a change that is meant, look again and run this file to write them anew."""
    assert f"notebooks/{name}" in README
    kept = (ROOT / "notebooks" / name).read_text(encoding="utf-8")
    assert shape_of(PICTURES[name]().to_svg()) == shape_of(kept)


if __name__ == "__main__":
    for name, make in PICTURES.items():
        print(make().save(ROOT / "notebooks" / name))
