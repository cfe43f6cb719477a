"""The drawing code in a browser's Python: Pyodide under node draws a saved scene, with neither NumPy nor the engine.

Needs node and npm's package `pyodide`, found as node finds packages (NODE_PATH=FOLDER/node_modules after
`npm install pyodide` in FOLDER); skipped with one line where either is missing.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import drawn_graphs as graphs
import pytest

import autograd.viz
from autograd import draw

pytestmark = pytest.mark.slow
NODE = shutil.which("node")
PROGRAM = """
const { loadPyodide } = require("pyodide");
const fs = require("fs"), [folder, scene] = process.argv.slice(2);
(async () => {
  const python = await loadPyodide();
  python.FS.mkdirTree("/drawing/viz");
  for (const name of fs.readdirSync(folder).filter(name => /\\.(py|js)$/.test(name)))
    python.FS.writeFile(`/drawing/viz/${name}`, fs.readFileSync(`${folder}/${name}`));
  python.globals.set("scene", fs.readFileSync(scene, "utf8"));
  console.log(await python.runPythonAsync(`
import json, sys, types
sys.path.insert(0, "/drawing")
package = types.ModuleType("viz")
package.__path__ = ["/drawing/viz"]
sys.modules["viz"] = package
from viz.scene import Scene
from viz.drawing import Drawing
drawing = Drawing(Scene.from_json(scene))
written = {"svg": drawing.to_svg(), "html": drawing.to_html(), "dot": drawing.to_dot(), "text": drawing.to_text(),
           "steps": drawing.steps().to_html(), "diff": drawing.diff(drawing).to_svg()}
json.dumps(written | {"foreign": sorted({"numpy", "autograd"} & sys.modules.keys()), "platform": sys.platform})
`));
})();
"""


def test_pyodide_writes_what_this_python_writes(tmp_path):
    if NODE is None:
        pytest.skip("no node on the PATH")
    found = subprocess.run([NODE, "-e", "require.resolve('pyodide')"], capture_output=True, env=os.environ, check=False)
    if found.returncode:
        pytest.skip("npm's package pyodide is not installed (NODE_PATH)")
    (tmp_path / "draw.cjs").write_text(PROGRAM, encoding="utf-8")
    folder = Path(autograd.viz.__file__).parent
    for name, drawing in {"network": draw(graphs.network()), "scalars": draw(graphs.scalars(3))}.items():
        scene = drawing.save(tmp_path / f"{name}.json")
        command = [NODE, tmp_path / "draw.cjs", folder, scene]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        written = json.loads(done.stdout)
        assert (written.pop("foreign"), written.pop("platform")) == ([], "emscripten")
        assert written == {
            "svg": drawing.to_svg(), "html": drawing.to_html(), "dot": drawing.to_dot(), "text": drawing.to_text(),
            "steps": drawing.steps().to_html(), "diff": drawing.diff(drawing).to_svg(),
        }  # fmt: skip
