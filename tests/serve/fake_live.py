"""A model whose frames show what is heard with them: their brightness is the loudest sample of their own 0.04 s."""

import time
from fractions import Fraction

import numpy as np

from emo.media import INTERRUPTION
from emo.pipelines.motion_options import VASAOptions

FPS, RATE, SIDE, CLIP, AHEAD = Fraction(25), 16000, 32, 8, 4  # frames of a clip, and of sound after it that it needs


class FakeClip(list):
    def each(self):
        return iter(self)


class FakeLive:
    fps, frame_size = FPS, (SIDE, SIDE)

    def __init__(self, pipe, sound):
        self.pipe, self.sound = pipe, sound

    def origin_of(self, sound):
        return {"emo": "test", "model": {"name": "fake"}, "inputs": {"image": "a", "audio": "b"}}

    def __iter__(self):
        heard, drawn = np.zeros(0, np.float32), 0

        def clip(frames):
            nonlocal drawn
            time.sleep(self.pipe.work)
            if self.pipe.error:
                raise self.pipe.error
            first, drawn = drawn, drawn + frames
            parts = heard[first * self.step : drawn * self.step]
            shades = [int(255 * np.abs(parts[at : at + self.step]).max()) for at in range(0, len(parts), self.step)]
            return FakeClip(np.full((SIDE, SIDE, 3), shade, np.uint8) for shade in shades)

        for chunk in self.sound:
            if chunk is INTERRUPTION:
                heard[drawn * self.step :] = 0
                continue
            samples, rate = chunk
            self.step = round(rate / FPS)
            heard = np.concatenate([heard, samples])
            while len(heard) >= (drawn + CLIP + AHEAD) * self.step:
                yield clip(CLIP)
        while len(heard) > drawn * self.step:
            yield clip(min(CLIP, -(-len(heard) // self.step) - drawn))


class FakePipe:
    """Attributes: work: seconds for a clip; error: that drawing raises; asked: what live videos were asked for."""

    options_class, default_size, work, error = VASAOptions, SIDE, 0.0, None

    def __init__(self):
        self.asked = []

    def live(self, picture, sound, **options):
        self.asked.append({"picture": picture.size, **options})
        return FakeLive(self, sound)
