"""Puts the page on the network: what it lets through, and what it leaves behind."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emo.errors import EmoError, OptionError, first_line
from emo.ui.limits import Limits
from emo.ui.uploads import forget_portraits


@contextmanager
def serve(
    pipe: Any,
    limits: Limits,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    share: bool = False,
    password: str | None = None,
    speaker: str | None = None,
) -> Iterator[tuple[str, str | None]]:
    """Serve the page while the context lasts.

    Uploads and videos live in a folder of their own below the temporary one, which goes with the context; no other
    file is ever sent. Meanwhile no request to this machine goes through a proxy.

    Args:
        pipe: the pipeline, on its device.
        limits: what one visitor may ask for.
        host: address to listen on; `0.0.0.0` is every one of this machine.
        port: the first free one from 7860 on by default.
        share: ask gradio's servers for a public address that leads here.
        password: asked of every visitor, with any name.
        speaker: `engine:voice` that speaks visitors' texts; None for a page that takes recordings alone.

    Yields:
        The address here, and the public one or `None`.

    Raises:
        OptionError: the address cannot be used, or the password is empty.
        EmoError: there is no public address to be had, or gradio is not installed.
    """
    if password is not None and not password:
        raise OptionError("--password is empty; give one of some length")
    folder = tempfile.mkdtemp(prefix="emo-ui-")
    try:
        with environment(GRADIO_TEMP_DIR=folder, **_past_proxies(host)):
            page = _page(pipe, limits, speaker)
            try:
                yield _launch(page, pipe, limits, folder, host, port, share, password)
            finally:
                page.close(verbose=False)
                forget_portraits()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Environment variables that hold while the context lasts."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _past_proxies(*hosts: str) -> dict[str, str]:
    """Environment variables that keep requests to these hosts, or to this machine, from going through a proxy."""
    given = [os.environ[name] for name in ("no_proxy", "NO_PROXY") if os.environ.get(name)]
    excepted = ",".join(dict.fromkeys([*given, "localhost", "127.0.0.1", "::1", *hosts]))
    return {"no_proxy": excepted, "NO_PROXY": excepted}


def _page(pipe: Any, limits: Limits, speaker: str | None):
    try:
        with environment(**_past_proxies("*")):  # it makes clients at once, which fail on proxies they do not know
            import gradio  # noqa: F401
    except ImportError as error:
        raise EmoError(f"the page needs gradio ({error}); install it: pip install 'emo[ui]'") from None
    from emo.ui.jobs import Jobs
    from emo.ui.page import build_page

    return build_page(Jobs(pipe, limits, speaker))


def _launch(page, pipe, limits, folder, host, port, share, password) -> tuple[str, str | None]:
    from gradio.themes import Default
    from starlette.middleware import Middleware

    from emo.ui.headers import OwnServerOnly
    from emo.ui.page import CSS

    def allowed(name: str, given: str) -> bool:
        return secrets.compare_digest(given.encode(), password.encode())

    proxies = {} if share else _past_proxies("*")  # nobody else is asked for anything then
    try:
        with environment(**proxies):
            _, local, public = page.launch(
                server_name=host,
                server_port=port,
                share=share,
                auth=None if password is None else allowed,
                auth_message="Any name, and the password.",
                max_file_size=None if limits.upload is None else round(limits.upload * 1_000_000),
                allowed_paths=[],
                blocked_paths=closed_folders(pipe, folder),
                theme=Default(font=["system-ui", "sans-serif"], font_mono=["monospace"]),
                css=CSS,
                footer_links=["api"],
                run_history=False,
                enable_monitoring=False,
                show_error=False,
                ssr_mode=False,
                mcp_server=False,
                pwa=False,
                prevent_thread_lock=True,
                app_kwargs={"middleware": [Middleware(OwnServerOnly)]},
                quiet=True,
            )
    except Exception as error:  # gradio raises its plainest, and what its HTTP client does
        where = host if port is None else f"{host}, port {port}"
        raise OptionError(f"the page cannot be served on {where}: {first_line(error)}") from error
    if share and public is None:
        raise EmoError("--share: gradio's servers gave no public address; see that this machine has a network")
    return local, public


def closed_folders(pipe: Any, folder: str) -> list[str]:
    """Folders whose files are refused even where gradio would send them: home, the model's, ours, where we run.

    folder: the page's own, which stays open: a folder around it is left out of the list.
    """
    own = Path(folder).resolve()
    model = pipe.config.get("_name_or_path")
    places = [Path.home(), Path.cwd(), Path(__file__).parents[1], *([Path(model)] if model else [])]
    return sorted({str(place.resolve()) for place in places if not own.is_relative_to(place.resolve())})
