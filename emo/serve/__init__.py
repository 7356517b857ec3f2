"""The live server: fragmented MP4 over WebSocket. The libraries that it needs are imported when it starts."""

from emo.serve.limits import PUBLIC_LIVE_LIMITS, LiveLimits

__all__ = ["PUBLIC_LIVE_LIMITS", "LiveLimits"]
