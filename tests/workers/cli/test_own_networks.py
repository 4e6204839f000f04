"""A network that timm exported, through the command line: the score of its prediction is timm's logit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from timm.data import create_transform, resolve_data_config
from timm.models import save_for_hf

from core.items import png_bytes
from core.settings import get_settings
from tests.workers.cli.conftest import Gazegrid

EXPORTS: dict[str, tuple[str, dict[str, Any]]] = {
    "mein Netz": ("test_resnet", {}),
    "Käse (2)": ("vit_tiny_patch16_224", {"img_size": 96, "depth": 2, "embed_dim": 48}),
    "vit without arguments": ("vit_tiny_patch16_224", {"img_size": 96}),
    "mixer without arguments": ("gmlp_ti16_224", {"img_size": 64}),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_the_score_of_a_run_is_the_logit_that_timm_gives(gazegrid: Gazegrid, tmp_path: Path, name: str) -> None:
    architecture, arguments = EXPORTS[name]
    folder = get_settings().home / "networks" / "local" / name
    save_for_hf(timm.create_model(architecture, num_classes=9, **arguments), str(folder), safe_serialization=True)
    if "without arguments" in name:
        config = json.loads((folder / "config.json").read_text())
        del config["model_args"]
        (folder / "config.json").write_text(json.dumps(config))
    photo = tmp_path / "photo.png"
    photo.write_bytes(png_bytes(np.random.default_rng(0).integers(0, 256, (130, 200, 3), np.uint8)))
    reference = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    transform = create_transform(**resolve_data_config(model=reference))
    with torch.no_grad():
        logits = reference(transform(Image.open(photo)).unsqueeze(0))[0]
    status, out, _ = gazegrid(
        "run", "saliency", "--networks", f"local/{name}", "--pictures", str(photo), "--inline", "--json"
    )
    (report,) = json.loads(out)
    assert (status, report["state"]) == (0, "computed")
    assert report["explained"]["index"] == int(logits.argmax())
    assert report["metrics"]["score"] == pytest.approx(float(logits.max()), abs=1e-5)
