"""README's Python blocks run in order, in one namespace, and every comment after an expression is what it gives.

`expression  # text` claims the repr of the expression; a text that ends in ... claims its beginning. The picture beside the
first block is what the block draws, and the file table names files that exist.
"""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

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
