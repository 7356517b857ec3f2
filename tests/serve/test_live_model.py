"""With a real, tiny model: what a client receives is what the model draws of the same sound."""

import io

import numpy as np
import torch
from live_clients import tone
from PIL import Image
from tiny import tiny_vasa

from emo.media import INTERRUPTION


def test_a_client_sees_what_the_model_draws(serve, portrait, no_reader):
    pipe = tiny_vasa()
    file = io.BytesIO()
    Image.fromarray(portrait).save(file, "PNG")
    sound = np.concatenate([tone(shade, 0.12) for shade in (0.1, 0.7, 0.3, 0.9)])
    samples = (sound * 32767).astype("<i2")
    with serve(pipe).client() as client:
        ready = client.start(file.getvalue(), idle=False, seed=3, options={"steps": 1})
        assert (ready["height"], ready["width"]) == (128, 128)
        for start in range(0, len(samples), 1000):
            client.socket.send(samples[start : start + 1000].tobytes())
        client.say(type="end")
        assert client.told("ended")["frames"] == 12
    stream = pipe.live(
        Image.fromarray(portrait),
        [samples.astype(np.float32) / 32768],
        generator=torch.Generator().manual_seed(3),
        output_type="uint8",
        num_inference_steps=1,
    )
    drawn = [frame for clip in stream for frame in clip.each()]
    assert len(client.frames()) == len(drawn) == 12
    for seen, frame in zip(client.frames(), drawn, strict=True):
        gray = np.asarray(Image.fromarray(frame).convert("L"), np.float32)
        assert np.abs(seen.astype(np.float32) * (219 / 255) + 16 - gray * (219 / 255) - 16).mean() < 8
    assert np.corrcoef(client.heard()[:12], np.abs(samples.reshape(12, 640)).max(1))[0, 1] > 0.9


def test_what_is_in_no_frame_becomes_silence_for_the_model(portrait):
    pipe = tiny_vasa()

    def drawn(chunks):
        options = {"num_inference_steps": 1, "output_type": "uint8", "generator": torch.Generator().manual_seed(0)}
        return np.stack([f for clip in pipe.live(Image.fromarray(portrait), chunks, **options) for f in clip.each()])

    first, second = tone(0.5, 0.6), tone(0.4, 0.2)
    interrupted, plain = drawn([first, INTERRUPTION, second]), drawn([first, second])
    assert len(interrupted) == len(plain) == 20
    np.testing.assert_array_equal(interrupted[:8], plain[:8])
    assert not np.array_equal(interrupted[8:16], plain[8:16])
