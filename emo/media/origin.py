"""What a generated video says of its origin, inside the file: that it is AI-generated, by what and with which options.

The comment is a sentence, which players show; the description is a record, as JSON, which `read_origin` reads back.
Both survive copying the streams into another file, and can be removed by whoever wants to: their absence proves
nothing.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emo.errors import VideoError
from emo.media.demuxer import Media

VERSION = 1
AI_MADE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"  # IPTC's name for it
_SENTENCE, _RECORD = "comment", "description"


def origin_tags(origin: Mapping[str, Any]) -> dict[str, str]:
    """An origin as tags of a video.

    Args:
        origin: anything JSON can hold; `emo`, the version, and `model` are told in the sentence too.
    """
    made = " ".join(["EMO", str(origin.get("emo", ""))]).strip()
    sentence = f"AI-generated video, made with {made}. It shows nothing that happened."
    record = {"emo_origin": VERSION, "ai_generated": True, "digital_source_type": AI_MADE, **origin}
    return {_SENTENCE: sentence, _RECORD: json.dumps(record, sort_keys=True)}


def origin_metadata(origin: Mapping[str, Any]) -> bytes:
    """An origin's tags as ffmpeg reads metadata (`-f ffmetadata`)."""
    tags = origin_tags(origin)
    return "".join([";FFMETADATA1\n", *(f"{key}={_escape(value)}\n" for key, value in tags.items())]).encode()


def read_origin(path: str | Path) -> dict[str, Any]:
    """What a video says of its origin: what `origin_metadata` was given, with `ai_generated` and the record's version.

    Raises:
        VideoError: the file is missing or no video, says nothing of its origin, or was written by a later version.
    """
    with Media(path, VideoError) as media:
        tags = {key.lower(): value for key, value in media.container.metadata.items()}  # Matroska shouts them
    try:
        record = json.loads(tags.get(_RECORD, ""))
        version = record["emo_origin"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise VideoError(
            f"{path} says nothing of its origin: it was not made by emo, or what it said has been removed"
        ) from None
    if not isinstance(version, int) or version > VERSION:
        raise VideoError(f"{path} was made by a later version of emo; update to read its origin")
    return record


def _escape(text: str) -> str:
    for special in "\\=;#\n":
        text = text.replace(special, f"\\{special}")
    return text
