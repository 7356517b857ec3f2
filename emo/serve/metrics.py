"""What the live server counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

DELAYS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)


class Metrics:
    """The counters of one server.

    Attributes:
        sessions: open now.
        ended: sessions, by what ended them.
        refused: connections and starts that became no session, by why.
        frames: sent.
        sound: seconds heard.
        dropped: seconds of sound that came faster than it could be drawn.
        interruptions: by clients.
        delay: seconds from when a fragment's first sound was given to be drawn until the fragment is sent.
        wait: seconds from when sound came until it was given to be drawn.
    """

    def __init__(self):
        self.registry = CollectorRegistry()
        own = {"registry": self.registry, "namespace": "emo"}
        self.sessions = Gauge("sessions", "Sessions open now", **own)
        self.ended = Counter("sessions_ended", "Sessions, by what ended them", ["reason"], **own)
        self.refused = Counter("refused", "What became no session, by why", ["reason"], **own)
        self.frames = Counter("frames", "Frames sent", **own)
        self.sound = Counter("sound_seconds", "Sound that came", **own)
        self.dropped = Counter("dropped_sound_seconds", "Sound that came faster than it was drawn", **own)
        self.interruptions = Counter("interruptions", "Interruptions by clients", **own)
        self.delay = Histogram(
            "delay_seconds", "From when sound was given to be drawn until it was sent", buckets=DELAYS, **own
        )
        self.wait = Histogram(
            "wait_seconds", "From when sound came until it was given to be drawn", buckets=DELAYS, **own
        )
        ProcessCollector(registry=self.registry)

    def text(self) -> bytes:
        """All of them, as Prometheus reads them."""
        return generate_latest(self.registry)
