"""Six pictures, byte for byte. After a wanted change: `python tests/autograd/viz/test_golden.py`, and look at them."""

from pathlib import Path

import drawn_graphs as graphs
import pytest

from autograd import draw

HERE = Path(__file__).parent
PICTURES = {
    "neuron": lambda: draw(graphs.neuron()),
    "slopes": lambda: draw(
        graphs.neuron(), show=("op", "label", "data", "grad", "slope"), direction="TB", theme="dark", color="op"
    ),
    "network": lambda: draw(graphs.network()),
    "twice": lambda: draw(graphs.twice()),
    "scalars": lambda: draw(graphs.scalars()),
    "comparison": lambda: draw(graphs.network(backward=False)).diff(draw(graphs.network())),
}


@pytest.mark.parametrize("name", PICTURES)
def test_picture(name):
    drawn = PICTURES[name]().to_svg()
    assert drawn == (HERE / "golden" / f"{name}.svg").read_text(encoding="utf-8")


if __name__ == "__main__":
    for name, picture in PICTURES.items():
        picture().save(HERE / "golden" / f"{name}.svg")
