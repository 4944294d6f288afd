"""Joins clips with MoviePy: CRF BITRATE FILM CLIP..."""

import sys

from moviepy import VideoFileClip, concatenate_videoclips

crf, bit_rate, film, *names = sys.argv[1:]
clips = [VideoFileClip(name) for name in names]
joined = concatenate_videoclips(clips)
joined.write_videofile(
    film,
    codec="libx264",
    preset="medium",
    audio_codec="aac",
    audio_bitrate=bit_rate,
    audio_fps=48000,
    ffmpeg_params=["-crf", crf, "-movflags", "+faststart"],
    logger=None,
)
for clip in clips:
    clip.close()
