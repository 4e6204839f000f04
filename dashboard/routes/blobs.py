"""HTTP routes for files of the store: immutable where a hash names them, checked when they are read.

    /api/result/KEY/FILE              a file of a result (`?download` saves it)      /api/manifest/KEY
    /api/thumbnail/KEY/ITEM?side=320  an image or points, small                      /api/picture/DIGEST?side=320
    /api/map/KEY/ITEM?low=0&high=1    a map in colors on the given scale              /api/sample/NAME
                                      (`&over=1`: over the picture as the network received it)
                                      (`/api/style/NAME`: a generated style)
    /api/dataset/DIGEST/PART          sample images of a class, by its index, or of all classes:
                                      `mixed` in a row, or in a `square`
    /api/strip/KEY/ITEM?side=160      stills of an animation, side by side, `side` px each (`?download`: a PNG)
    /api/animation/KEY/ITEM?frame=0   a frame of an animation                         /api/plotly.js
    /api/video/DIGEST                 a stored video (`?download` saves it); its first frame: /api/still/DIGEST?side=160
    /api/preview/KEY                  the current image of a running job, never cached

Whoever knows a key may read what it names; a response is a file or one plain sentence.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw
from plotly.offline import get_plotlyjs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from streamlit import config

from core.display.network_view import dot_styles, points_background, stored_view
from core.errors import BadInput, BadLink, Damaged, GazegridError
from core.items import Animation, Image, Map, Pixels, Points, png_bytes
from core.jobs.spec import checked_key
from core.media.colors import colorize, laid_over
from core.media.drawn_styles import STYLES, drawn_style
from core.media.picture import thumbnail
from core.media.samples import sample, sample_names
from core.media.video import first_frame
from core.store.manifest import FILE_NAME, Manifest
from dashboard.routes.byte_ranges import part_of
from dashboard.routes.contact_sheets import strip_of
from dashboard.routes.stills import MAX_STILLS, STRIP_GAP_PX, animation_frames, animation_strip, frame_number
from dashboard.session import get_queue, get_store

SIDES_PX = (160, 320, 640)
"""Allowed sizes of thumbnails."""
POINTS_SCALE = 2
"""Factor by which points are drawn larger than their frame, so that dots are round."""
CONTENT_TYPES = {
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "mp4": "video/mp4",
    "json": "application/json",
    "safetensors": "application/octet-stream",
}
SAFETY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
IMMUTABLE = "private, max-age=31536000, immutable"
NO_STORE = "no-store"
_MAGIC = {b"\x89PNG": "image/png", b"RIFF": "image/webp", b"\xff\xd8\xff": "image/jpeg"}
_POINT_COLOR = (255, 64, 32)
_decoding = threading.Lock()
"""One animation at a time: a request that waited finds its frame in the cache."""

Handler = Callable[[Request], Response]


def blob_url(*parts: str, **query: object) -> str:
    """The address of a route, such as `blob_url("result", key, "left.png")`, under the server's base path."""
    path = "/".join(quote(part, safe="") for part in parts)
    return f"{_base_path()}/api/{path}" + (f"?{urlencode(query)}" if query else "")


def blob_routes() -> list[BaseRoute]:
    """The routes for `st.App`, under the server's base path."""
    routes: list[BaseRoute] = [
        Route("/api/result/{key}/{file}", _with_errors(_result_file)),
        Route("/api/manifest/{key}", _with_errors(_manifest)),
        Route("/api/thumbnail/{key}/{item}", _with_errors(_thumbnail)),
        Route("/api/map/{key}/{item}", _with_errors(_map)),
        Route("/api/strip/{key}/{item}", _with_errors(_strip)),
        Route("/api/animation/{key}/{item}", _with_errors(_frame)),
        Route("/api/plotly.js", _with_errors(_plotly)),
        Route("/api/video/{digest}", _with_errors(_video)),
        Route("/api/still/{digest}", _with_errors(_still)),
        Route("/api/picture/{digest}", _with_errors(_picture)),
        Route("/api/sample/{name}", _with_errors(_sample)),
        Route("/api/style/{name}", _with_errors(_style)),
        Route("/api/dataset/{digest}/{part}", _with_errors(_dataset_strip)),
        Route("/api/preview/{key}", _with_errors(_preview)),
    ]
    base = _base_path()
    return [Mount(base, routes=routes)] if base else routes


def _base_path() -> str:
    base = str(config.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}" if base else ""


def _with_errors(handler: Handler) -> Handler:
    """`handler`, with each GazegridError as an HTTP status and its sentence."""

    def handle(request: Request) -> Response:
        try:
            return handler(request)
        except GazegridError as error:
            text = f"{error}\n".encode()
            return _response(text, "text/plain; charset=utf-8", NO_STORE, status=_status(error))

    return handle


def _status(error: GazegridError) -> int:
    if isinstance(error, BadLink):
        return 400
    return 404 if isinstance(error, BadInput | Damaged) else 503


def _response(
    content: bytes,
    content_type: str,
    caching: str,
    *,
    status: int = 200,
    save_as: str = "",
    byte_range: str | None = None,
) -> Response:
    """A response with safe headers. `save_as`: file name of a download; `byte_range`: the request's `Range` header."""
    headers = {**SAFETY_HEADERS, "Cache-Control": caching}
    if byte_range is not None:
        status, content, range_headers = part_of(content, byte_range)
        headers |= range_headers
    if save_as:
        headers["Content-Disposition"] = f'attachment; filename="{save_as}"'
    response = Response(content, status_code=status, headers=headers)
    response.headers["Content-Type"] = content_type
    return response


def _manifest_of(key: str) -> Manifest:
    manifest = get_store().manifest(checked_key(key))
    if manifest is None:
        raise BadInput(f"there is no result {key[:12]}…")
    return manifest


def _result_file(request: Request) -> Response:
    key, file_name = checked_key(request.path_params["key"]), request.path_params["file"]
    content = get_store().read(key, file_name)
    ending = file_name.rpartition(".")[2]
    content_type = CONTENT_TYPES.get(ending, "application/octet-stream")
    download = "download" in request.query_params or not content_type.startswith(("image/", "video/"))
    save_as = f"{key[:12]}-{file_name}" if download else ""
    return _response(content, content_type, IMMUTABLE, save_as=save_as, byte_range=request.headers.get("range"))


def _manifest(request: Request) -> Response:
    manifest = _manifest_of(request.path_params["key"])
    return _response(manifest.to_bytes(), "application/json", NO_STORE, save_as=f"{manifest.key[:12]}-{FILE_NAME}")


def _thumbnail(request: Request) -> Response:
    manifest = _manifest_of(request.path_params["key"])
    name, side_px = request.path_params["item"], _side(request)
    pixels_of = THUMBNAILS.get(manifest.item(name).kind)
    if pixels_of is None:
        raise BadLink(f"{name[:80]} is a {manifest.item(name).kind}, which has no thumbnail")
    return _cached_thumbnail(
        f"thumbnail:{manifest.key}:{name}:{side_px}",
        lambda: thumbnail(pixels_of(get_store().item(manifest, name), manifest), side_px),
    )


def _map(request: Request) -> Response:
    manifest = _manifest_of(request.path_params["key"])
    low, high = _number(request, "low"), _number(request, "high")
    if not low < high:
        raise BadLink(f"low must be under high, got {low:g} and {high:g}")
    item = get_store().item(manifest, request.path_params["item"])
    if not isinstance(item, Map):
        raise BadLink(f"{request.path_params['item'][:80]} is a {item.kind}, not a map")
    height_px, width_px = item.values.shape
    background = stored_view(get_store(), manifest, width_px, height_px) if "over" in request.query_params else None
    if background is None:
        colored = colorize(item.values, low, high, signed=item.signed)
    else:
        colored = laid_over(background, item.values, low, high, signed=item.signed)
    return _response(png_bytes(colored), "image/png", IMMUTABLE)


def _strip(request: Request) -> Response:
    manifest = _manifest_of(request.path_params["key"])
    item, side_px = manifest.item(request.path_params["item"]), _side(request)
    if item.kind != Animation.kind:
        raise BadLink(f"{item.name[:80]} is a {item.kind}, not an animation")

    def strip() -> Pixels:
        return animation_strip(get_store().read(manifest.key, item.file("webp").name), side_px)

    if "download" in request.query_params:
        name = f"{manifest.key[:12]}-{item.name}-strip.png"
        return _response(png_bytes(strip()), "image/png", IMMUTABLE, save_as=name)
    whole_px = MAX_STILLS * (side_px + STRIP_GAP_PX)
    return _cached_thumbnail(f"strip:{manifest.key}:{item.name}:{side_px}", lambda: thumbnail(strip(), whole_px))


def _frame(request: Request) -> Response:
    manifest = _manifest_of(request.path_params["key"])
    item, text = manifest.item(request.path_params["item"]), request.query_params.get("frame", "")
    if item.kind != Animation.kind:
        raise BadLink(f"{item.name[:80]} is a {item.kind}, not an animation")
    cache_name, animation = f"animation:{manifest.key}:{item.name}", item.file("webp").name
    with _decoding:
        return _cached_thumbnail(
            f"{cache_name}:{text[:9]}",
            lambda: _decoded_frame(cache_name, get_store().read(manifest.key, animation), text),
        )


def _decoded_frame(cache_name: str, webp: bytes, text: str) -> bytes:
    """The frame of number `text`. All frames are cached: decoding starts at the first, so one costs as much as all."""
    frames, cache = animation_frames(webp), get_store().cache
    number = frame_number(text, len(frames))
    if cache:
        for other, content in enumerate(frames):
            cache.set(f"{cache_name}:{other}", content)
    return frames[number]


def _video(request: Request) -> Response:
    video = get_store().inputs.video(checked_key(request.path_params["digest"]))
    name = f"{video.digest[:12]}.{video.content_type.rpartition('/')[2]}"
    save_as = name if "download" in request.query_params else ""
    return _response(
        video.content, video.content_type, IMMUTABLE, save_as=save_as, byte_range=request.headers.get("range")
    )


def _still(request: Request) -> Response:
    digest, side_px = checked_key(request.path_params["digest"]), _side(request)
    return _cached_thumbnail(
        f"still:{digest}:{side_px}", lambda: thumbnail(first_frame(get_store().inputs.video(digest), side_px), side_px)
    )


def _plotly(_: Request) -> Response:
    """Plotly's script for the component that uses it directly; its address changes with its version."""
    return _response(get_plotlyjs().encode(), "text/javascript; charset=utf-8", IMMUTABLE)


def _picture(request: Request) -> Response:
    digest = checked_key(request.path_params["digest"])
    if "side" not in request.query_params:
        return _response(get_store().inputs.picture_png(digest), "image/png", IMMUTABLE)
    side_px = _side(request)
    return _cached_thumbnail(
        f"picture:{digest}:{side_px}", lambda: thumbnail(get_store().inputs.picture(digest).pixels, side_px)
    )


def _sample(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in sample_names():
        raise BadInput(f"there is no sample picture {name[:80]!r}; there are: {', '.join(sample_names())}")
    side_px = _side(request)
    return _cached_thumbnail(f"sample:{name}:{side_px}", lambda: thumbnail(sample(name).pixels, side_px))


def _style(request: Request) -> Response:
    name, side_px = request.path_params["name"], _side(request)
    digest = STYLES[name].digest if name in STYLES else ""
    return _cached_thumbnail(f"style:{digest}:{side_px}", lambda: thumbnail(drawn_style(name).pixels, side_px))


def _dataset_strip(request: Request) -> Response:
    digest = checked_key(request.path_params["digest"])
    return _response(strip_of(get_store(), digest, request.path_params["part"]), "image/webp", IMMUTABLE)


def _preview(request: Request) -> Response:
    content = get_queue().preview(checked_key(request.path_params["key"]))
    if content is None:
        return Response(
            status_code=204, headers=SAFETY_HEADERS
        )  # the job has just ended: the next refresh of the grid shows its result
    content_type = next((kind for magic, kind in _MAGIC.items() if content.startswith(magic)), None)
    if content_type is None:
        raise Damaged("this job's preview is not an image")
    return _response(content, content_type, NO_STORE)


def _cached_thumbnail(name: str, make: Callable[[], bytes]) -> Response:
    """A thumbnail from this host's cache; made now and cached if it is not there."""
    cache = get_store().cache
    content = cache.get(name) if cache else None
    if content is None:
        content = make()
        if cache:
            cache.set(name, content)
    return _response(content, "image/webp", IMMUTABLE)


def _side(request: Request) -> int:
    text = request.query_params.get("side", "320")
    if text not in map(str, SIDES_PX):
        raise BadLink(f"side must be one of {', '.join(map(str, SIDES_PX))}, got {text[:40]!r}")
    return int(text)


def _number(request: Request, name: str) -> float:
    text = request.query_params.get(name, "")
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadLink(f"{name} must be a number, got {text[:40]!r}")
    return number


def _image_pixels(item: Image, _: Manifest) -> Pixels:
    return item.pixels


def _points_pixels(item: Points, manifest: Manifest) -> Pixels:
    """The points over their picture."""
    return draw_points(points_background(get_store(), manifest, item), item)


def draw_points(pixels: Pixels, item: Points) -> Pixels:
    """`pixels` of the points' frame at twice the size, with a dot at each point, larger for heavier points."""
    size = (POINTS_SCALE * item.width, POINTS_SCALE * item.height)
    image = PillowImage.fromarray(pixels).resize(size, PillowImage.Resampling.LANCZOS).convert("RGBA")
    dots = PillowImage.new("RGBA", size)
    pen = ImageDraw.Draw(dots)
    radii_px, opacities = dot_styles(item)
    unit_px = max(size) / 100
    for index in np.argsort(opacities, kind="stable"):  # the heaviest is drawn last
        (x, y), radius_px = POINTS_SCALE * item.xy[index], unit_px * float(radii_px[index])
        box = (x - radius_px, y - radius_px, x + radius_px, y + radius_px)
        pen.ellipse(box, fill=(*_POINT_COLOR, round(255 * float(opacities[index]))))
    return np.asarray(PillowImage.alpha_composite(image, dots).convert("RGB"))


THUMBNAILS: dict[str, Callable[[Any, Manifest], Pixels]] = {"image": _image_pixels, "points": _points_pixels}
