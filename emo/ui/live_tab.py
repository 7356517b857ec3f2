"""The live tab: the visitor's microphone, and the portrait that talks with it."""

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from emo.media.image import shrunk
from emo.resources import DEFAULT_MODEL
from emo.ui.inputs import PRIVATE, Inputs
from emo.ui.jobs import Jobs
from emo.ui.live import ASKING, LIVE, LiveNews, LiveSessions
from emo.ui.microphone import read_piece
from emo.ui.preview import data_uri
from emo.ui.words import OPTIONS, FieldError, server_error

PICTURE_SIDE = 1024  # pixels of a shown picture's longer side
HELP = (
    "Press Start, allow the microphone and speak: the portrait speaks with you, about a second later. The recording "
    "is not used. Options hold from a start on; another start takes the new ones."
)
SCRIPT = (Path(__file__).parent / "live.js").read_text(encoding="utf-8")
NOTHING: dict[str, Any] = {"ticket": "", "count": 0, "picture": ""}
"""What the script is given at first; see there."""
TOO_SLOW = "Live. This machine is too slow to draw all that is said: choose fewer steps or smaller pictures."


def build_live(jobs: Jobs, inputs: Inputs) -> None:
    """Put the tab's contents on the page that is being built."""
    if not hasattr(jobs.pipe, "live"):
        gr.Markdown(f"This model cannot follow live sound: start the page with `--model {DEFAULT_MODEL}`.")
        return
    gr.Markdown(HELP)
    with gr.Row():
        start = gr.Button("Start", variant="primary", elem_id="live-start")
        stop = gr.Button("Stop", variant="stop", elem_id="live-stop")
    status = gr.HTML(elem_id="live-status", elem_classes="emo-progress")
    sessions = LiveSessions(jobs)

    async def hear(message: Any) -> bool:
        if not isinstance(message, dict) or not isinstance(message.get("ticket"), str):
            return False
        session = sessions.with_ticket(message["ticket"])
        if session is None:
            return False
        try:
            piece = read_piece(message)
        except FieldError as error:
            session.stop(error)
            return False
        return session.hear(piece.samples, piece.rate, piece.shown)

    live = gr.HTML(
        NOTHING,
        html_template='<img alt="the portrait, live" hidden>',
        js_on_load=SCRIPT,
        server_functions=[hear],
        elem_id="live",
    )

    def run(request: gr.Request, *values: Any) -> Iterator[dict[Any, Any]]:
        visitor = str(request.session_hash)
        session = sessions.start(visitor, inputs.request(values))
        words, picture = "", ""
        yield inputs.blank() | {live: NOTHING, status: ""}
        try:
            for news in session.news():
                if news.frame is not None:
                    picture = data_uri(shrunk(Image.fromarray(news.frame), PICTURE_SIDE))
                ticket = session.ticket if news.stage in (ASKING, LIVE) else ""
                updates: dict[Any, Any] = {live: {"ticket": ticket, "count": news.count, "picture": picture}}
                if words != (words := state_words(news)):
                    updates[status] = words_html(words)
                yield updates
        except FieldError as error:
            beside = inputs.error(error) if error.field not in (OPTIONS, "sound") else {}
            yield beside | {live: NOTHING, status: words_html(str(error), wrong=True)}
        except Exception as error:
            yield {live: NOTHING, status: words_html(server_error(error), wrong=True)}
        else:
            if sessions.of(visitor) is session:  # and not one that was started in its place
                yield {live: NOTHING, status: words_html("Stopped.")}
        finally:
            sessions.end(visitor, session)

    def end(request: gr.Request) -> None:
        session = sessions.of(str(request.session_hash))
        if session is not None:
            session.stop()

    start.click(run, inputs.all(), [*inputs.errors.values(), live, status], trigger_mode="multiple", **PRIVATE)
    stop.click(end, queue=False, **PRIVATE)


def state_words(news: LiveNews) -> str:
    """What a session is at."""
    if news.stage == LIVE:
        return TOO_SLOW if news.skipped else "Live." if news.count else "Live: speak."
    return f"{news.stage.capitalize()} …"


def words_html(words: str, wrong: bool = False) -> str:
    """A line about a session."""
    return f'<p class="emo-error" role="alert">{escape(words)}</p>' if wrong else f"<p>{escape(words)}</p>"
