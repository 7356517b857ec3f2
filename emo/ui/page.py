"""The page: its fields, what happens when they are used, and the same function for programs."""

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.exceptions import InvalidPathError

from emo.ui.form import argument, fields_of, first_value
from emo.ui.frames import VideoPreview
from emo.ui.inputs import Inputs, build_inputs
from emo.ui.jobs import JobResult, Jobs
from emo.ui.live_tab import build_live
from emo.ui.preview import frames_html, progress_html
from emo.ui.request import Request
from emo.ui.words import FieldError, server_error

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
#live img {display: block; width: min(100%, 512px); margin: .4em auto; border-radius: 6px}
#live img[hidden] {display: none}
#status .pending {opacity: 1}
#status [data-testid=status-tracker] {position: static !important; min-height: 0; visibility: visible; opacity: 1}
#status [data-testid=status-tracker].hide {display: none}
#status .progress-text {position: static; transform: none; padding: 0 1em; color: inherit}
"""
WAITING = "<progress></progress><p>Waiting for its turn …</p>"
KEEP_SECONDS = 3600  # until uploads and videos are removed from the server


def build_page(jobs: Jobs) -> gr.Blocks:
    """The page for one pipeline; `emo.ui.server.serve` puts it on the network."""
    with gr.Blocks(title="EMO", analytics_enabled=False, delete_cache=(KEEP_SECONDS // 4, KEEP_SECONDS)) as page:
        gr.Markdown(f"## {TITLE}\n{_limits_text(jobs)} {NOTICE}")
        with gr.Row():
            with gr.Column(min_width=320):
                inputs = build_inputs(jobs)
            with gr.Column(min_width=320), gr.Tabs():
                with gr.Tab("Video of the recording"):
                    with gr.Row():
                        go = gr.Button("Generate", variant="primary", elem_id="generate")
                        cancel = gr.Button("Cancel", variant="stop", visible=False, elem_id="cancel")
                    status = gr.HTML(elem_id="status", elem_classes="emo-progress")
                    frames = gr.HTML(elem_id="frames")
                    video = gr.Video(label="Video", interactive=False, buttons=["download"], elem_id="video")
                with gr.Tab("Live", elem_id="live-tab"):
                    build_live(jobs, inputs)
        outputs = [*inputs.errors.values(), status, frames, video, go, cancel]

        def run(*values) -> Iterator[dict[Any, Any]]:
            yield from _run(jobs, inputs.request(values), inputs, status, frames, video, go, cancel)

        canceled = gr.State(False)
        begun = go.click(
            lambda: (gr.update(interactive=False), gr.update(visible=True), WAITING, False),
            outputs=[go, cancel, status, canceled],
            queue=False,
            api_visibility="private",
        )
        running = begun.then(
            run,
            inputs.all(),
            outputs,
            concurrency_id="pipeline",
            concurrency_limit=1,
            show_progress="minimal",
            show_progress_on=status,
            api_visibility="private",
        )
        over = ("<p>Canceled.</p>", "", gr.update(interactive=True), gr.update(visible=False))
        cancel.click(
            lambda: (True, *over),
            outputs=[canceled, status, frames, go, cancel],
            cancels=[running],
            queue=False,
            api_visibility="private",
        )
        # Once the run has ended, which Gradio takes for a failure: its last news may have come over the words.
        running.failure(
            lambda canceled: over if canceled else (gr.skip(),) * len(over),
            inputs=canceled,
            outputs=[status, frames, go, cancel],
            queue=False,
            api_visibility="private",
        )
        # For programs: the same work and the same queue, with the error as an error.
        gr.Button(visible=False).click(
            _for_programs(jobs, inputs),
            inputs.all(),
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


def _run(jobs: Jobs, request: Request, inputs: Inputs, status, frames, video, go, cancel) -> Iterator[dict[Any, Any]]:
    """One generation, as updates of the page."""
    over = {go: gr.update(interactive=True), cancel: gr.update(visible=False)}
    yield inputs.blank() | {status: "<progress></progress>", frames: "", video: None}
    try:
        for news in jobs.generate(request):
            if isinstance(news, VideoPreview):
                yield {frames: frames_html(news)}
            elif isinstance(news, JobResult):
                yield {status: progress_html(news), frames: "", video: str(news.path)} | over
            else:
                yield {status: progress_html(news)}
    except FieldError as error:
        yield inputs.error(error) | {status: "", frames: ""} | over
    except Exception as error:
        yield {status: f'<p class="emo-error" role="alert">{server_error(error)}</p>', frames: ""} | over


def _for_programs(jobs: Jobs, inputs: Inputs) -> Callable[..., Iterator[tuple[str | None, str]]]:
    """The generation as a function whose arguments are the fields, with their defaults."""

    def generate(*values):
        """Yields `(None, progress)` while it goes on, in the end the video and a line about it."""
        try:
            for news in jobs.generate(inputs.request(values)):
                if isinstance(news, JobResult):
                    yield str(news.path), progress_html(news)
                elif not isinstance(news, VideoPreview):
                    yield None, progress_html(news)
        except FieldError as error:
            raise gr.Error(f"{error.field}: {error}", print_exception=False) from None
        except Exception as error:
            raise gr.Error(server_error(error), print_exception=False) from None

    defaults = {argument(entry): first_value(entry, jobs.limits) for entry in fields_of(jobs.options)}
    defaults |= {"seed": 0, "text": ""}
    generate.__signature__ = inspect.Signature(
        [
            inspect.Parameter(
                name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=defaults.get(name, inspect.Parameter.empty)
            )
            for name in inputs.names()
        ]
    )
    return generate
