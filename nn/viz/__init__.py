"""Pictures of a network, of its training and of what it answers.

`network` is an SVG of our own and needs nothing installed. The figures are matplotlib's (extra [plot]): each comes from one
call, is drawn on `axes=` if given, and returns the Axes; so does `History.plot`. `report` puts all of it on one page.
Whatever looks at a model leaves it as it was, bit for bit.

    nn.viz.network(model, X)                     neurons, weights, activations; kernels, attention
    nn.viz.weights(model), activations(model, X)   histograms by layer         nn.viz.ridges(states)  over a training
    nn.viz.gradient_flow(model, X, y)            gradients by layer          nn.viz.loss_landscape(model, X, y)
    nn.viz.decision_regions(model, X, y)         what is decided where, for two features
    nn.viz.confusion_matrix(y, prediction), calibration(probabilities, y), predictions(y, prediction)
    nn.viz.report(model, history, data, path)    one HTML page
"""

from nn.viz.decisions import calibration, confusion_matrix, decision_regions, predictions
from nn.viz.distributions import activations, ridges, weights
from nn.viz.gradients import gradient_flow, loss_landscape
from nn.viz.network import NetworkDrawing, network
from nn.viz.overview import report

__all__ = [
    "NetworkDrawing", "activations", "calibration", "confusion_matrix", "decision_regions", "gradient_flow",
    "loss_landscape", "network", "predictions", "report", "ridges", "weights",
]  # fmt: skip
