"""The live server: fragmented MP4 over WebSocket. starlette, uvicorn and prometheus_client are imported when it starts."""

from emo.serve.limits import PUBLIC_LIVE_LIMITS, LiveLimits

__all__ = ["PUBLIC_LIVE_LIMITS", "LiveLimits"]
