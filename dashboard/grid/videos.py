"""Videos on the page: a player with facts, and a stylized video beside the original."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from html import escape
from typing import Any

import streamlit as st

from core.display.wording import file_size, formatted, words
from core.errors import GazegridError
from core.items import Animation
from core.media.video import Video, VideoFacts, facts_of
from core.method_base.attribution import ORIGINAL
from core.store.manifest import Manifest, StoredFile, StoredItem
from core.store.store import Store
from dashboard.components import animation_pair
from dashboard.routes.blobs import CONTENT_TYPES, blob_url
from dashboard.session import get_store, plain, show_error

PLAYER_PX = 480
"""Maximum height of a player, in screen pixels."""
MISSING = "This video is no longer stored: upload it again."


@lru_cache(maxsize=256)
def stored_video(digest: str, store: Store) -> tuple[VideoFacts, str, int]:
    """Facts, content type and size in bytes of a stored video. Raises BadInput, Damaged."""
    video: Video = store.inputs.video(digest)
    return facts_of(video), video.content_type, len(video.content)


def facts_line(digest: str) -> str:
    """`2.4 s · 640 x 360 px · 25 frames a second · 60 frames · 1.2 MB`, and what is unusual.

    Raises BadInput, Damaged.
    """
    facts, _, size_bytes = stored_video(digest, get_store())
    texts = (
        formatted(facts.seconds, "s"), f"{facts.width} x {facts.height} px",
        f"{formatted(facts.frame_rate)} frames a second{'' if facts.steady else ' on average'}",
        f"{facts.frames:,} frames", file_size(size_bytes), *facts.notes,
    )  # fmt: skip
    return " · ".join(texts)


def play(url: str, content_type: str, name: str, still: str = "") -> None:
    """A player; a GIF plays by itself. `still`: the image before playback, and where the browser cannot play it."""
    style = f'style="display:block;max-width:100%;max-height:{PLAYER_PX}px;border-radius:0.5rem"'
    if content_type.startswith("image/"):
        st.html(f'<img src="{escape(url)}" alt="{escape(name)}" loading="lazy" {style}>')
        return
    poster = f' poster="{escape(still)}"' if still else ""
    attributes = f'aria-label="{escape(name)}" controls loop muted playsinline preload="metadata"'
    st.html(f'<video src="{escape(url)}" {attributes}{poster} {style}></video>')


def play_stored(digest: str, name: str) -> None:
    """The player of a stored video, and its facts; an error if it cannot be read."""
    try:
        _, content_type, _ = stored_video(digest, get_store())
        play(blob_url("video", digest), content_type, name, blob_url("still", digest, side=640))
        st.caption(plain(facts_line(digest)))
    except GazegridError as error:
        show_error(error)


def whole_file(item: StoredItem) -> StoredFile | None:
    """The file of the complete video, of which an animation item may hold only some frames."""
    files = [file for file in item.files if not file.name.endswith(".webp")]
    return files[0] if item.kind == Animation.kind and files else None


def pace_of(item: StoredItem) -> dict[str, Any]:
    """Number of frames of an animation, and milliseconds of each, for a player."""
    return {name: item.meta[name] for name in ("count", "frame_ms", "durations_ms") if name in item.meta}


def duration_ms(item: StoredItem) -> int:
    """Duration of an animation in milliseconds."""
    return sum(item.meta.get("durations_ms") or [item.meta["frame_ms"]] * item.meta["count"])


def video_pair(manifest: Manifest) -> tuple[StoredItem, StoredItem] | None:
    """The original video and another of the same duration; None if there are none."""
    videos = {item.name: item for item in manifest.items if item.kind == Animation.kind and item.meta.get("count")}
    before = videos.pop(ORIGINAL.name, None)
    after = [video for video in videos.values() if before and duration_ms(video) == duration_ms(before)]
    return (before, after[0]) if before and after else None


def show_video_pair(manifest: Manifest, before: StoredItem, after: StoredItem) -> None:
    """Both videos with a movable divider, frame by frame."""
    videos = [
        {"name": words(item.name), "url": blob_url("animation", manifest.key, item.name), **pace_of(item)}
        for item in (before, after)
    ]
    animation_pair({"left": videos[0], "right": videos[1]}, key=f"videos:{manifest.key}")


def show_whole(manifest: Manifest, wholes: Sequence[tuple[StoredItem, StoredFile]], sources: Sequence[str]) -> None:
    """The videos of the result beside their sources, each with a download button."""
    grid = st.grid("auto", min_column_width=320, gap="large")
    for digest in sources:
        with grid.cell():
            st.markdown("**Original video**")
            if get_store().inputs.has_video(digest):
                play_stored(digest, "Original video")
                _download("Download original", blob_url("video", digest, download=1), "The uploaded file")
            else:
                st.caption(MISSING)
    for item, file in wholes:
        kind = file.name.rpartition(".")[2]
        with grid.cell():
            st.markdown(f"**{plain(words(item.name))}**")
            route = ("result", manifest.key, file.name)
            play(blob_url(*route), CONTENT_TYPES.get(kind, ""), words(item.name))
            st.caption(f"{kind.upper()} · {file_size(file.size_bytes)}")
            _download("Download video", blob_url(*route, download=1), f"The complete video, {kind.upper()}")


def _download(label: str, url: str, caption: str) -> None:
    st.link_button(label, url, icon=":material/download:", type="tertiary", help=caption)
