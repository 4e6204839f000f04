"""Weights from the Hugging Face hub: fetched once into `home`/networks, safetensors and JSON only."""

from __future__ import annotations

from pathlib import Path

import httpx2
import huggingface_hub
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, OfflineModeIsEnabled

from core.errors import NetworkUnavailable
from core.networks.card import NetworkCard
from core.networks.folders import HUB_NAME, hub_card, hub_files
from core.settings import get_settings

REPLY_TIMEOUT_S = 4.0
"""Seconds without a reply after which the hub counts as unreachable."""
WEIGHTS = "model.safetensors"


def fetch(name: str) -> NetworkCard:
    """The card of `hub/owner/name@revision`, which is fetched to this machine if it is not here.

    Raises UnknownNetwork for another name, NetworkUnavailable where its files cannot be fetched or used.
    """
    files = hub_files(name)
    parts = HUB_NAME.fullmatch(name)
    if parts is not None and not files.config.is_file():
        repository = f"{parts['owner']}/{parts['repo']}"
        for file in (files.weights, files.config):  # the configuration last: it marks the network as complete
            fetch_file(name, repository, parts["revision"], file)
    return hub_card(name)


def timm_weights(tag: str) -> Path:
    """The safetensors file of timm's weights `arch.tag`, fetched on first use. Raises NetworkUnavailable."""
    file = get_settings().home / "networks" / "timm" / tag / WEIGHTS
    if not file.is_file():
        fetch_file(f"timm/{tag}", f"timm/{tag}", "main", file)
    return file


def fetch_file(name: str, repository: str, revision: str, file: Path) -> None:
    """Fetch the file of this name from a repository of the hub. Raises NetworkUnavailable within seconds.

    The hub's client retries a failed first request for minutes, so a single request is made before.
    """
    try:
        url = huggingface_hub.hf_hub_url(repository, file.name, revision=revision)
        commit = huggingface_hub.get_hf_file_metadata(url, timeout=REPLY_TIMEOUT_S).commit_hash
        huggingface_hub.hf_hub_download(repository, file.name, revision=commit or revision, local_dir=file.parent)
    except EntryNotFoundError:
        raise NetworkUnavailable(f"{name} has no file {file.name} at revision {revision} on the hub") from None
    except HfHubHTTPError as error:
        status = error.response.status_code
        raise NetworkUnavailable(
            f"the hub refuses {name} (HTTP status {status}): check the name, and whether its license needs consent"
        ) from None
    except OfflineModeIsEnabled:
        raise NetworkUnavailable(
            f"{name} is not on this machine, and HF_HUB_OFFLINE is set: unset it once to fetch the weights to {file}"
        ) from None
    except (httpx2.HTTPError, OSError):
        raise NetworkUnavailable(
            f"{name} is not on this machine, and the hub cannot be reached: connect once, or copy its {file.name} "
            f"to {file.parent}"
        ) from None
