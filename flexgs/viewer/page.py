# SPDX-License-Identifier: Apache-2.0
"""What the browser gets: the built viewer, what it is to show, the Gaussians."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flexgs.core import Camera
from flexgs.errors import FlexgsError, UsageError
from flexgs.io.formats.fit import encode_scene
from flexgs.io.formats.losses import Loss
from flexgs.io.formats.table import scene_formats
from flexgs.viewer.figures import Figures, Rows, pair_rows, scene_rows
from flexgs.viewer.scene import Shown
from flexgs.viewer.spark_arrays import spark_arrays
from flexgs.viewer.views import Stops

STATIC = Path(__file__).parent / "static"
BUILD_COMMAND = "scripts/build_viewer"
BUNDLE = ("index.html", "app.js", "app.css", "licences.txt")
EMBEDDED = "spz"  # format of the scenes inside a self-contained page
Content = bytes | memoryview
TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "json": "application/json",
    "bin": "application/octet-stream",
}
# Spark compiles WebAssembly, and runs it in a worker that it makes of a string.
_POLICY = (
    "default-src 'none'; script-src {script} 'wasm-unsafe-eval'; worker-src blob:; "
    "style-src {style}; connect-src {connect}; base-uri 'none'; form-action 'none'"
)
POLICY = (
    _POLICY.format(script="'self'", style="'self'", connect="'self'") + "; frame-ancestors 'none'"
)
_STYLE_LINK = '<link rel="stylesheet" href="app.css">'
_SCRIPT_LINK = '<script type="module" src="app.js"></script>'
_CHARSET = '<meta charset="utf-8">'


@dataclass(frozen=True, eq=False)
class Page:
    """All that is shown on one page. At most two scenes: the original, then the compressed one."""

    scenes: tuple[Shown, ...]
    stops: Stops
    figures: Figures | None = None


def load_bundle(folder: Path = STATIC) -> dict[str, bytes]:
    """The viewer's files by name, as its build left them.

    Raises:
        UsageError: they have not been built.
        FlexgsError: they cannot be read.
    """
    missing = [name for name in BUNDLE if not (folder / name).is_file()]
    if missing:
        raise UsageError(
            "the viewer's page is not built",
            expected=", ".join(BUNDLE),
            found=f"no {', '.join(missing)}",
            hint=f"run {BUILD_COMMAND} in a checkout of flexgs (once; it needs Node.js and npm)",
        )
    try:
        return {name: (folder / name).read_bytes() for name in BUNDLE}
    except OSError as error:
        raise FlexgsError(f"the viewer's page cannot be read: {error.strerror}") from error


def page_files(page: Page, bundle: Mapping[str, bytes]) -> dict[str, Content]:
    """Every file of a served page by its name; index.html is the page itself."""
    files: dict[str, Content] = dict(bundle)
    described = []
    for i, scene in enumerate(page.scenes):
        arrays = spark_arrays(scene.splats)
        names = [f"scene-{i}-{j}.bin" for j in range(len(arrays))]
        files |= {name: array.data.cast("B") for name, array in zip(names, arrays, strict=True)}
        described.append({**_scene_facts(scene), "arrays": names})
    files["page.json"] = json.dumps(_facts(page, described)).encode("ascii")
    return files


def self_contained(page: Page, bundle: Mapping[str, bytes]) -> tuple[bytes, tuple[Loss, ...]]:
    """One HTML file that needs nothing else, and what its copies of the scenes do not hold.

    The scenes are in it as SPZ, version 3.

    Raises:
        SceneError: SPZ cannot say what the Gaussians are (2DGS).
    """
    described, embedded = [], []
    losses: list[Loss] = []
    for i, scene in enumerate(page.scenes):
        encoded = encode_scene(scene.splats, scene_formats.get(EMBEDDED))
        losses += encoded.losses
        described.append({**_scene_facts(scene), "element": f"scene-{i}", "type": EMBEDDED})
        embedded.append(_data_element(f"scene-{i}", base64.b64encode(encoded.data).decode()))
    facts = _data_element("page", _safe_json(_facts(page, described)))
    style, script = bundle["app.css"].decode("utf-8"), bundle["app.js"].decode("utf-8")
    policy = _POLICY.format(script=_hash(script), style=_hash(style), connect="'none'")
    html = bundle["index.html"].decode("utf-8")
    for link, replacement in (
        (_CHARSET, f'{_CHARSET}\n<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        (_STYLE_LINK, f"<style>{style}</style>"),
        (_SCRIPT_LINK, f'{facts}{"".join(embedded)}<script type="module">{script}</script>'),
    ):
        if html.count(link) != 1:
            raise FlexgsError(
                "the viewer's page is not as expected", expected=link, hint=f"run {BUILD_COMMAND}"
            )
        html = html.replace(link, replacement)
    return html.encode("utf-8"), tuple(losses)


def _scene_facts(scene: Shown) -> dict[str, Any]:
    return {
        "name": scene.name,
        "count": scene.splats.n,
        "degree": scene.splats.degree,
        "antialiased": scene.splats.model == "mip",
        "rows": scene_rows(scene),
        "notes": scene.notes,
    }


def _facts(page: Page, scenes: list[dict[str, Any]]) -> dict[str, Any]:
    """What app.js reads; viewer/README.md has the keys."""
    figures, stops = page.figures, page.stops
    of_view = {} if figures is None else {view.name: view for view in figures.views}
    rows: Rows = () if figures is None else figures.rows
    return {
        "title": " | ".join(scene.name for scene in page.scenes),
        "scenes": scenes,
        "pair": pair_rows(page.scenes),
        "report": rows,
        "warnings": [*(() if figures is None else figures.warnings), *stops.notes],
        "views": _views(stops.cameras, of_view),
        "views_source": stops.source,
        "up": stops.up.tolist(),
        "center": stops.center.tolist(),
        "radius": stops.radius,
    }


def _views(cameras: Sequence[Camera], figures: dict[str, Any]) -> list[dict[str, Any]]:
    views = []
    for camera in cameras:
        known = figures.get(camera.name)
        views.append(
            {
                "name": camera.name.encode("utf-8", "replace").decode("utf-8"),
                "size": [camera.width, camera.height],
                "lens": [camera.fx, camera.fy, camera.cx, camera.cy],
                "pose": camera.world_to_camera.ravel().tolist(),
                "drop": None if known is None else known.drop_db,
                "rows": () if known is None else known.rows,
            }
        )
    return views


def _data_element(name: str, text: str) -> str:
    return f'<script type="application/json" id="{name}">{text}</script>\n'


def _safe_json(facts: dict[str, Any]) -> str:
    """ASCII that no parser of HTML takes for a tag."""
    return json.dumps(facts).replace("<", "\\u003c").replace(">", "\\u003e")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode()}'"
