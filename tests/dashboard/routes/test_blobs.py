from __future__ import annotations

import io
from dataclasses import replace
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image as PillowImage
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit import config

from core.items import Animation, Image, Item, Map, Points, Result
from core.media.colors import colorize, laid_over
from core.media.picture import thumbnail
from core.queue.ledger import preview_key
from core.store.store import Store
from dashboard.routes import blobs
from dashboard.routes.blobs import blob_routes, blob_url, draw_points
from dashboard.routes.stills import STRIP_GAP_PX, animation_frames, animation_strip
from dashboard.session import get_queue
from tests.support.kept import PROVENANCE, a_comparison, a_picture, fill
from tests.support.videos import a_video as moving
from tests.support.videos import pan


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(PillowImage.open(io.BytesIO(content)).convert("RGB"))


@pytest.fixture
def key(store: Store) -> str:
    return fill(store, a_comparison(store, pictures=1), full=True)[0]


def test_a_result_file_is_the_stored_bytes_immutable_and_safe(client: TestClient, store: Store, key: str) -> None:
    answer = client.get(blob_url("result", key, "remaining.png"))
    assert answer.content == store.read(key, "remaining.png")
    assert answer.headers["content-type"] == "image/png"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "content-disposition" not in answer.headers


def test_other_files_than_images_are_always_downloads(client: TestClient, key: str) -> None:
    for name in ("loss.json", "destroyed.safetensors"):
        assert client.get(blob_url("result", key, name)).headers["content-disposition"].startswith("attachment")
    saved = client.get(blob_url("result", key, "remaining.png", download=1))
    assert saved.headers["content-disposition"] == f'attachment; filename="{key[:12]}-remaining.png"'
    assert client.get(blob_url("manifest", key)).json()["manifest"]["key"] == key


def test_a_map_is_colored_on_the_given_scale(client: TestClient, store: Store, key: str) -> None:
    manifest = store.manifest(key)
    assert manifest is not None
    item = store.item(manifest, "evidence")
    assert isinstance(item, Map)
    answer = client.get(blob_url("map", key, "evidence", low=-2, high=2))
    assert np.array_equal(pixels(answer.content), colorize(item.values, -2.0, 2.0, signed=True))


def test_a_map_overlays_the_stored_network_view_and_stands_alone_without_one(client: TestClient, store: Store) -> None:
    spec = next(a_comparison(store, seed=7, pictures=1).cells()).spec
    values = np.linspace(0, 1, 20 * 16, dtype=np.float32).reshape(20, 16)
    view = a_picture(3).pixels[:20, :16]
    own = {"attribution": Map(values=values), "original": Image(pixels=view)}
    cropped = {"attribution": Map(values=values), "original": Image(pixels=view[:8])}

    def drawn(seed: int, items: dict[str, Item]) -> np.ndarray:
        key = store.publish(replace(spec, seed=seed), Result(items), PROVENANCE).key
        return pixels(client.get(blob_url("map", key, "attribution", low=0, high=1, over=1)).content)

    assert np.array_equal(drawn(1, own), laid_over(view, values, 0.0, 1.0, signed=False))
    alone = colorize(values, 0.0, 1.0, signed=False)
    assert np.array_equal(drawn(2, cropped), alone)
    assert np.array_equal(drawn(3, {"attribution": Map(values=values)}), alone)


@pytest.mark.parametrize(
    "path",
    [
        "/api/result/KEY/absent.png", "/api/result/KEY/manifest.json",
        f"/api/result/{'0' * 64}/remaining.png", f"/api/picture/{'0' * 64}", "/api/sample/nobody", "/api/style/oil",
        "/api/thumbnail/KEY/absent",
    ],
)  # fmt: skip
def test_a_missing_file_is_404_and_a_sentence(client: TestClient, key: str, path: str) -> None:
    answer = client.get(path.replace("KEY", key))
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("path", "phrase"),
    [
        ("/api/result/abc/remaining.png", "64 hex digits"),
        ("/api/map/KEY/destroyed?low=nan&high=1", "low must be a number, got 'nan'"),
        ("/api/map/KEY/destroyed?low=0", "high must be a number, got ''"),
        ("/api/map/KEY/destroyed?low=1&high=1", "low must be under high"),
        ("/api/map/KEY/remaining?low=0&high=1", "remaining is a image, not a map"),
        ("/api/thumbnail/KEY/remaining?side=99999", "side must be one of 160, 320, 640"),
        ("/api/thumbnail/KEY/loss", "loss is a series"),
        ("/api/strip/KEY/remaining", "remaining is a image, not an animation"),
        ("/api/strip/KEY/animation?side=9999&download", "side must be one of 160, 320, 640"),
        ("/api/animation/KEY/remaining?frame=0", "remaining is a image, not an animation"),
        ("/api/animation/KEY/animation", "frame must be a whole number from 0 to 2, got ''"),
        ("/api/animation/KEY/animation?frame=3", "frame must be a whole number from 0 to 2, got '3'"),
        ("/api/animation/KEY/animation?frame=-1", "got '-1'"),
        ("/api/animation/KEY/animation?frame=0000000003", "frame must be a whole number from 0 to 2"),
        ("/api/animation/KEY/animation?frame=%C2%B2", "frame must be a whole number from 0 to 2"),
    ],
)
def test_a_bad_request_is_400_and_names_what_is_allowed(client: TestClient, key: str, path: str, phrase: str) -> None:
    answer = client.get(path.replace("KEY", key))
    assert answer.status_code == 400
    assert phrase in answer.text


def test_damaged_files_are_never_served(client: TestClient, store: Store, key: str) -> None:
    place = next(path for path in (store.shelf.root / "results").rglob("remaining.png") if key in str(path))
    place.chmod(0o644)
    place.write_bytes(place.read_bytes()[:-9])
    answer = client.get(blob_url("result", key, "remaining.png"))
    assert (answer.status_code, store.has(key)) == (404, False)
    assert "set aside" in answer.text


def test_thumbnails_have_few_sizes_and_are_made_once(client: TestClient, store: Store, key: str) -> None:
    comparison = a_comparison(store, pictures=1)
    first = client.get(blob_url("picture", comparison.pictures[0].digest, side=160))
    assert first.headers["content-type"] == "image/webp"
    assert max(pixels(first.content).shape) <= 160
    assert store.cache is not None
    assert store.cache.get(f"picture:{comparison.pictures[0].digest}:160") == first.content
    assert pixels(client.get(blob_url("thumbnail", key, "places", side=160)).content).shape == (48, 48, 3)
    assert client.get(blob_url("sample", "cat", side=160)).status_code == 200
    assert pixels(client.get(blob_url("style", "woodcut", side=160)).content).shape == (160, 160, 3)


def test_an_animation_is_decoded_once_for_all_its_frames(
    client: TestClient, store: Store, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = animation_frames(store.read(key, "animation.webp"))
    assert client.get(blob_url("animation", key, "animation", frame=2)).content == frames[2]
    monkeypatch.setattr(blobs, "animation_frames", lambda _: pytest.fail("they are cached already"))
    assert [client.get(blob_url("animation", key, "animation", frame=number)).content for number in range(3)] == frames


def test_a_stored_video_is_served_whole_or_in_ranges_and_its_still_is_small(client: TestClient, store: Store) -> None:
    video = moving(pan(3), "mp4")
    place = blob_url("video", store.inputs.put_video(video))
    whole = client.get(place)
    assert (whole.content, whole.headers["content-type"]) == (video.content, "video/mp4")
    assert "content-disposition" not in whole.headers
    part = client.get(place, headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")
    assert part.headers["content-range"] == f"bytes 4-7/{len(video.content)}"
    saved = client.get(place, params={"download": 1}).headers["content-disposition"]
    assert saved == f'attachment; filename="{video.digest[:12]}.mp4"'
    still = pixels(client.get(blob_url("still", video.digest, side=160)).content)
    assert np.abs(still.astype(int) - pan(1)[0]).mean() < 8


def test_the_video_of_a_result_is_played_in_the_browser(client: TestClient, store: Store) -> None:
    spec = next(a_comparison(store, pictures=1).cells()).spec
    for seed, kind, content_type in ((1, "mp4", "video/mp4"), (2, "gif", "image/gif")):
        whole = moving(pan(2), kind).content
        painted = Animation(frames=np.stack(pan(2)), whole=whole)
        key = store.publish(replace(spec, seed=seed), Result({"animation": painted}), PROVENANCE).key
        answer = client.get(blob_url("result", key, f"animation.{kind}"))
        assert (answer.content, answer.headers["content-type"]) == (whole, content_type)
        assert "content-disposition" not in answer.headers


def test_plotlys_script_comes_from_this_server_and_is_immutable(client: TestClient) -> None:
    answer = client.get(blob_url("plotly.js", version="1"))
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "Plotly" in answer.text
    assert "immutable" in answer.headers["cache-control"]


def test_a_strip_is_made_once_and_downloaded_without_loss(
    client: TestClient, store: Store, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.get(blob_url("strip", key, "animation", side=160))
    assert (first.headers["content-type"], "immutable" in first.headers["cache-control"]) == ("image/webp", True)
    assert pixels(first.content).shape == (24, 3 * 24 + 2 * STRIP_GAP_PX, 3)
    saved = client.get(blob_url("strip", key, "animation", side=640, download=1))
    assert np.array_equal(pixels(saved.content), animation_strip(store.read(key, "animation.webp"), 640))
    assert saved.headers["content-disposition"] == f'attachment; filename="{key[:12]}-animation-strip.png"'
    monkeypatch.setattr(blobs, "animation_strip", lambda *_: pytest.fail("it is cached already"))
    assert client.get(blob_url("strip", key, "animation", side=160)).content == first.content


def test_a_preview_that_is_gone_is_no_error(client: TestClient, key: str) -> None:
    assert client.get(blob_url("preview", key)).status_code == 204


def test_a_preview_is_never_cached(client: TestClient, key: str) -> None:
    get_queue().redis.set(preview_key(key), thumbnail(np.zeros((9, 9, 3), np.uint8), 9))
    answer = client.get(blob_url("preview", key, n=3))
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("image/webp", "no-store")
    get_queue().redis.set(preview_key(key), b"<svg onload=alert(1)>")
    assert client.get(blob_url("preview", key)).status_code == 404


def test_addresses_are_quoted_and_stay_under_the_base_path(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "get_option", lambda name: "/team/a/" if name == "server.baseUrlPath" else None)
    assert blob_url("sample", "a/../b?") == f"/team/a/api/sample/{quote('a/../b?', safe='')}"
    with TestClient(Starlette(routes=blob_routes())) as client:
        assert client.get(blob_url("result", key, "remaining.png")).status_code == 200


def test_a_dot_lies_at_its_point_and_many_dots_leave_the_picture_visible() -> None:
    gray = np.full((224, 224, 3), 128, np.uint8)
    one = draw_points(gray, Points(xy=np.array([[60, 30]], np.float32), width=224, height=224))
    assert one.shape == (448, 448, 3)
    assert one[60, 120, 0] > 200
    assert (one[::, 200:] == 128).all()
    numbers = np.random.default_rng(0)
    weights = np.sort(numbers.random(1024).astype(np.float32) ** 4)[::-1]
    xy = numbers.random((1024, 2), np.float32) * 224
    many = draw_points(gray, Points(xy=xy, width=224, height=224, weights=weights))
    assert (many == 128).all(axis=2).mean() > 0.5
