"""The web page. gradio is imported when the page is built."""

from emo.ui.limits import PUBLIC_LIMITS, Limits

__all__ = ["PUBLIC_LIMITS", "Limits"]
