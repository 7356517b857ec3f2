"""A small Hugging Face Hub on loopback: repositories in memory, with the routes that a push and a pull need."""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

TOKEN = "hf_dummytokenoftests"
LFS_FROM = 4096  # bytes from which a file travels by LFS, or at once where its name says so


class Repository:
    """One repository: commits as {path: content}, and names (branches, tags) of commits."""

    def __init__(self, private: bool):
        self.private, self.gated = private, False
        self.commits: dict[str, dict[str, bytes]] = {}
        self.refs: dict[str, str] = {}
        self.commit({".gitattributes": b"*.safetensors filter=lfs\n"}, "main")

    def commit(self, files: dict[str, bytes], ref: str) -> str:
        sha = hashlib.sha1(f"{len(self.commits)}{sorted(files)}".encode()).hexdigest()
        self.commits[sha] = files
        self.refs[ref] = sha
        return sha

    @property
    def files(self) -> dict[str, bytes]:
        """What `main` holds."""
        return self.commits[self.refs["main"]]


class HubDouble:
    """The server's state. `requests` logs `METHOD path` of every request that came."""

    def __init__(self, address: str):
        self.address = address
        self.repositories: dict[str, Repository] = {}
        self.blobs: dict[str, bytes] = {}
        self.requests: list[str] = []

    def environment(self, home: object) -> dict[str, str]:
        """What a fresh process needs to take this for the Hub."""
        return {
            "HF_ENDPOINT": self.address,
            "HF_HOME": str(home),
            "HF_TOKEN": TOKEN,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_MODULES_CACHE": str(home) + "/modules",
        }


@contextmanager
def hub_double() -> Iterator[HubDouble]:
    """A running Hub."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.hub = HubDouble(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.hub
    finally:
        server.shutdown()
        server.server_close()


class _Refused(Exception):
    def __init__(self, status: int, code: str | None = None, message: str = "", **more: str):
        self.status, self.code, self.message, self.more = status, code, message, more


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer()

    do_GET = do_POST = do_PUT = do_HEAD

    def answer(self):
        self.path = unquote(self.path)
        self.hub: HubDouble = self.server.hub
        self.hub.requests.append(f"{self.command} {self.path}")
        self.body = self.read_body()
        try:
            for method, pattern, name in ROUTES:
                found = re.fullmatch(pattern, urlsplit(self.path).path)
                if self.command in method.split() and found:
                    return getattr(self, name)(**found.groupdict())
            raise _Refused(404, "EntryNotFound", f"no route for {self.command} {self.path}")
        except _Refused as refused:
            headers = {"X-Error-Code": refused.code, "X-Error-Message": refused.message}
            self.send(json.dumps({"error": refused.message, **refused.more}).encode(), refused.status, headers)

    def read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def send(self, content: bytes = b"", status: int = 200, headers: dict | None = None):
        self.send_response(status)
        for key, value in ({"Content-Length": len(content)} | (headers or {})).items():
            if value is not None:
                self.send_header(key, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def send_json(self, value: object):
        self.send(json.dumps(value).encode(), headers={"Content-Type": "application/json"})

    # Who may do what.

    @property
    def known(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def may_write(self):
        if not self.known:
            raise _Refused(401, message="Invalid username or password.")

    def repository(self, repo: str) -> Repository:
        found = self.hub.repositories.get(repo)
        if found is None or (found.private and not self.known):
            raise _Refused(404 if self.known else 401, "RepoNotFound", "Repository not found")
        if found.gated:
            raise _Refused(403, "GatedRepo", f"Access to model {repo} is restricted")
        return found

    def commit_of(self, repo: str, revision: str) -> tuple[str, dict[str, bytes]]:
        repository = self.repository(repo)
        sha = repository.refs.get(revision, revision)
        if sha not in repository.commits:
            raise _Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return sha, repository.commits[sha]

    # Routes.

    def create(self):
        self.may_write()
        asked = json.loads(self.body)
        repo = "/".join(filter(None, [asked.get("organization"), asked["name"]]))
        if repo.startswith("others/"):
            raise _Refused(403, message='You don\'t have the rights to create a model under the namespace "others"')
        if repo in self.hub.repositories:
            raise _Refused(409, message="You already created this model repo", url=f"{self.hub.address}/{repo}")
        self.hub.repositories[repo] = Repository(asked.get("private") or asked.get("visibility") == "private")
        self.send_json({"url": f"{self.hub.address}/{repo}", "name": repo})

    def branch(self, repo: str, name: str):
        self.may_write()
        repository = self.repository(repo)
        if name in repository.refs:
            raise _Refused(409, message="Reference already exists")
        repository.refs[name] = repository.refs["main"]
        self.send_json({})

    def preupload(self, repo: str, revision: str):
        self.may_write()
        self.commit_of(repo, revision)
        mode = lambda f: "lfs" if f["size"] > LFS_FROM or f["path"].endswith(".safetensors") else "regular"
        files = json.loads(self.body)["files"]
        answers = [{"path": f["path"], "uploadMode": mode(f), "shouldIgnore": False} for f in files]
        self.send_json({"files": answers})

    def lfs_batch(self, repo: str):
        self.may_write()
        self.repository(repo)
        objects = []
        for asked in json.loads(self.body)["objects"]:
            upload = {"href": f"{self.hub.address}/lfs/{asked['oid']}", "header": {}}
            objects.append(asked if asked["oid"] in self.hub.blobs else asked | {"actions": {"upload": upload}})
        self.send_json({"transfer": "basic", "objects": objects})

    def lfs_put(self, oid: str):
        if hashlib.sha256(self.body).hexdigest() != oid:
            raise _Refused(400, message="the content is not what its name says")
        self.hub.blobs[oid] = self.body
        self.send()

    def commit(self, repo: str, revision: str):
        self.may_write()
        files = dict(self.commit_of(repo, revision)[1])
        for line in map(json.loads, self.body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.hub.blobs[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        proposed = "create_pr=1" in self.path
        sha = self.repository(repo).commit(files, "refs/pr/1" if proposed else revision)
        answer = {"commitUrl": f"{self.hub.address}/{repo}/commit/{sha}", "commitOid": sha, "success": True}
        if proposed:
            answer["pullRequestUrl"] = f"{self.hub.address}/{repo}/discussions/1"
        self.send_json(answer)

    def info(self, repo: str, revision: str = "main"):
        sha, files = self.commit_of(repo, revision)
        siblings = [{"rfilename": path} for path in sorted(files)]
        repository = self.repository(repo)
        more = {"private": repository.private, "tags": [], "siblings": siblings, "downloads": 0, "likes": 0}
        self.send_json({"_id": "0", "id": repo, "modelId": repo, "sha": sha} | more)

    def tree(self, repo: str, revision: str):
        _, files = self.commit_of(repo, revision)
        rows = []
        for path, content in sorted(files.items()):
            row = {"type": "file", "path": path, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
            if (oid := hashlib.sha256(content).hexdigest()) in self.hub.blobs:
                row["lfs"] = {"oid": oid, "size": len(content), "pointerSize": 130}
            rows.append(row)
        self.send_json(rows)

    def resolve(self, repo: str, revision: str, path: str):
        sha, files = self.commit_of(repo, revision)
        if path not in files:
            raise _Refused(404, "EntryNotFound", f"{path} does not exist")
        content = files[path]
        self.send(content, headers={"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": sha})

    def validate(self):
        self.send_json({"errors": [], "warnings": []})

    def harnesses(self):
        self.send_json({})


REPO = r"(?P<repo>[\w.-]+/[\w.-]+)"
ROUTES = (
    ("POST", r"/api/repos/create", "create"),
    ("POST", r"/api/validate-yaml", "validate"),
    ("POST", rf"/api/models/{REPO}/branch/(?P<name>.+)", "branch"),
    ("POST", rf"/api/models/{REPO}/preupload/(?P<revision>.+)", "preupload"),
    ("POST", rf"/api/models/{REPO}/commit/(?P<revision>.+)", "commit"),
    ("POST", rf"/{REPO}\.git/info/lfs/objects/batch", "lfs_batch"),
    ("PUT", r"/lfs/(?P<oid>\w+)", "lfs_put"),
    ("GET", rf"/api/models/{REPO}", "info"),
    ("GET", rf"/api/models/{REPO}/revision/(?P<revision>.+)", "info"),
    ("GET", rf"/api/models/{REPO}/tree/(?P<revision>[^/]+)", "tree"),
    ("GET HEAD", rf"/{REPO}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", "resolve"),
    ("GET", r"/api/agent-harnesses", "harnesses"),
)
