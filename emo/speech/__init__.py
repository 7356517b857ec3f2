"""Text becomes sound: engines by name, each with voices whose licenses are known or said to be unknown.

    track = speak("Good morning.", "espeak-ng:en-us")

Engines run in processes of their own. Others join by an entry point of the group `emo.speech`; see `SpeechEngine`.
"""

from emo.speech.engine import SpeechEngine, Voice
from emo.speech.engines import engine_names, find_engine, find_voice
from emo.speech.speak import MAX_TEXT, check_text, speak

__all__ = [
    "MAX_TEXT",
    "SpeechEngine",
    "Voice",
    "check_text",
    "engine_names",
    "find_engine",
    "find_voice",
    "speak",
]
