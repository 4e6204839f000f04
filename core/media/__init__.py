"""Pictures, videos and colors in and out: uploaded bytes become a `Picture` or a `Video`, and files again."""

__all__ = [
    "colors",
    "decoder_process",
    "decoding",
    "drawn_styles",
    "file_names",
    "frame_times",
    "gray_png",
    "picture",
    "process_limits",
    "samples",
    "video",
    "video_colors",
    "video_decoder",
    "video_writer",
]
