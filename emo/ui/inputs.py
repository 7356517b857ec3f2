"""The left half of the page: portrait, recording, the model's options, and what helps to fill them in."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from emo.options import BOOL, FLOAT, INT, Option
from emo.speech import MAX_TEXT
from emo.ui.example import example_portrait, example_sound
from emo.ui.form import argument, fields_of, first_value, range_of
from emo.ui.jobs import Jobs
from emo.ui.limits import Limits
from emo.ui.preview import PREVIEW_SIDE, corner_marked, drawn_region
from emo.ui.request import Request, open_portrait, preview_portrait
from emo.ui.uploads import read_sound
from emo.ui.words import OPTIONS, FieldError, field_errors

FACE_OPTIONS = ("face_region", "face")
"""Options that say which part of the portrait moves: the page shows it."""
SLIDERS: dict[str, tuple[float, float, float, dict[str, str]]] = {
    "gaze": (-1, 1, 0, {"x": "Gaze to the right", "y": "Gaze up"}),
    "distance": (0.5, 2, 1, {"slider": "Distance of the camera"}),
}
"""Sliders beside fields of text, by the option: ends, where they stand at first, and each one's label by its name."""


@dataclass
class Inputs:
    """The fields.

    Attributes:
        portrait, sound, seed: the page's own.
        text: what is said in place of a recording, on pages that have somebody to speak.
        options: the model's, by their arguments.
        errors: the places of errors, by fields; OPTIONS for fields without one.
    """

    portrait: gr.Image
    sound: gr.Audio
    seed: gr.Number
    text: gr.Textbox | None = None
    options: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, gr.HTML] = field(default_factory=dict)

    def all(self) -> list[Any]:
        """All fields, in the order of `names`."""
        text = [] if self.text is None else [self.text]
        return [self.portrait, self.sound, self.seed, *text, *self.options.values()]

    def names(self) -> list[str]:
        """What programs call them."""
        return ["portrait", "sound", "seed", *([] if self.text is None else ["text"]), *self.options]

    def request(self, values: Sequence[Any]) -> Request:
        """What the fields hold, given in their order."""
        portrait, sound, seed, *options = values
        text = "" if self.text is None else str(options.pop(0) or "")
        return Request(portrait, sound, seed, dict(zip(self.options, options, strict=True)), text)

    def blank(self, *fields: str) -> dict[Any, Any]:
        """Updates that hide the errors of these fields; of all by default."""
        return {self.errors[name]: message([]) for name in fields or self.errors}

    def error(self, error: FieldError) -> dict[Any, Any]:
        """An update that shows an error beside its field."""
        return {self.errors.get(error.field, self.errors[OPTIONS]): message([str(error)])}


def message(sentences: list[str]) -> Any:
    """An update that shows sentences, or hides the place when there are none."""
    text = "".join(f'<p role="alert">{escape(each)}</p>' for each in sentences)
    return gr.update(value=text, visible=bool(sentences))


def make_field(option: Option, limits: Limits) -> Any:
    """The field for one option."""
    low, high = range_of(option, limits)
    value = first_value(option, limits)
    look: dict[str, Any] = {"label": option.label, "info": option.page_help or option.help, "elem_id": option.flag}
    if option.kind is BOOL:
        field = gr.Checkbox(value, **look)
    elif option.kind in (INT, FLOAT) and option.default is not None and low is not None and high is not None:
        step = 1 if option.kind is INT else 0.1 if high > 1 else 0.05
        field = gr.Slider(low, high, value, step=step, **look)
    elif option.kind in (INT, FLOAT) and option.default is not None:
        field = gr.Number(value, precision=0 if option.kind is INT else None, **look)
    else:
        field = gr.Textbox(value, max_lines=1, **look)
        if option.name in SLIDERS:
            _add_sliders(option, field)
    _keep_raw(field)
    return field


def build_inputs(jobs: Jobs) -> Inputs:
    """Put the fields on the page that is being built, and let them help each other."""
    note, portrait, portrait_error, portrait_example = _portrait_field()
    sound, sound_error, any_sound, sound_example = _sound_field()
    errors = {"portrait": portrait_error, "sound": sound_error}
    text = None if jobs.speaker is None else _text_field(jobs.speaker, errors)
    options: dict[str, Any] = {}
    region: dict[str, Any] = {}
    for entry in fields_of(jobs.options):
        if not entry.more:
            if entry.name == "face_region":
                region = _region_field(entry, jobs)
                options[argument(entry)] = region["field"]
            else:
                options[argument(entry)] = make_field(entry, jobs.limits)
            errors[argument(entry)] = _error_place(argument(entry))
    with gr.Accordion("More", open=False, elem_id="more"):
        for entry in fields_of(jobs.options):
            if entry.more:
                options[argument(entry)] = make_field(entry, jobs.limits)
        seed = gr.Number(0, label="Seed", info="same seed, same video", precision=0, elem_id="seed")
        _keep_raw(seed)
    errors[OPTIONS] = _error_place(OPTIONS)
    inputs = Inputs(portrait, sound, seed, text, options, errors)
    _wire_portrait(jobs, inputs, region, note)
    _wire_sound(jobs, inputs, any_sound)
    portrait_example.click(example_portrait, None, portrait, **PRIVATE)
    sound_example.click(example_sound, None, sound, **PRIVATE)
    return inputs


PRIVATE: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": 4, "show_progress": "hidden"}


def _as_it_is(value: Any) -> Any:
    return value


def _keep_raw(field: Any) -> None:
    """Take a field's content as it is: gradio fails at other kinds of value; `read_options` names the field."""
    field.preprocess = _as_it_is


def _path(payload: Any) -> str | None:
    """What an upload's field holds as its function gets it: where the upload lies, unread.

    gradio would decode some files itself; here only their readers do.
    """
    return payload and payload.path


def _error_place(name: str) -> gr.HTML:
    return gr.HTML(visible=False, elem_id=f"error-{name}", elem_classes="emo-error")


def _portrait_field() -> tuple[gr.HTML, gr.Image, gr.HTML, gr.Button]:
    """The place of notes, the field, the place of its errors, and the button for an example."""
    field = gr.Image(label="Portrait", sources=["upload", "webcam"], type="filepath", height=300, elem_id="portrait")
    field.preprocess = _path
    error = _error_place("portrait")
    note = gr.HTML(visible=False, elem_classes="emo-note")
    return note, field, error, gr.Button("Take the example portrait", size="sm", elem_id="example-portrait")


def _sound_field() -> tuple[gr.Audio, gr.HTML, gr.UploadButton, gr.Button]:
    """The field, the place of its errors, and the buttons for any file and for an example."""
    field = gr.Audio(
        label="Recording",
        sources=["upload", "microphone"],
        type="filepath",
        editable=False,
        buttons=[],
        elem_id="sound",
    )
    error = _error_place("sound")
    # What a browser takes for no sound the field above refuses; this one takes any file, and puts its sound there.
    any_file = gr.UploadButton("Take the sound of a video or any other file", size="sm", elem_id="any-sound")
    field.preprocess = any_file.preprocess = _path
    return field, error, any_file, gr.Button("Take the example recording", size="sm", elem_id="example-sound")


def _text_field(speaker: str, errors: dict[str, gr.HTML]) -> gr.Textbox:
    """The field for a text; the place of its errors goes into `errors`."""
    info = f"in place of a recording; spoken by {speaker.partition(':')[0]}"
    field = gr.Textbox("", label="Text", info=info, lines=2, max_lines=6, max_length=MAX_TEXT, elem_id="text")
    _keep_raw(field)
    errors["text"] = _error_place("text")
    return field


def _add_sliders(option: Option, field: Any) -> None:
    """Sliders that fill in a field of text."""
    low, high, value, labels = SLIDERS[option.name]
    look: dict[str, Any] = {"minimum": low, "maximum": high, "value": value, "step": 0.05}
    with gr.Row():
        sliders = [gr.Slider(label=label, elem_id=f"{option.flag}-{name}", **look) for name, label in labels.items()]
    gr.on([slider.release for slider in sliders], _joined, sliders, field, **PRIVATE)


def _joined(*numbers: float) -> str:
    return ",".join(f"{number:g}" for number in numbers)


def _region_field(option: Option, jobs: Jobs) -> dict[str, Any]:
    """The field of the face region, the picture to tap on, and two buttons."""
    with gr.Accordion("Face region: where the face may move", open=False, elem_id="region-panel"):
        view = gr.Image(
            label="Tap two opposite corners of a box", interactive=False, type="pil", buttons=[], elem_id="region-view"
        )
        field = make_field(option, jobs.limits)
        with gr.Row():
            auto = gr.Button("Around the face", size="sm", elem_id="region-auto")
            full = gr.Button("Anywhere", size="sm", elem_id="region-full")
    return {"field": field, "view": view, "auto": auto, "full": full}


def _wire_portrait(jobs: Jobs, inputs: Inputs, region: dict[str, Any], note: gr.HTML) -> None:
    """A portrait is looked at when it comes; two taps on its picture make a box."""
    if not region:
        _wire_check(jobs, inputs, note)
        return
    portrait, field, view = inputs.portrait, region["field"], region["view"]
    corner = gr.State(None)
    chosen = [argument(entry) for entry in jobs.options.entries() if entry.name in FACE_OPTIONS]
    fields = [inputs.options[name] for name in chosen]
    watched = [portrait, *fields]
    shown = [view, corner, note, *inputs.errors.values()]
    place = fields.index(field)

    def show(path: str | None, *values: Any) -> dict[Any, Any]:
        updates = {corner: None, view: None, note: message([])}
        updates |= inputs.blank("portrait", chosen[place], OPTIONS)
        if path is None:
            return updates
        try:
            given = dict(zip(chosen, values, strict=True))
            found, notes = preview_portrait(path, given, jobs.options, jobs.size, jobs.limits)
        except FieldError as error:
            return updates | inputs.error(error)
        by_hand = str(values[place]).strip().lower() not in ("", "auto")
        return updates | {view: drawn_region(found, by_hand), note: message(notes)}

    def show_with(text: str, path: str | None, *values: Any) -> dict[Any, Any]:
        """The same with another region, which goes into its field."""
        return {field: text} | show(path, *values[:place], text, *values[place + 1 :])

    # The event comes first: gradio puts it where its parameter stands.
    def tap(event: gr.SelectData, path: str | None, first: tuple[int, int] | None, *values: Any) -> dict[Any, Any]:
        if path is None:
            return {}
        try:
            picture = open_portrait(path, None, jobs.limits)
        except FieldError as error:
            return inputs.error(error)
        scale = max(1.0, max(picture.size) / PREVIEW_SIDE)
        x, y = (round(value * scale) for value in event.index)
        if first is None:
            return {corner: (x, y), view: corner_marked(picture, x, y)}
        xs, ys = sorted((first[0], x)), sorted((first[1], y))
        return show_with(f"{xs[0]},{ys[0]},{xs[1]},{ys[1]}", path, *values)

    def reset(path: str | None, *values: Any) -> dict[Any, Any]:
        return show_with("auto", path, *values)

    def anywhere(path: str | None, *values: Any) -> dict[Any, Any]:
        return show_with("full", path, *values)

    portrait.change(reset, watched, [field, *shown], **PRIVATE)
    gr.on([trigger for each in fields for trigger in (each.submit, each.blur)], show, watched, shown, **PRIVATE)
    view.select(tap, [portrait, corner, *fields], [field, *shown], **PRIVATE)
    region["auto"].click(reset, watched, [field, *shown], **PRIVATE)
    region["full"].click(anywhere, watched, [field, *shown], **PRIVATE)


def _wire_check(jobs: Jobs, inputs: Inputs, note: gr.HTML) -> None:
    """A portrait is looked at when it comes, where no region is to be chosen: its errors and remarks are shown."""
    chosen = [argument(entry) for entry in fields_of(jobs.options) if entry.name in FACE_OPTIONS]
    fields = [inputs.options[name] for name in chosen]

    def check(path: str | None, *values: Any) -> dict[Any, Any]:
        updates = inputs.blank("portrait", OPTIONS) | {note: message([])}
        if path is None:
            return updates
        try:
            given = dict(zip(chosen, values, strict=True))
            _, notes = preview_portrait(path, given, jobs.options, jobs.size, jobs.limits)
        except FieldError as error:
            return updates | inputs.error(error)
        return updates | {note: message(notes)}

    watched, shown = [inputs.portrait, *fields], [note, *inputs.errors.values()]
    inputs.portrait.change(check, watched, shown, **PRIVATE)
    gr.on([trigger for each in fields for trigger in (each.submit, each.blur)], check, watched, shown, **PRIVATE)


def _wire_sound(jobs: Jobs, inputs: Inputs, button: gr.UploadButton) -> None:
    """A file of any kind comes, and its sound goes into the field."""
    sound, error = inputs.sound, inputs.errors["sound"]

    def take(path: str | None) -> Iterator[dict[Any, Any]]:
        if path is None:
            return
        try:
            with tempfile.TemporaryDirectory(prefix="emo-sound-") as folder:
                copy = Path(folder) / f"{Path(path).stem}.wav"
                with field_errors("sound", path):
                    read_sound(path, copy, jobs.limits.sound)
                yield {sound: str(copy), error: message([])}  # gradio makes a copy of its own before it asks on
        except FieldError as problem:
            yield {sound: None, error: message([str(problem)])}

    button.upload(take, button, [sound, error], api_visibility="private", concurrency_limit=4, show_progress="minimal")
