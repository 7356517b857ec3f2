"""The page: its fields, what happens when they are used, and the same function for programs."""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.exceptions import InvalidPathError

from emo.errors import EmoError
from emo.ui.example import example_portrait, example_sound
from emo.ui.frames import VideoPreview
from emo.ui.jobs import JobResult, Jobs
from emo.ui.preview import PREVIEW_SIDE, corner_marked, drawn_region, frames_html, progress_html
from emo.ui.request import (
    FIELDS,
    MAX_GUIDANCE,
    MAX_SPEED,
    FieldError,
    Request,
    field_errors,
    open_portrait,
    preview_portrait,
)
from emo.ui.uploads import read_sound

TITLE = "EMO: one portrait and one recording become a talking video"
NOTICE = (
    "Every video says in its metadata that it is AI-generated. Use pictures and voices of people who agreed to it."
)
CSS = """
.gradio-container {max-width: 1200px !important}
.emo-error, .emo-error * {color: #b91c1c !important; font-weight: 600; margin: 0}
.dark .emo-error, .dark .emo-error * {color: #fca5a5 !important}
.emo-note {opacity: .8; margin: 0}
.emo-frames img {max-width: 100%; display: block; margin: .4em auto; border-radius: 6px}
.emo-newest {width: min(100%, 320px); image-rendering: auto}
.emo-progress progress {width: 100%; height: 1em}
.emo-progress p {margin: .3em 0}
#status .pending {opacity: 1}
#status [data-testid=status-tracker] {position: static !important; min-height: 0; visibility: visible; opacity: 1}
#status [data-testid=status-tracker].hide {display: none}
#status .progress-text {position: static; transform: none; padding: 0 1em; color: inherit}
"""
WAITING = "<progress></progress><p>Waiting for its turn …</p>"
KEEP = 3600  # seconds until uploads and videos are removed from the server

logger = logging.getLogger(__name__)


def build_page(jobs: Jobs) -> gr.Blocks:
    """The page for one pipeline; `emo.ui.server.serve` puts it on the network."""
    with gr.Blocks(title="EMO", analytics_enabled=False, delete_cache=(KEEP // 4, KEEP)) as page:
        gr.Markdown(f"## {TITLE}\n{_limits_text(jobs)} {NOTICE}")
        with gr.Row():
            with gr.Column(min_width=320):
                fields, errors, tools = _inputs(jobs)
            with gr.Column(min_width=320):
                with gr.Row():
                    go = gr.Button("Generate", variant="primary", elem_id="generate")
                    cancel = gr.Button("Cancel", variant="stop", visible=False, elem_id="cancel")
                status = gr.HTML(elem_id="status", elem_classes="emo-progress")
                frames = gr.HTML(elem_id="frames")
                video = gr.Video(label="Video", interactive=False, buttons=["download"], elem_id="video")
        _wire_region(jobs, fields, errors, tools)
        _wire_sound(jobs, fields["sound"], errors["sound"], tools["any-sound"])
        outputs = [*errors.values(), status, frames, video, go, cancel]
        inputs = [fields[name] for name in Request.__dataclass_fields__]

        def run(*values) -> Iterator[dict[Any, Any]]:
            yield from _run(jobs, Request(*values), errors, status, frames, video, go, cancel)

        begun = go.click(
            lambda: (gr.update(interactive=False), gr.update(visible=True), WAITING),
            outputs=[go, cancel, status],
            queue=False,
            api_visibility="private",
        )
        running = begun.then(
            run,
            inputs,
            outputs,
            concurrency_id="pipeline",
            concurrency_limit=1,
            show_progress="minimal",
            show_progress_on=status,
            api_visibility="private",
        )
        cancel.click(
            lambda: ("<p>Canceled.</p>", "", gr.update(interactive=True), gr.update(visible=False)),
            outputs=[status, frames, go, cancel],
            cancels=[running],
            queue=False,
            api_visibility="private",
        )
        # For programs: the same work and the same queue, with the error as an error.
        gr.Button(visible=False).click(
            _for_programs(jobs),
            inputs,
            [video, status],
            concurrency_id="pipeline",
            api_name="generate",
        )
    page.queue(max_size=jobs.limits.queue)
    for block in page.blocks.values():
        _takes_uploads_only(block)
    _takes_any_name(page)
    return page


def _limits_text(jobs: Jobs) -> str:
    limits = jobs.limits
    bounds = {
        "recordings of up to {:g} s": limits.sound,
        "files of up to {:g} MB": limits.upload,
        "portraits of up to {:g} megapixels": limits.pixels,
        "{:g} minutes of work for a video": limits.work,
    }
    told = [text.format(value) for text, value in bounds.items() if value is not None]
    return f"This page takes {', '.join(told)}." if told else ""


def _inputs(jobs: Jobs) -> tuple[dict[str, Any], dict[str, gr.HTML], dict[str, Any]]:
    """The fields by their name in `Request`, the places of their errors, and what helps to fill them in."""
    error = lambda field: gr.HTML(visible=False, elem_id=f"error-{field}", elem_classes="emo-error")
    fields: dict[str, Any] = {}
    errors: dict[str, gr.HTML] = {}
    tools: dict[str, Any] = {}
    fields["portrait"] = gr.Image(
        label="Portrait", sources=["upload", "webcam"], type="filepath", height=300, elem_id="portrait"
    )
    errors["portrait"] = error("portrait")
    tools["note"] = gr.HTML(visible=False, elem_classes="emo-note")
    tools["portrait"] = gr.Button("Take the example portrait", size="sm", elem_id="example-portrait")
    fields["sound"] = gr.Audio(
        label="Recording",
        sources=["upload", "microphone"],
        type="filepath",
        editable=False,
        buttons=[],
        elem_id="sound",
    )
    errors["sound"] = error("sound")
    # What a browser takes for no sound the field above refuses; this one takes any file, and puts its sound there.
    tools["any-sound"] = gr.UploadButton("Take the sound of a video or any other file", size="sm", elem_id="any-sound")
    for upload in (fields["portrait"], fields["sound"], tools["any-sound"]):
        upload.preprocess = _path  # gradio would decode some files itself; here only their readers do
    tools["sound"] = gr.Button("Take the example recording", size="sm", elem_id="example-sound")
    with gr.Accordion("Face region: where the face may move", open=False, elem_id="region-panel"):
        tools["view"] = gr.Image(
            label="Tap two opposite corners of a box", interactive=False, type="pil", buttons=[], elem_id="region-view"
        )
        fields["region"] = gr.Textbox(
            "auto",
            label="Face region",
            info="auto: around the face; full: anywhere; or a box as x0,y0,x1,y1 in pixels",
            max_lines=1,
            elem_id="region",
        )
        with gr.Row():
            tools["auto"] = gr.Button("Around the face", size="sm", elem_id="region-auto")
            tools["full"] = gr.Button("Anywhere", size="sm", elem_id="region-full")
    errors["region"] = error("region")
    fields["speed"] = gr.Textbox(
        "free",
        label="Head speed",
        info=f"free: as it comes; or degrees per frame, about 0.1 to 1.3, at most {MAX_SPEED:g}",
        max_lines=1,
        elem_id="speed",
    )
    errors["speed"] = error("speed")
    with gr.Accordion("More", open=False, elem_id="more"):
        fields["audio_guidance"] = _slider(MAX_GUIDANCE, 1.5, 0.1, "Audio guidance", "how strongly the sound drives")
        fields["reference_guidance"] = _slider(MAX_GUIDANCE, 1.0, 0.1, "Reference guidance", "1: off")
        fields["steps"] = _slider(jobs.limits.steps, min(40, jobs.limits.steps), 1, "Steps", "fewer are faster", 1)
        fields["seed"] = gr.Number(0, label="Seed", info="same seed, same video", precision=0, elem_id="seed")
        fields["paste_back"] = gr.Checkbox(
            False, label="Paste back", info="put the moving face back into the full picture", elem_id="paste-back"
        )
    errors["options"] = error("options")
    for name in ("audio_guidance", "reference_guidance", "steps", "seed", "paste_back"):
        fields[name].preprocess = lambda value: value  # gradio fails at other kinds; `open_request` names the field
    assert tuple(errors) == FIELDS
    return fields, errors, tools


def _slider(most: float, value: float, step: float, label: str, info: str, least: float = 0) -> gr.Slider:
    return gr.Slider(least, most, value, step=step, label=label, info=info, elem_id=label.lower().replace(" ", "-"))


def _wire_region(jobs: Jobs, fields: dict[str, Any], errors: dict[str, gr.HTML], tools: dict[str, Any]) -> None:
    """A portrait is looked at when it comes; two taps on its picture make a box."""
    portrait, region, view, note = fields["portrait"], fields["region"], tools["view"], tools["note"]
    corner = gr.State(None)
    private = dict(api_visibility="private", concurrency_limit=4, show_progress="hidden")
    shown = [view, corner, note, errors["portrait"], errors["region"]]

    def show(path: str | None, text: str) -> dict[Any, Any]:
        updates = {corner: None, view: None, note: _message([])} | _blank(errors, "portrait", "region")
        if path is None:
            return updates
        try:
            found, notes = preview_portrait(path, text, jobs.size, jobs.limits)
        except FieldError as error:
            return updates | {errors[error.field]: _message([str(error)])}
        given = text.strip().lower() not in ("", "auto")
        return updates | {view: drawn_region(found, given), note: _message(notes)}

    def tap(path: str | None, first: tuple[int, int] | None, event: gr.SelectData) -> dict[Any, Any]:
        if path is None:
            return {}
        try:
            picture, _ = open_portrait(path, "auto", jobs.limits)
        except FieldError as error:
            return {errors[error.field]: _message([str(error)])}
        scale = max(1.0, max(picture.size) / PREVIEW_SIDE)
        x, y = (round(value * scale) for value in event.index)
        if first is None:
            return {corner: (x, y), view: corner_marked(picture, x, y)}
        xs, ys = sorted((first[0], x)), sorted((first[1], y))
        text = f"{xs[0]},{ys[0]},{xs[1]},{ys[1]}"
        return {region: text} | show(path, text)

    portrait.change(lambda path: {region: "auto"} | show(path, "auto"), portrait, [region, *shown], **private)
    gr.on([region.submit, region.blur], show, [portrait, region], shown, **private)
    view.select(tap, [portrait, corner], [region, *shown], **private)
    for text in ("auto", "full"):
        choose = lambda path, text=text: {region: text} | show(path, text)
        tools[text].click(choose, portrait, [region, *shown], **private)
    tools["portrait"].click(example_portrait, None, portrait, **private)
    tools["sound"].click(example_sound, None, fields["sound"], **private)


def _wire_sound(jobs: Jobs, sound: gr.Audio, error: gr.HTML, button: gr.UploadButton) -> None:
    """A file of any kind comes, and its sound goes into the field."""

    def take(path: str | None) -> Iterator[dict[Any, Any]]:
        if path is None:
            return
        try:
            with tempfile.TemporaryDirectory(prefix="emo-sound-") as folder:
                copy = Path(folder) / f"{Path(path).stem}.wav"
                with field_errors("sound", path):
                    read_sound(path, copy, jobs.limits.sound)
                yield {sound: str(copy), error: _message([])}  # gradio makes a copy of its own before it asks on
        except FieldError as problem:
            yield {sound: None, error: _message([str(problem)])}

    button.upload(take, button, [sound, error], api_visibility="private", concurrency_limit=4, show_progress="minimal")


def _path(payload: Any) -> str | None:
    """What a field holds as its function gets it: where the upload lies, unread."""
    return payload and payload.path


def _takes_uploads_only(block: Any) -> None:
    """Keep gradio from fetching files that a visitor names by their address, which any input of the API can do."""
    move = block.async_move_resource_to_block_cache

    async def kept(path: str | Path | None) -> str | None:
        if "://" in str(path):
            raise gr.Error("Files are uploaded here, not named by their address.", print_exception=False)
        return await move(path)

    block.async_move_resource_to_block_cache = kept


def _takes_any_name(page: gr.Blocks) -> None:
    """Of uploads whose names gradio does not take, hidden ones where it runs in their folder, say so, and no more."""
    preprocess = page.preprocess_data

    async def told(*arguments, **options):
        try:
            return await preprocess(*arguments, **options)
        except InvalidPathError:
            raise gr.Error("A file of this name is not taken: rename it.", print_exception=False) from None

    page.preprocess_data = told


def _run(jobs: Jobs, request: Request, errors, status, frames, video, go, cancel) -> Iterator[dict[Any, Any]]:
    """One generation, as updates of the page."""
    over = {go: gr.update(interactive=True), cancel: gr.update(visible=False)}
    yield _blank(errors, *FIELDS) | {status: "<progress></progress>", frames: "", video: None}
    try:
        for news in jobs.generate(request):
            if isinstance(news, VideoPreview):
                yield {frames: frames_html(news)}
            elif isinstance(news, JobResult):
                yield {status: progress_html(news), frames: "", video: str(news.path)} | over
            else:
                yield {status: progress_html(news)}
    except FieldError as error:
        yield {errors[error.field]: _message([str(error)]), status: "", frames: ""} | over
    except Exception as error:
        yield {status: f'<p class="emo-error" role="alert">{_server_error(error)}</p>', frames: ""} | over


def _for_programs(jobs: Jobs):
    """The generation as a function whose arguments, by name, are the fields of `Request`."""

    def generate(
        portrait,
        sound,
        speed="free",
        region="auto",
        audio_guidance=1.5,
        reference_guidance=1.0,
        steps=40,
        seed=0,
        paste_back=False,
    ):
        """Yields `(None, progress)` while it goes on, in the end the video and a line about it."""
        given = (portrait, sound, speed, region, audio_guidance, reference_guidance, steps, seed, paste_back)
        try:
            for news in jobs.generate(Request(*given)):
                if isinstance(news, JobResult):
                    yield str(news.path), progress_html(news)
                elif not isinstance(news, VideoPreview):
                    yield None, progress_html(news)
        except FieldError as error:
            raise gr.Error(f"{error.field}: {error}", print_exception=False) from None
        except Exception as error:
            raise gr.Error(_server_error(error), print_exception=False) from None

    return generate


def _server_error(error: Exception) -> str:
    """What strangers are told of anything else: of the server's own troubles, nothing."""
    if isinstance(error, EmoError):
        logger.error("a generation failed: %s", error)
    else:
        logger.exception("a generation failed")
    return "The server could not make this video; its log says why. Try again."


def _message(sentences: list[str]) -> Any:
    """An update that shows sentences, or hides the place when there are none."""
    from html import escape

    text = "".join(f'<p role="alert">{escape(sentence)}</p>' for sentence in sentences)
    return gr.update(value=text, visible=bool(sentences))


def _blank(errors: dict[str, gr.HTML], *fields: str) -> dict[Any, Any]:
    return {errors[field]: _message([]) for field in fields}
