"""Puts the page on the network: what it lets through, and what it leaves behind."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emo.errors import EmoError, OptionError, first_line
from emo.pipelines import EMOPipeline
from emo.ui.limits import Limits


@contextmanager
def serve(
    pipe: EMOPipeline,
    limits: Limits,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    share: bool = False,
    password: str | None = None,
) -> Iterator[tuple[str, str | None]]:
    """Serve the page while the context lasts.

    Uploads and videos live in a folder of their own below the temporary one, which goes with the context; no other
    file is ever sent.

    Args:
        pipe: the pipeline, on its device.
        limits: what one visitor may ask for.
        host: address to listen on; `0.0.0.0` is every one of this machine.
        port: the first free one from 7860 on by default.
        share: ask gradio's servers for a public address that leads here.
        password: asked of every visitor, with any name.

    Yields:
        The address here, and the public one or `None`.

    Raises:
        OptionError: the address cannot be used, or the password is empty.
        EmoError: there is no public address to be had, or gradio is not installed.
    """
    if password is not None and not password:
        raise OptionError("--password is empty; give one of some length")
    folder = tempfile.mkdtemp(prefix="emo-ui-")
    before = os.environ.get("GRADIO_TEMP_DIR")
    os.environ["GRADIO_TEMP_DIR"] = folder
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    page = None
    try:
        page = _page(pipe, limits)
        yield _launch(page, pipe, limits, folder, host, port, share, password)
    finally:
        if page is not None:
            page.close(verbose=False)
        shutil.rmtree(folder, ignore_errors=True)
        if before is None:
            del os.environ["GRADIO_TEMP_DIR"]
        else:
            os.environ["GRADIO_TEMP_DIR"] = before


def _page(pipe: EMOPipeline, limits: Limits):
    try:
        import gradio  # noqa: F401
    except ImportError as error:
        raise EmoError(f"the page needs gradio ({error}); install it: pip install 'emo[ui]'") from None
    from emo.ui.jobs import Jobs
    from emo.ui.page import build_page

    return build_page(Jobs(pipe, limits))


def _launch(page, pipe, limits, folder, host, port, share, password) -> tuple[str, str | None]:
    import gradio as gr

    from emo.ui.page import CSS

    def allowed(name: str, given: str) -> bool:
        return secrets.compare_digest(given.encode(), password.encode())

    try:
        _, local, public = page.launch(
            server_name=host,
            server_port=port,
            share=share,
            auth=None if password is None else allowed,
            auth_message="Any name, and the password.",
            max_file_size=None if limits.upload is None else round(limits.upload * 1_000_000),
            allowed_paths=[],
            blocked_paths=closed_folders(pipe, folder),
            theme=gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["monospace"]),
            css=CSS,
            footer_links=["api"],
            run_history=False,
            enable_monitoring=False,
            show_error=False,
            ssr_mode=False,
            mcp_server=False,
            pwa=False,
            prevent_thread_lock=True,
            quiet=True,
        )
    except (OSError, ValueError) as error:
        where = host if port is None else f"{host}, port {port}"
        raise OptionError(f"the page cannot be served on {where}: {first_line(error)}") from error
    if share and public is None:
        raise EmoError("--share: gradio's servers gave no public address; see that this machine has a network")
    return local, public


def closed_folders(pipe: EMOPipeline, folder: str) -> list[str]:
    """Folders whose files are refused even where gradio would send them: home, the model's, ours, where we run.

    folder: the page's own, which stays open: a folder around it is left out of the list.
    """
    own = Path(folder).resolve()
    model = pipe.config.get("_name_or_path")
    places = [Path.home(), Path.cwd(), Path(__file__).parents[1], *([Path(model)] if model else [])]
    return sorted({str(place.resolve()) for place in places if not own.is_relative_to(place.resolve())})
