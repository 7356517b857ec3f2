"""The web page. gradio is imported when the page is built."""

from emo.ui.limits import STRANGERS, Limits

__all__ = ["STRANGERS", "Limits"]
