"""A video from another machine's web page, `emo ui`: by gradio's client, or by plain HTTP alone.

    emo ui &
    python examples/page_client.py portrait.png speech.wav -o out/page.mp4
    python examples/page_client.py portrait.png speech.wav -o out/page.mp4 --plain

Both use the page's queue, its limits and its names of options; docs/ui.md lists them.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import httpx
from gradio_client import Client, handle_file

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("portrait", type=Path, help="any picture with a face")
parser.add_argument("sound", type=Path, help="any file with speech or song")
parser.add_argument("-o", "--output", type=Path, default=Path("out/page.mp4"))
parser.add_argument("--server", default="http://127.0.0.1:7860/", help="address of emo ui")
parser.add_argument("--plain", action="store_true", help="HTTP alone, as from any other language")
parser.add_argument("--steps", type=int, default=10, help="denoising steps: more are finer and slower")
options = parser.parse_args()


def with_client() -> None:
    """By gradio's client, which knows names and defaults."""
    client = Client(options.server, verbose=False)
    job = client.submit(
        handle_file(str(options.portrait)), handle_file(str(options.sound)), steps=options.steps, api_name="/generate"
    )
    for _, progress in job:
        print(progress)
    video, _ = job.result()
    shutil.copy(video["video"] if isinstance(video, dict) else video, options.output)


def by_http() -> None:
    """Three requests: upload the files, ask for the video, read what becomes of it."""
    with httpx.Client(base_url=options.server.rstrip("/") + "/gradio_api", timeout=600, trust_env=False) as http:
        described = http.get("/info").raise_for_status().json()["named_endpoints"]["/generate"]["parameters"]
        uploads = [("files", (path.name, path.read_bytes())) for path in (options.portrait, options.sound)]
        portrait, sound = http.post("/upload", files=uploads).raise_for_status().json()
        values: dict[str, Any] = {"portrait": file_data(portrait), "sound": file_data(sound), "steps": options.steps}
        given = [values.get(each["parameter_name"], each["parameter_default"]) for each in described]
        event = http.post("/call/generate", json={"data": given}).raise_for_status().json()["event_id"]
        video = None
        with http.stream("GET", f"/call/generate/{event}") as answer:
            kind = ""
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                kind = value if name == "event" else kind
                if name == "data" and kind == "error":
                    raise SystemExit(f"the page says: {value}")
                if name == "data" and kind in ("generating", "complete") and value != "null":
                    video, progress = json.loads(value)
                    print(progress)
        assert video is not None
        path = video.get("video", video)["path"]
        options.output.write_bytes(http.get(f"/file={path}").raise_for_status().content)


def file_data(path: str) -> dict[str, Any]:
    """A file that was uploaded, as gradio's functions take it."""
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


options.output.parent.mkdir(parents=True, exist_ok=True)
by_http() if options.plain else with_client()
print(f"{options.output}: {options.output.stat().st_size} bytes")
