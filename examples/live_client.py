"""A portrait says a recording over the live server: sound goes in as it would be spoken, video comes out meanwhile.

    emo serve &
    python examples/live_client.py portrait.png speech.wav -o out/live.mp4

What comes is a fragmented MP4: its parts, one after the other, are a file. A page would hand them to a SourceBuffer
(emo/serve/client/client.js), another program to `ffplay -`. docs/serve.md describes the messages.
"""

import argparse
import json
import threading
import time
from pathlib import Path

import numpy as np
from websockets.sync.client import connect

from emo.media import AudioTrack

PIECE_SECONDS = 0.04
RATE = 16000

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("portrait", type=Path, help="any picture with a face")
parser.add_argument("sound", help="any file with speech or song")
parser.add_argument("-o", "--output", type=Path, default=Path("out/live.mp4"))
parser.add_argument("--server", default="ws://127.0.0.1:7870/live", help="address of emo serve, with /live")
parser.add_argument("--token", help="that the server asks for")
parser.add_argument("--steps", type=int, help="denoising steps: more are finer and slower")
options = parser.parse_args()


def speak(socket, samples: np.ndarray) -> None:
    """Send samples as fast as they would be spoken."""
    began, piece = time.monotonic(), round(PIECE_SECONDS * RATE)
    for start in range(0, len(samples), piece):
        time.sleep(max(0.0, began + start / RATE - time.monotonic()))
        socket.send(samples[start : start + piece].tobytes())
    socket.send(json.dumps({"type": "end"}))


with AudioTrack.open(options.sound, sampling_rate=RATE) as track:
    samples = np.round(track.read(0, track.length).clip(-1, 1) * 32767).astype("<i2")
headers = {"Authorization": f"Bearer {options.token}"} if options.token else {}
chosen = {} if options.steps is None else {"steps": options.steps}
options.output.parent.mkdir(parents=True, exist_ok=True)

with (
    connect(options.server, additional_headers=headers, max_size=None, proxy=None) as socket,
    options.output.open("wb") as file,
):
    # A portrait that is idle before and after would make the video longer than the recording.
    socket.send(json.dumps({"type": "start", "rate": RATE, "idle": False, "options": chosen}))
    socket.send(options.portrait.read_bytes())
    began = 0.0
    for message in socket:
        if isinstance(message, bytes):
            file.write(message)
            print(f"{len(message)} bytes after {time.monotonic() - began:.2f} s", flush=True)
            continue
        news = json.loads(message)
        if news["type"] == "ready":
            began = time.monotonic()
            threading.Thread(target=speak, args=(socket, samples), daemon=True).start()
        elif news["type"] == "error":
            raise SystemExit(f"the server says: {news['message']}")
        elif news["type"] == "ended":
            print(f"{options.output}: {news['frames']} frames, {news['seconds']:.2f} s")
        else:
            print(news)
