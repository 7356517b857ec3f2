"""Run by `emo.speech.piper`: speaks the text of standard input. Arguments: voice, file to write."""

import sys
import wave

SEED = 0  # of the noise that voices are made of: the same text is the same sound


def main() -> None:
    import onnxruntime

    onnxruntime.set_seed(SEED)  # before the voice is loaded
    from piper import PiperVoice  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue] (an extra)

    place, path = sys.argv[1:]
    voice = PiperVoice.load(place)
    chunks = [chunk for line in sys.stdin.read().splitlines() for chunk in voice.synthesize(line)]
    if chunks:
        with wave.open(path, "wb") as file:
            file.setparams((chunks[0].sample_channels, chunks[0].sample_width, chunks[0].sample_rate, 0, "NONE", ""))
            for chunk in chunks:
                file.writeframes(chunk.audio_int16_bytes)


if __name__ == "__main__":
    main()
