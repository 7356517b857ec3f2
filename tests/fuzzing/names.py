"""Names that files may have on a disk, and that programs stumble over."""

import random

WORDS = (
    *("sträße", "日本語の声", "🎤 song", "é", "e\u0301", "\u202egnp.exe", "a\u200bb", "ﷺ" * 10),
    *(" ", "  two  spaces ", "a\tb", "a\nb", "a\rb", "a\x1b[31mred", "bell\x07", "\x7f"),
    *("-o", "--help", "-", "-i", "--resume", "@file", "~", "$HOME", "`id`", "$(id)", ";id", "a&b", "a|b", "a>b"),
    *(
        "it's",
        'quo"te',
        "back\\slash",
        "a:b",
        "c:",
        "%d",
        "canary-%03d",
        "canary-*",
        "[a]",
        "{a,b}",
        "a?b",
        "#a",
        "a=b",
    ),
    *("file:a", "http:a", "concat:a|b", "pipe:0", "data:,a", "subfile,,start,0,end,1,,:a", "lavfi:sine", "-.mp4.part"),
    *("a=b", "x" * 200, "x" * 240, "é" * 120, "a" * 255, "nul", "con", ".hidden", "..dots..", "a.tar.gz", "trailing."),
    *("bad\udcff", "\udce9t\udce9", "\udc80", "half\udced\udca0"),  # bytes that are not UTF-8
)


def odd_name(rng: random.Random, suffix: str) -> str:
    """A name with this ending that fits a file system's 255 bytes."""
    stem = rng.choice(WORDS)
    room = 255 - len(suffix.encode())
    return stem.encode("utf-8", "surrogateescape")[:room].decode("utf-8", "surrogateescape") + suffix
