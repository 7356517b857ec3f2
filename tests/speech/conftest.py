"""An engine that is always there."""

import pytest
from made_speech import Hum

from emo.speech import engines


@pytest.fixture
def hum(monkeypatch):
    """The one engine that there is."""
    monkeypatch.setattr(engines, "OWN", (Hum(),))
