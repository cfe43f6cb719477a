"""Everything about a model that looking at it must not change."""

import numpy as np


def footprint(model):
    """Bits of parameters, gradients and buffers, which arrays they are, modes, what modules hold, generators."""
    parameters = [(id(p.data), p.data.tobytes(), id(p.grad), np.asarray(p.grad).tobytes()) for p in model.parameters()]
    buffers = [(name, id(array), array.tobytes()) for name, array in model.named_buffers()]
    modules = [
        (path, module.training, sorted(vars(module).keys() - {"training"})) for path, module in model.named_modules()
    ]
    held = [[id(layer) for layer in getattr(module, "layers", ())] for _, module in model.named_modules()]
    generators = [(name, str(generator.bit_generator.state)) for name, generator in model.named_generators()]
    return parameters, buffers, modules, held, generators
