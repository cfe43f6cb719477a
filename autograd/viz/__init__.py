"""Pictures of computation graphs: graph → scene → view → places → svg | html | dot | text.

In reading order: `scene` (plain data); `clusters` (what belongs together), `reading`, `slopes`, `build` and `graph`
(Values → scene, all that knows the engine); `view` (what is visible), `cards`, `layout` and `nested` (sizes and places);
`style`, `words`, `svg`, `html` with `viewer.js`, `dot`, `text` (writers); `steps` with `steps.js`, `diff`; `picture` and
`drawing` (what the user holds).
"""

from .drawing import Drawing
from .graph import draw

__all__ = ["Drawing", "draw"]
