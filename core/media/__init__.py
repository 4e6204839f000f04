"""Pictures, videos and colors in and out: strangers' bytes become a `Picture` or a `Video`, and files again."""

__all__ = [
    "colors",
    "drawn_styles",
    "gray_png",
    "picture",
    "process_limits",
    "samples",
    "video",
    "video_decoder",
    "video_writer",
]
