"""A home of its own for each test, a hub on this machine, and small networks written to files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import huggingface_hub.constants
import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from core.media.picture import Picture
from core.settings import get_settings

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder as `settings.home`."""
    monkeypatch.setenv("GAZEGRID_HOME", str(tmp_path / "home"))
    get_settings.cache_clear()
    yield tmp_path / "home"
    get_settings.cache_clear()


@pytest.fixture
def picture() -> Picture:
    """Smooth colors and fine noise, wider than high."""
    random = np.random.default_rng(0)
    return Picture.from_pixels(random.integers(0, 256, (210, 300, 3), dtype=np.uint8))


WriteNetwork = Callable[..., Path]


@pytest.fixture
def write_network() -> WriteNetwork:
    """Writes timm's smallest ResNet with ten classes to a folder; keywords change its configuration."""

    def write(folder: Path, **changes: Any) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(1)
        save_file(timm.create_model("test_resnet", num_classes=10).state_dict(), folder / "model.safetensors")
        described = {"input_size": [3, 96, 96], "mean": [0.5] * 3, "std": [0.25] * 3, "crop_pct": 1.0}
        config = {"architecture": "test_resnet", "num_classes": 10, "pretrained_cfg": described} | changes
        (folder / "config.json").write_text(json.dumps(config))
        return folder

    return write


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose `owner/name/file` a server gives out as the Hugging Face hub would."""
    folder = tmp_path / "hub"
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(folder))
    Thread(target=server.serve_forever, daemon=True).start()
    point_hub_at(monkeypatch, f"http://127.0.0.1:{server.server_port}")
    yield folder
    server.shutdown()
    server.server_close()


def point_hub_at(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Let the hub's client ask `address`, in this process, whatever the environment says."""
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)


def _handler(folder: Path) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            owner, name, _resolve, revision, file = self.path.strip("/").split("/")
            path = folder / owner / name / file
            if not path.is_file() or revision not in {"main", "v1", COMMIT}:
                self.send_response(404)
                self.send_header("X-Error-Code", "RepoNotFound" if not path.parent.is_dir() else "EntryNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            content = path.read_bytes()
            self.send_response(200)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{len(content):040x}"')
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Keep the tests' output clean."""

    return Handler
