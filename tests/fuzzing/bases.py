"""Good files to bend: one picture, one sound and one video, in many containers and codecs, each made when asked for.

All are made by the project itself; where EMO_TEST_DATA is there, real ones join them.
"""

import os
import shutil
import subprocess
import tempfile
import wave
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image

DATA = Path(os.environ.get("EMO_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
SECONDS = 0.4  # of sound; videos are as long as `emo prepare` needs for a clip
QUICK = ("-preset", "ultrafast", "-g", "10")

# By name: the ending, and what ffmpeg is told.
SOUNDS = {
    "wav": (".wav", ""),
    "wav8": (".wav", "-c:a pcm_u8 -ar 8000"),
    "wav24": (".wav", "-c:a pcm_s24le -ar 96000 -ac 2"),
    "wavf": (".wav", "-c:a pcm_f32le -ar 44100"),
    "wav_adpcm": (".wav", "-c:a adpcm_ms"),
    "wav_mulaw": (".wav", "-c:a pcm_mulaw -ar 8000"),
    "wav_8ch": (".wav", "-ac 8"),
    "w64": (".w64", ""),
    "aiff": (".aiff", ""),
    "au": (".au", ""),
    "caf": (".caf", "-c:a alac"),
    "voc": (".voc", ""),
    "flac": (".flac", ""),
    "alac": (".m4a", "-c:a alac"),
    "mp3": (".mp3", "-ar 44100 -ac 2"),
    "mp3_mono": (".mp3", "-ar 44100"),
    "mp3_slow": (".mp3", "-ar 48000 -ac 2"),
    "mp2": (".mp2", "-ar 44100"),
    "aac": (".aac", "-ar 22050"),
    "aac_stereo": (".aac", "-ar 22050 -ac 2"),
    "m4a": (".m4a", "-ar 44100 -ac 2"),
    "m4a_fragments": (".m4a", "-movflags +frag_keyframe+empty_moov"),
    "ogg": (".ogg", "-c:a libvorbis -ar 44100"),
    "ogg_flac": (".ogg", "-c:a flac"),
    "opus": (".opus", "-ac 2"),
    "webm": (".webm", "-c:a libopus"),
    "mka": (".mka", "-c:a flac"),
    "wma": (".wma", "-c:a wmav2 -ar 44100"),
    "ac3": (".ac3", "-ar 48000 -ac 6"),
    "ac3_stereo": (".ac3", "-ar 48000 -ac 2"),
    "eac3": (".eac3", "-ar 48000 -ac 2"),
    "dts": (".dts", "-c:a dca -strict -2 -ar 48000 -ac 2"),
    "amr": (".amr", "-c:a libopencore_amrnb -ar 8000 -b:a 12.2k"),
    "tta": (".tta", ""),
    "wv": (".wv", ""),
    "ra": (".rm", "-c:a real_144 -ar 8000"),
    "spdif": (".ts", "-c:a s302m -strict -2 -ar 48000 -ac 2"),
}

# One after the other in one file: what changes in the middle.
JOINED = {
    "joined_mp3_channels": ("mp3", "mp3_mono"),
    "joined_mp3_rates": ("mp3", "mp3_slow"),
    "joined_aac_channels": ("aac", "aac_stereo"),
    "joined_ac3_channels": ("ac3", "ac3_stereo"),
    "joined_ogg": ("ogg", "ogg"),
    "joined_ogg_codecs": ("ogg", "ogg_flac"),
    "joined_wav": ("wav", "wav24"),
}

VIDEOS = {
    "mp4": (".mp4", "-c:v libx264 -c:a aac"),
    "mp4_b": (".mp4", "-c:v libx264 -preset veryfast -bf 2 -c:a aac -movflags +faststart"),
    "mp4_fragments": (".mp4", "-c:v libx264 -c:a aac -movflags +frag_keyframe+empty_moov"),
    "mp4_silent": (".mp4", "-c:v libx264 -an"),
    "mp4_turned": (".mp4", "-c:v libx264 -c:a aac", "-display_rotation 90"),
    "mp4_mirrored": (".mp4", "-c:v libx264 -c:a aac", "-display_hflip"),
    "mp4_sar": (".mp4", "-c:v libx264 -c:a aac -vf setsar=4/3"),
    "mp4_odd_sar": (".mp4", "-c:v libx264 -c:a aac -vf setsar=1/200"),
    "mp4_hdr": (
        ".mp4",
        "-c:v libx264 -c:a aac -pix_fmt yuv420p10le -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc",
    ),
    "mp4_444": (".mp4", "-c:v libx264 -pix_fmt yuv444p -c:a aac"),
    "mp4_gray": (".mp4", "-c:v libx264 -pix_fmt gray -c:a aac"),
    "mp4_interlaced": (".mp4", "-c:v libx264 -flags +ilme+ildct -x264opts tff=1 -c:a aac"),
    "mp4_vfr": (".mp4", "-c:v libx264 -vf select='not(between(n,6,14))' -fps_mode vfr -c:a aac"),
    "mp4_late": (".mp4", "-c:v libx264 -c:a aac -output_ts_offset 100000"),
    "mp4_sound_late": (".mp4", "-c:v libx264 -c:a aac -af adelay=700"),
    "mp4_1000fps": (".mp4", "-c:v libx264 -vf setpts=N/1000/TB -r 1000 -c:a aac"),
    "mp4_slow": (".mp4", "-c:v libx264 -r 1 -c:a aac"),
    "mp4_sliver": (".mp4", "-c:v libx264 -vf scale=2:1000 -c:a aac"),
    "mp4_hevc": (".mp4", "-c:v libx265 -x265-params log-level=none:pools=1 -c:a aac"),
    "mp4_tracks": (".mp4", "-map 0:v -map 0:a -map 0:a -map 0:a -c:v libx264 -c:a aac -disposition:a:1 default"),
    "mov": (".mov", "-c:v mpeg4 -c:a pcm_s16le"),
    "mov_prores": (".mov", "-c:v prores_ks -c:a pcm_s24le"),
    "mov_alpha": (".mov", "-c:v qtrle -pix_fmt argb -c:a aac"),
    "mkv": (".mkv", "-c:v libx264 -c:a libopus"),
    "mkv_ffv1": (".mkv", "-c:v ffv1 -c:a flac"),
    "mkv_odd": (".mkv", "-c:v ffv1 -vf scale=321:199 -c:a pcm_f32le"),
    "mkv_wide": (".mkv", "-c:v ffv1 -vf scale=16384:4 -c:a flac"),
    "mkv_high": (".mkv", "-c:v png -vf scale=1:4096 -c:a flac"),
    "webm_vp8": (".webm", "-c:v libvpx -deadline realtime -c:a libvorbis"),
    "webm_vp9": (".webm", "-c:v libvpx-vp9 -deadline realtime -c:a libopus"),
    "webm_alpha": (".webm", "-c:v libvpx -pix_fmt yuva420p -auto-alt-ref 0 -deadline realtime -c:a libopus"),
    "avi": (".avi", "-c:v mpeg4 -c:a mp3"),
    "avi_mjpeg": (".avi", "-c:v mjpeg -c:a pcm_s16le"),
    "avi_raw": (".avi", "-c:v rawvideo -pix_fmt bgr24 -vf scale=160:100 -c:a pcm_s16le"),
    "ts": (".ts", "-c:v libx264 -c:a aac"),
    "ts_mpeg2": (".ts", "-c:v mpeg2video -c:a mp2"),
    "m2ts": (".m2ts", "-c:v libx264 -c:a ac3"),
    "mpg": (".mpg", "-c:v mpeg2video -c:a mp2"),
    "vob": (".vob", "-c:v mpeg2video -c:a ac3"),
    "flv": (".flv", "-c:v flv -c:a mp3 -ar 44100"),
    "wmv": (".wmv", "-c:v wmv2 -c:a wmav2"),
    "3gp": (".3gp", "-c:v h263 -vf scale=352:288 -c:a libopencore_amrnb -ar 8000 -ac 1 -b:a 12.2k"),
    "ogv": (".ogv", "-c:v libtheora -c:a libvorbis"),
    "gif": (".gif", "-vf scale=160:-2"),
    "h264": (".h264", "-c:v libx264 -an"),
    "mxf": (".mxf", "-c:v mpeg2video -c:a pcm_s16le -ar 48000"),
    "nut": (".nut", "-c:v ffv1 -c:a pcm_s16le"),
    "dv": (".dv", "-c:v dvvideo -s 720x576 -pix_fmt yuv420p -ar 48000 -ac 2"),
}

# By name: the ending, and what Pillow is told.
PICTURES: dict[str, tuple[str, Callable[[Image.Image], Image.Image], dict]] = {
    "png": (".png", lambda p: p, {}),
    "png_gray": (".png", lambda p: p.convert("L"), {}),
    "png_palette": (".png", lambda p: p.quantize(64), {"transparency": 0}),
    "png_alpha": (".png", lambda p: p.convert("RGBA"), {}),
    "png_gray_alpha": (".png", lambda p: p.convert("LA"), {}),
    "png_16": (".png", lambda p: Image.fromarray(np.asarray(p.convert("L")).astype(np.uint16) * 257), {}),
    "png_1": (".png", lambda p: p.convert("1"), {}),
    "jpg": (".jpg", lambda p: p, {"quality": 90}),
    "jpg_progressive": (".jpg", lambda p: p, {"progressive": True, "quality": 80}),
    "jpg_gray": (".jpg", lambda p: p.convert("L"), {}),
    "jpg_cmyk": (".jpg", lambda p: p.convert("CMYK"), {}),
    "webp": (".webp", lambda p: p, {"quality": 80}),
    "webp_lossless": (".webp", lambda p: p.convert("RGBA"), {"lossless": True, "method": 0}),
    "gif": (".gif", lambda p: p.quantize(128), {}),
    "bmp": (".bmp", lambda p: p, {}),
    "bmp_palette": (".bmp", lambda p: p.quantize(256), {}),
    "tiff": (".tiff", lambda p: p, {}),
    "tiff_lzw": (".tif", lambda p: p, {"compression": "tiff_lzw"}),
    "tiff_jpeg": (".tif", lambda p: p, {"compression": "jpeg"}),
    "tiff_float": (".tif", lambda p: Image.fromarray(np.asarray(p.convert("L"), np.float32) / 255), {}),
    "ppm": (".ppm", lambda p: p, {}),
    "tga": (".tga", lambda p: p, {"compression": "tga_rle"}),
    "ico": (".ico", lambda p: p.resize((256, 256)), {}),
    "icns": (".icns", lambda p: p.resize((256, 256)), {}),
    "pcx": (".pcx", lambda p: p, {}),
    "sgi": (".sgi", lambda p: p, {}),
    "dds": (".dds", lambda p: p, {}),
    "jp2": (".jp2", lambda p: p, {}),
    "avif": (".avif", lambda p: p, {"speed": 10}),
    "sliver": (".png", lambda p: p.resize((1, 2000)), {}),
    "wide": (".png", lambda p: p.resize((16384, 8)), {}),
    "panorama": (".jpg", lambda p: _beside(p, 17000), {}),
    "pixel": (".png", lambda p: p.resize((1, 1)), {}),
}

# What need not be taken, however good: rare kinds, and those in which there is no face or no sound.
RARE = {
    *JOINED,
    "png_1",
    "sliver",
    "wide",
    "panorama",
    "pixel",
    "ico",
    "icns",
    "pcx",
    "sgi",
    "dds",
    "tga",
    "ppm",
    "jp2",
}
RARE |= {"mp4_silent", "gif", "h264", "nut", "dv", "mxf", "w64", "au", "caf", "voc", "tta", "wv", "ra", "spdif", "dts"}
RARE |= {"mp2", "eac3", "wav_adpcm", "tiff_float", "tiff_jpeg"}

CANARIES = ("wav", "aac", "mp3", "ts", "mp4", "mkv", "png", "jpg", "txt", "srt", "sub")


@lru_cache(maxsize=1)
def portrait() -> Image.Image:
    """A photograph with one large face."""
    from skimage.data import astronaut

    return Image.fromarray(astronaut()[:340, 50:390])


def _beside(picture: Image.Image, width: int) -> Image.Image:
    """The picture at the left of a wide one."""
    wide = Image.new("RGB", (width, picture.height), "gray")
    wide.paste(picture)
    return wide


class Bases:
    """Good files in a folder that several processes may share; each is made once."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def picture(self, name: str) -> Path:
        suffix, change, options = PICTURES[name]
        return self._made(f"picture-{name}{suffix}", lambda path: change(portrait()).save(path, **options))

    def sound(self, name: str) -> Path:
        if name in JOINED:
            parts = [self.sound(part) for part in JOINED[name]]
            join = lambda path: path.write_bytes(b"".join(part.read_bytes() for part in parts))
            return self._made(f"sound-{name}{parts[0].suffix}", join)
        suffix, told = SOUNDS[name]
        return self._made(
            f"sound-{name}{suffix}", lambda path: ffmpeg("-i", str(self._speech()), *told.split(), str(path))
        )

    def video(self, name: str) -> Path:
        suffix, told, *before = VIDEOS[name]
        quick = QUICK if "libx264" in told and "preset" not in told else ()
        return self._made(
            f"video-{name}{suffix}",
            lambda path: ffmpeg(
                *" ".join(before).split(), "-i", str(self._talker()), *told.split(), *quick, str(path)
            ),
        )

    def real(self, kind: str) -> list[Path]:
        """The small ones of EMO_TEST_DATA's files."""
        endings = {
            "picture": (".png", ".jpg"),
            "sound": (".wav", ".ogg", ".flac", ".mp3", ".opus"),
            "video": (".mp4", ".mpg", ".webm"),
        }
        if not DATA.is_dir():
            return []
        found = (path for path in DATA.rglob("*") if path.suffix.lower() in endings[kind] and path.is_file())
        return sorted(path for path in found if path.stat().st_size < 100_000)

    def canaries(self) -> list[Path]:
        """Files that nothing has a reason to open: a tone, magenta pictures, texts."""
        tone = ("-f", "lavfi", "-i", "sine=1234:duration=1")
        color = ("-f", "lavfi", "-i", "color=magenta:64x64:duration=1:rate=5")
        kinds = {
            **dict.fromkeys(("wav", "aac", "mp3"), (*tone,)),
            **dict.fromkeys(("ts", "mp4", "mkv"), (*tone, *color)),
            **dict.fromkeys(("png", "jpg"), (*color, "-frames:v", "1", "-update", "1")),
        }
        made = []
        for kind in CANARIES:
            if kind in kinds:
                make = lambda path, told=kinds[kind]: ffmpeg(*told, str(path))
            else:
                make = lambda path: path.write_text("1\n00:00:00,000 --> 00:00:01,000\nthe canary's secret\n")
            made.append(self._made(f"canary.{kind}", make))
        for number in range(3):
            made.append(self._made(f"canary-{number:03d}.png", lambda path: shutil.copy(self._canary_png(), path)))
        return made

    def _canary_png(self) -> Path:
        return self.folder / "canary.png"

    def _speech(self) -> Path:
        def make(path: Path) -> None:
            from emo.data.synthetic.speech import SAMPLE_RATE, synthesize

            samples = synthesize(1, 1.0).waveform[: round(SECONDS * SAMPLE_RATE)]
            with wave.open(str(path), "wb") as file:
                file.setparams((1, 2, SAMPLE_RATE, len(samples), "NONE", ""))
                file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())

        return self._made("speech.wav", make)

    def _talker(self) -> Path:
        def make(path: Path) -> None:
            from made_videos import pasted, talker, write_video

            frames, sound, _ = talker()
            written = write_video(path.with_suffix(".mp4"), pasted(frames), sound)
            ffmpeg("-i", str(written), "-c:v", "ffv1", "-c:a", "pcm_s16le", str(path))
            written.unlink()

        return self._made("talker.mkv", make)

    def _made(self, name: str, make: Callable[[Path], object]) -> Path:
        """The file, made under another name by whoever comes first."""
        path = self.folder / name
        if not path.exists():
            with tempfile.TemporaryDirectory(dir=self.folder, prefix="making-") as folder:
                make(Path(folder) / name)
                os.replace(Path(folder) / name, path)
        return path


def ffmpeg(*arguments: str) -> None:
    command = [get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", "-bitexact", "-threads", "1", *arguments]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, f"{' '.join(command)}: {result.stderr}"
