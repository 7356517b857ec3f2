"""Run by `emo.speech.pico`: speaks the text of standard input. Arguments: voice, file to write."""

import sys
import wave

RATE = 16000  # Hz, of what it gives: 16 bits, one channel


def main() -> None:
    from py_nanotts import NanoTTS

    voice, path = sys.argv[1:]
    samples = NanoTTS().speak(sys.stdin.read(), voice=voice)
    if samples:
        with wave.open(path, "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(samples)


if __name__ == "__main__":
    main()
