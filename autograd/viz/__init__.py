"""Pictures of computation graphs: graph → scene → layout → svg | html | dot | text.

In reading order: `scene` (plain data), `graph` (Value → scene, the only file that knows the engine), `cards` and
`layout` (sizes and places), `svg`, `html`, `dot`, `text` (writers), `drawing` (what the user holds).
"""

from .drawing import Drawing
from .graph import draw

__all__ = ["Drawing", "draw"]
