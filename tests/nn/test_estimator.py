"""Without scikit-learn its facade says what to install; with it, tests/oracle/test_estimator.py looks at it."""

import importlib
import sys

import pytest

import nn
from autograd.errors import MissingExtraError


def test_without_scikit_learn_the_module_says_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "sklearn" or name == "nn.estimator"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.delitem(vars(nn), "estimator", raising=False)
    with pytest.raises(MissingExtraError) as caught:
        importlib.import_module("nn.estimator")
    assert str(caught.value) == ('nn.estimator needs scikit-learn 1.6 or later: pip install "glassgrad[sklearn]"')
    with pytest.raises(MissingExtraError, match="needs scikit-learn"):
        _ = nn.estimator
