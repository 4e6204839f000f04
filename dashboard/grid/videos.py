"""Videos on the page: a player of one, what is told of it, and a painted one beside the video as it was."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from html import escape

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

PLAYED_PX = 480
"""Longest side of a player, in pixels of the screen."""
GONE = "This video is not kept here any more: upload it again."


@lru_cache(maxsize=256)
def kept_video(digest: str, store: Store) -> tuple[VideoFacts, str, int]:
    """Facts, content type and bytes of a kept video. Raises BadInput, Damaged."""
    video: Video = store.video(digest)
    return facts_of(video), video.content_type, len(video.content)


def facts_line(digest: str) -> str:
    """`2.4 s · 640 x 360 px · 25 frames a second · 60 frames · 1.2 MB`. Raises BadInput, Damaged."""
    facts, _, size_bytes = kept_video(digest, get_store())
    told = (
        formatted(facts.seconds, "s"), f"{facts.width} x {facts.height} px",
        f"{formatted(float(facts.frame_rate))} frames a second", f"{facts.frames:,} frames", file_size(size_bytes),
    )  # fmt: skip
    return " · ".join(told)


def play(url: str, content_type: str, name: str, still: str = "") -> None:
    """A player; a GIF plays by itself. `still`: what is seen before, and where the browser cannot play it."""
    looks = f'style="display:block;max-width:100%;max-height:{PLAYED_PX}px;border-radius:0.5rem"'
    if content_type.startswith("image/"):
        st.html(f'<img src="{escape(url)}" alt="{escape(name)}" loading="lazy" {looks}>')
        return
    poster = f' poster="{escape(still)}"' if still else ""
    told = f'aria-label="{escape(name)}" controls loop muted playsinline preload="metadata"'
    st.html(f'<video src="{escape(url)}" {told}{poster} {looks}></video>')


def play_kept(digest: str, name: str) -> None:
    """The player of a kept video, and its facts; a sentence where it cannot be shown."""
    try:
        _, content_type, _ = kept_video(digest, get_store())
        play(blob_url("video", digest), content_type, name, blob_url("still", digest, side=640))
        st.caption(plain(facts_line(digest)))
    except GazegridError as error:
        show_error(error)


def whole_file(item: StoredItem) -> StoredFile | None:
    """The file of all the video, where an animation is only some of it."""
    wholes = [file for file in item.files if not file.name.endswith(".webp")]
    return wholes[0] if item.kind == Animation.kind and wholes else None


def compared(manifest: Manifest) -> tuple[StoredItem, StoredItem] | None:
    """The video as it was, and another of the same frames."""
    videos = {item.name: item for item in manifest.items if item.kind == Animation.kind and item.meta.get("count")}
    before = videos.pop(ORIGINAL.name, None)
    after = [video for video in videos.values() if before and video.meta["count"] == before.meta["count"]]
    return (before, after[0]) if before and after else None


def show_compared(manifest: Manifest, before: StoredItem, after: StoredItem) -> None:
    """Both videos under one border that moves, frame by frame."""
    videos = [{"name": words(one.name), "url": blob_url("video", manifest.key, one.name)} for one in (before, after)]
    data = {"left": videos[0], "right": videos[1], "count": after.meta["count"], "frame_ms": after.meta["frame_ms"]}
    animation_pair(data, key=f"videos:{manifest.key}")


def show_whole(manifest: Manifest, wholes: Sequence[tuple[StoredItem, StoredFile]], sources: Sequence[str]) -> None:
    """The videos that the result holds, beside those that they were made from; each can be saved."""
    grid = st.grid("auto", min_column_width=320, gap="large")
    for digest in sources:
        with grid.cell():
            st.markdown("**The video as it was**")
            if get_store().has_video(digest):
                play_kept(digest, "The video as it was")
                _download("Download the original", blob_url("video", digest, download=1), "As it was uploaded")
            else:
                st.caption(GONE)
    for item, file in wholes:
        kind = file.name.rpartition(".")[2]
        with grid.cell():
            st.markdown(f"**{plain(words(item.name))}**")
            place = ("result", manifest.key, file.name)
            play(blob_url(*place), CONTENT_TYPES.get(kind, ""), words(item.name))
            st.caption(f"{kind.upper()} · {file_size(file.size_bytes)}")
            _download("Download the video", blob_url(*place, download=1), f"All of it, {kind.upper()}")


def _download(label: str, url: str, told: str) -> None:
    st.link_button(label, url, icon=":material/download:", type="tertiary", help=told)
