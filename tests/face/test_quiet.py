import subprocess
import sys

import pytest

USE = """
import sys
from emo.face import FaceDetector
from skimage.data import astronaut
detector = FaceDetector()
for size in ((slice(None), slice(None)), (slice(0, 300), slice(0, 500))):
    assert len(detector.detect(astronaut()[size].copy())) == 1
{end}
print("done")
"""


@pytest.mark.parametrize("end", ["", "detector.close()"])
def test_nothing_reaches_the_terminal_until_the_interpreters_exit(end):
    run = subprocess.run([sys.executable, "-c", USE.format(end=end)], capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "done\n", "")


def run(code: str) -> tuple[str, str]:
    head = "import os, sys, threading\nfrom emo.face import quiet_stderr\n"
    done = subprocess.run([sys.executable, "-c", head + code], capture_output=True, text=True, check=True)
    return done.stdout, done.stderr


def test_silences_the_descriptor_inside_the_block_only():
    code = "sys.stderr.write('a'); os.write(2, b'b')\nwith quiet_stderr(): os.write(2, b'c')\nos.write(2, b'd')"
    assert run(code) == ("", "abd")


def test_exceptions_pass_and_the_descriptor_comes_back():
    code = "try:\n    with quiet_stderr(): raise KeyError\nexcept KeyError: os.write(2, b'seen')"
    assert run(code) == ("", "seen")


def test_threads_and_nesting_do_not_leave_the_process_mute():
    code = """
entered, leave = threading.Event(), threading.Event()
def other():
    with quiet_stderr(), quiet_stderr():
        entered.set()
        leave.wait(5)
thread = threading.Thread(target=other)
with quiet_stderr():
    thread.start()
    entered.wait(0.3)
leave.set()  # the other thread's block ends after this one's
thread.join()
os.write(2, b'end')
"""
    assert run(code) == ("", "end")


@pytest.mark.parametrize("close", ["os.close(2)", "sys.stderr = None", "sys.stderr.close()"])
def test_works_without_a_stderr(close):
    assert run(f"{close}\nwith quiet_stderr(): print('inside')\nprint('after')")[0] == "inside\nafter\n"


def test_importing_the_package_is_light():
    code = "import emo.face; print([m for m in ('cv2', 'mediapipe', 'torch', 'matplotlib') if m in sys.modules])"
    assert run(code) == ("[]\n", "")
