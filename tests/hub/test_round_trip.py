"""To the Hub and back, each side in a process of its own: equal weights, equal video, refusals in one line."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from hub_double import hub_double
from hub_session import session
from huggingface_hub import ModelCard
from PIL import Image
from tiny import noise

PUSH = """
pipe = tiny_pipeline()
result["weights"], result["video"] = weights(pipe), video(pipe)
result["address"] = pipe.push_to_hub("org/name", private=True)
tiny_pipeline(seed=1).push_to_hub("org/name", revision="other")
result["other"] = weights(tiny_pipeline(seed=1))
tiny_pipeline().to(torch.float16).push_to_hub("org/name", variant="fp16")
result["half"] = weights(tiny_pipeline().to(torch.float16))

pipe.save_pretrained("model")
result["push"] = command("push", "model", "org/folder", "--license", "mit", "--training-data", "Nobody's face.")
pipe.save_pretrained("sharded", max_shard_size="100KB")
result["sharded"] = command("push", "sharded", "org/sharded")
result["again"] = command("push", "model", "org/sharded", "--message", "in one piece")
result["proposed"] = command("push", "sharded", "org/folder", "--pull-request")

from huggingface_hub import upload_file
upload_file(path_or_fileobj=b"their words", path_in_repo="README.md", repo_id="org/sharded")
pipe.push_to_hub("org/sharded")
Path("model/README.md").write_text("my words")
result["own card"] = command("push", "model", "org/own")
Path("model/card.json").write_text("{")
result["damaged card"] = command("push", "model", "org/damaged")

Path("model/unet/optimizer.pt").write_bytes(b"")
refused = [("model", "org/pickle"), ("none", "org/none"), ("sharded", "others/name"), ("sharded", "a/b/c")]
result["refused"] = [command("push", *arguments) for arguments in refused]
"""

BY_CLASS = """
load = EMOPipeline.from_pretrained
pipe = load("org/name")
result["weights"], result["video"], result["dtypes"] = weights(pipe), video(pipe), dtypes(pipe)
half = load("org/name", variant="fp16", dtype=torch.float16)
result["half"], result["half dtypes"] = weights(half), dtypes(half)
result["dtype"] = dtypes(load("org/name", dtype=torch.bfloat16))
result["mapped"] = [weights(load("org/name", device_map=where)) for where in ("cpu", "balanced")]
result["local"] = weights(load("org/name", local_files_only=True))
result["other"] = [weights(load("org/name", revision="other")), weights(load("org/name@other"))]
result["sharded"] = weights(load("org/sharded"))
result["pull"] = command("pull", "org/folder", "--out", "pulled")
result["pulled"] = weights(load("pulled"))
result["pull again"] = command("pull", "org/folder", "--out", "pulled")
result["cached"] = command("pull", "org/folder@main")

card = Path("card.md").read_text()
python, shell = (card.split(f"```{language}\\n")[1].split("```")[0] for language in ("python", "sh"))
exec(python)
Path("talking.mp4").rename("by_python.mp4")
import shlex
[line] = shell.splitlines()
result["shell"] = command(*shlex.split(line)[1:], "--dtype", "float32")  # whatever this CPU is best at
from emo import read_origin
result["origins"] = [read_origin(name) for name in ("by_python.mp4", "talking.mp4")]

Path("full").mkdir()
Path("full/kept").touch()
refused = ["org/none", "org/name@none", "org/pickle", "org/gated", "org/empty", "org"]
result["refused"] = {name: command("pull", name, "--out", f"of {name.replace('/', ' ')}") for name in refused}
result["full"] = command("pull", "org/folder", "--out", "full")
result["generate"] = command("generate", "portrait.png", "speech.wav", "-o", "a.mp4", "--model", "org/none")
result["errors"] = {name: refusal(load, name) for name in refused}
result["not cached"] = refusal(load, "org/half", local_files_only=True)
"""

WITHOUT_EMO = """
import os, sys
from pathlib import Path
from diffusers import DiffusionPipeline
try:
    DiffusionPipeline.from_pretrained("org/name")
except ValueError as error:
    without = str(error), [str(path) for path in Path(os.environ["HF_MODULES_CACHE"]).rglob("pipeline.py")]
assert "emo" not in sys.modules
pipe = DiffusionPipeline.from_pretrained("org/name", trust_remote_code=True)
"""

GENERIC = """
load = lambda name, **options: DiffusionPipeline.from_pretrained(name, trust_remote_code=True, **options)
result["without the flag"] = without
result["class"] = type(pipe).__name__
result["weights"], result["video"], result["dtypes"] = weights(pipe), video(pipe), dtypes(pipe)
half = load("org/name", variant="fp16", dtype=torch.float16)
result["half"], result["half dtypes"] = weights(half), dtypes(half)
result["local"] = weights(load("org/name", local_files_only=True))
result["other"] = weights(load("org/name", revision="other"))
result["mapped"] = weights(load("org/name", device_map="cpu"))
result["sharded"] = weights(load("org/sharded"))

del os.environ["HF_TOKEN"]
result["private"] = refusal(EMOPipeline.from_pretrained, "org/name")
tiny_pipeline().save_pretrained("model")
result["push"] = command("push", "model", "org/new")
import huggingface_hub
huggingface_hub.constants.ENDPOINT = huggingface_hub.hf_api.api.endpoint = "http://127.0.0.1:9"  # nobody listens
result["no network"] = [command("pull", "org/folder", "--out", "out"), command("push", "model", "org/new")]
result["no network, cached"] = weights(EMOPipeline.from_pretrained("org/sharded"))
"""


@pytest.fixture(scope="module")
def hub():
    with hub_double() as double:
        yield double


@pytest.fixture(scope="module")
def pushed(hub, tmp_path_factory):
    """What the pushing process says, with the folder it worked in."""
    folder = tmp_path_factory.mktemp("push")
    return SimpleNamespace(folder=folder, **session(PUSH, hub, folder / "home", folder))


@pytest.fixture(scope="module")
def loaded(hub, pushed, tmp_path_factory, portrait):
    """What the loading process says."""
    folder = tmp_path_factory.mktemp("load")
    Image.fromarray(portrait).save(folder / "portrait.png")
    soundfile.write(folder / "speech.wav", *noise(0.2))
    repositories = hub.repositories
    (folder / "card.md").write_bytes(repositories["org/folder"].files["README.md"])
    for name in ("org/pickle", "org/gated", "org/empty"):
        repositories[name] = type(repositories["org/folder"])(private=False)
    repositories["org/gated"].gated = True
    whole = repositories["org/folder"].files
    repositories["org/pickle"].commit({**whole, "vae/diffusion_pytorch_model.BIN": b"\x80\x04."}, "main")
    return SimpleNamespace(folder=folder, **session(BY_CLASS, hub, folder / "home", folder))


def same_video(first, second):
    """To what addition in another order may change."""
    np.testing.assert_allclose(np.load(first), np.load(second), atol=1e-6)


def test_equal_weights_and_equal_video(pushed, loaded):
    assert loaded.weights == pushed.weights
    same_video(loaded.video, pushed.video)
    assert loaded.dtypes == ["torch.float32"]
    assert pushed.address.startswith("http://127.0.0.1")


def test_variant_precision_device_revision_and_cache(pushed, loaded):
    assert (loaded.half, getattr(loaded, "half dtypes")) == (pushed.half, ["torch.float16"])
    assert loaded.half != loaded.weights
    assert loaded.dtype == ["torch.bfloat16"]
    assert loaded.mapped == [pushed.weights] * 2
    assert loaded.local == pushed.weights
    assert loaded.other == [pushed.other] * 2
    assert pushed.other != pushed.weights


@pytest.fixture(scope="module")
def generic(hub, pushed, tmp_path_factory):
    """What the process says that loads by diffusers' class, and then loses token and network."""
    folder = tmp_path_factory.mktemp("generic")
    return session(GENERIC, hub, folder / "home", folder, first=WITHOUT_EMO)


def test_by_diffusers_own_class(pushed, generic):
    """Its code runs with the flag alone."""
    found = generic
    message, modules = found["without the flag"]
    assert "trust_remote_code" in message
    assert modules == []
    assert found["class"] == "EMOPipeline"
    assert found["weights"] == pushed.weights
    same_video(found["video"], pushed.video)
    assert (found["dtypes"], found["half dtypes"]) == (["torch.float32"], ["torch.float16"])
    assert found["half"] == pushed.half
    assert found["local"] == found["mapped"] == found["sharded"] == pushed.weights
    assert found["other"] == pushed.other


def test_what_the_repository_holds(hub, pushed):
    repository = hub.repositories["org/name"]
    assert repository.private
    kinds = {path.rpartition(".")[2] for path in repository.files}
    assert kinds == {"gitattributes", "json", "md", "py", "safetensors"}
    assert "unet/diffusion_pytorch_model.fp16.safetensors" in repository.files
    assert "unet/diffusion_pytorch_model.safetensors" in repository.files
    for path in sorted((pushed.folder / "sharded").rglob("*.json")):
        assert str(pushed.folder) not in path.read_text()
    assert pushed.push[0] == pushed.sharded[0] == pushed.again[0] == 0
    assert re.fullmatch(r"model: http://127.0.0.1:\d+/org/folder/commit/\w+\n", pushed.push[1])
    assert pushed.push[2] == ""


def test_old_shards_do_not_stay_behind(hub, pushed, loaded):
    files = hub.repositories["org/sharded"].files
    assert [path for path in files if "-of-" in path or ".safetensors.index" in path] == []
    assert any("-of-" in path for commit in hub.repositories["org/sharded"].commits.values() for path in commit)
    assert loaded.sharded == pushed.weights


def test_pull_makes_a_folder_that_loads(pushed, loaded):
    status, out, err = loaded.pull
    assert (status, err) == (0, "")
    assert re.fullmatch(r"pulled: [\d.]+ MiB\n", out)
    assert loaded.pulled == pushed.weights
    assert getattr(loaded, "pull again")[0] == 0
    status, out, _ = loaded.cached
    assert status == 0
    assert "snapshots" in out
    assert loaded.full[0] == 2
    assert "full exists already" in loaded.full[2]


def test_the_card_tells_of_the_model_and_its_snippets_run_as_printed(hub, pushed, loaded):
    card = hub.repositories["org/folder"].files["README.md"].decode()
    assert ModelCard(card).data.license == "mit"
    assert "Nobody's face." in card
    assert "| `unet` | BackboneUNet |" in card
    assert loaded.shell[0] == 0, loaded.shell
    assert "talking.mp4: 5 frames" in loaded.shell[1]
    by_python, by_shell = loaded.origins
    commit = hub.repositories["org/folder"].refs["main"]
    for origin in (by_python, by_shell):
        assert (origin["model"]["name"], origin["model"]["revision"]) == ("org/folder", commit)
    assert by_python["model"] == by_shell["model"]
    assert (by_python["seed"], by_python["options"]) == (by_shell["seed"], by_shell["options"])


def test_a_fp16_variant_keeps_the_card_of_both(hub, pushed):
    card = hub.repositories["org/name"].files["README.md"].decode()
    assert 'Weights: safetensors, others, float16 as `variant="fp16"`' in card
    assert 'from_pretrained("org/name")' in card


def test_a_card_of_somebodys_own_stays(hub, pushed):
    assert hub.repositories["org/sharded"].files["README.md"] == b"their words"
    assert hub.repositories["org/own"].files["README.md"] == b"my words"


def test_a_pull_request_changes_nothing_yet(hub, pushed):
    status, out, _ = pushed.proposed
    assert (status, out.strip().rpartition("/org/folder/")[2]) == (0, "discussions/1")
    repository = hub.repositories["org/folder"]
    assert not [path for path in repository.files if "-of-" in path]
    assert [path for path in repository.commits[repository.refs["refs/pr/1"]] if "-of-" in path]


def test_what_push_refuses(hub, pushed):
    pickle, missing, foreign, misnamed = pushed.refused
    for (status, out, err), words in zip(
        (pickle, missing, foreign, misnamed),
        (["optimizer.pt", "pickle"], ["none", "no such folder"], ["others/name", "write"], ["a/b/c", "org/name"]),
        strict=True,
    ):
        assert (status, out) == (2, "")
        assert err.count("\n") == 1
        assert all(word in err for word in words), err
    status, _, err = getattr(pushed, "damaged card")
    assert status == 2
    assert "card.json" in err
    assert not {"org/none", "org/damaged", "others/name"} & set(hub.repositories)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("org/none", ["no such repository", "hf auth login"]),
        ("org/name@none", ["no such revision"]),
        ("org/pickle", ["vae/diffusion_pytorch_model.BIN", "pickle"]),
        ("org/gated", ["terms", "/org/gated"]),
        ("org/empty", ["model_index.json"]),
        ("org", ["org"]),
    ],
)
def test_what_pull_and_loading_refuse(loaded, name, words):
    status, out, err = loaded.refused[name]
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert all(word in err for word in words), err
    kind, message = loaded.errors[name]
    assert kind in ("HubError", "WeightsError")
    assert all(word in message for word in words), message
    assert not (loaded.folder / f"of {name.replace('/', ' ')}").exists()


def test_generate_names_a_missing_repository(loaded):
    status, _, err = loaded.generate
    assert status == 2
    assert "org/none: there is no such repository" in err


def test_what_is_not_cached_is_said(loaded):
    kind, message = getattr(loaded, "not cached")
    assert kind == "HubError"
    assert "local cache" in message


def test_a_stranger(generic):
    assert generic["private"][0] == "HubError"
    assert "private" in generic["private"][1]
    status, _, err = generic["push"]
    assert status == 2
    assert "hf auth login" in err
    assert err.count("\n") == 1


def test_no_network(pushed, generic):
    for status, _, err in generic["no network"]:
        assert status == 2
        assert "cannot be reached" in err
        assert err.count("\n") == 1
    assert generic["no network, cached"] == pushed.weights


def test_pickles_never_travel(hub, loaded):
    assert "org/pickle" in " ".join(hub.requests)
    assert [line for line in hub.requests if ".BIN" in line or ".pt" in line] == []
