"""Colors of decoded video frames: read by their tags, into sRGB as browsers show them.

Without a tag the matrix is BT.709 from `HD_ROWS` rows on and BT.601 below, as Chromium guesses; the range is limited.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc, Interpolation
from numpy.typing import NDArray

from core.media.process_limits import Refused

HD_ROWS = 720
UNTAGGED = (2, 3)
"""Matrices of H.273 that say nothing."""
MATRICES = (0, 1, *UNTAGGED, 4, 5, 6, 7, 9)
"""Matrices of H.273 that are converted: RGB, BT.709, FCC, BT.601 twice, SMPTE 240M, BT.2020."""
HDR: dict[int, str] = {ColorTrc.SMPTE2084: "PQ", ColorTrc.ARIB_STD_B67: "HLG"}
DOLBY_VISION = ("dav1", "dva1", "dvav", "dvh1", "dvhe")
ODD_TRANSFERS = (ColorTrc.LINEAR, ColorTrc.LOG, ColorTrc.LOG_SQRT, ColorTrc.SMPTE428)
"""Transfer functions far from that of sRGB; all others are near it, and are taken for it, as browsers do."""
P3_TO_SRGB = ((1.224940, -0.224940, 0.0), (-0.042057, 1.042057, 0.0), (-0.019638, -0.078636, 1.098274))
WIDE_GAMUTS: dict[int, tuple[tuple[float, float, float], ...]] = {
    ColorPrimaries.BT2020: (
        (1.660491, -0.587641, -0.072850), (-0.124550, 1.132900, -0.008349), (-0.018151, -0.100579, 1.118730)
    ),
    ColorPrimaries.SMPTE431: P3_TO_SRGB,
    ColorPrimaries.SMPTE432: P3_TO_SRGB,
}  # fmt: skip
"""Primaries -> matrix from linear RGB to that of sRGB; the other primaries are near those of sRGB."""
SCALING = int(Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT)


def check_colors(frame: VideoFrame, codec_tag: str) -> None:
    """Raise Refused for colors that are not converted: high dynamic range, and rare encodings."""
    hdr = "Dolby Vision" if codec_tag in DOLBY_VISION else HDR.get(frame.color_trc)
    if hdr:
        raise Refused(f"has a high dynamic range ({hdr}): convert it to standard dynamic range first")
    if frame.color_trc in ODD_TRANSFERS:
        raise Refused(f"has the transfer function {ColorTrc(frame.color_trc).name}: convert it to BT.709 first")
    if frame.colorspace not in MATRICES:
        raise Refused(f"has color matrix {frame.colorspace} of H.273: convert it to BT.709 first")


def rgb_of(frame: VideoFrame, height: int, width: int) -> NDArray[np.uint8]:
    """The frame as sRGB (height, width, 3) uint8, scaled."""
    guessed = Colorspace.ITU709 if frame.height >= HD_ROWS else Colorspace.ITU601
    scaled = frame.reformat(
        width=width, height=height, format="rgb24", interpolation=SCALING,
        src_colorspace=guessed if frame.colorspace in UNTAGGED else None, threads=1,
    )  # fmt: skip
    rgb = cast(NDArray[np.uint8], scaled.to_ndarray())
    gamut = WIDE_GAMUTS.get(frame.color_primaries)
    return rgb if gamut is None else _in_srgb(rgb, np.array(gamut, np.float32))


def _in_srgb(rgb: NDArray[np.uint8], gamut: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colors of another gamut (H, W, 3) as those of sRGB; what lies outside is clipped."""
    encoded = np.arange(256, dtype=np.float32) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)[rgb]
    mixed = np.clip(linear @ gamut.T, 0, 1)
    shown = np.where(mixed <= 0.0031308, mixed * 12.92, 1.055 * mixed ** (1 / 2.4) - 0.055)
    return np.round(255 * shown).astype(np.uint8)
