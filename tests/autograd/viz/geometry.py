"""Where a route runs and what is in a box, for the tests of layouts."""


def bezier(start, end, t, *, along):
    """Point of the S-bend that the SVG writer draws between two points of a route."""
    middle = (start[along] + end[along]) / 2
    a, b = (1 - t) ** 3, t**3
    c, d = 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2
    point = [0.0, 0.0]
    point[along] = a * start[along] + (c + d) * middle + b * end[along]
    point[1 - along] = (a + c) * start[1 - along] + (b + d) * end[1 - along]
    return point


def inside(box, point, slack=0.3):
    x, y = point
    return box.x + slack < x < box.x + box.width - slack and box.y + slack < y < box.y + box.height - slack


def apart(a, b):
    """The gap between two boxes; negative if they overlap."""
    return max(a.x - b.x - b.width, b.x - a.x - a.width, a.y - b.y - b.height, b.y - a.y - a.height)
