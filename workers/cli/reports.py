"""Cells and items as `--json` reports them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from core.display.explained import explained
from core.jobs.comparison import Cell, DatasetRef, PictureRef
from core.store.manifest import Manifest
from core.store.store import Store, result_folder


def cell_report(
    cell: Cell, state: str, manifest: Manifest | None, store: Store, error: str | None = None
) -> dict[str, Any]:
    """A cell as `gazegrid run --json` prints it; `state`: cached, computed, undefined or failed.

    `reasons`: why a metric is null, by its name.
    """
    return {
        "key": cell.spec.key,
        "method": cell.method.name,
        "network": cell.spec.network_name,
        "picture": cell.row.name if isinstance(cell.row, PictureRef) else None,
        "state": state,
        "seconds": manifest.provenance.get("seconds") if manifest else None,
        "items": item_reports(manifest, store) if manifest else [],
        "metrics": manifest.metrics if manifest else {},
        "reasons": manifest.reasons if manifest else {},
        "explained": explained_report(manifest) if manifest else None,
        "error": error,
    } | ({"dataset": cell.row.name} if isinstance(cell.row, DatasetRef) else {})


def explained_report(manifest: Manifest) -> dict[str, Any] | None:
    """What the result explains: `name`, `index`, `selected_by` and `contrast_class`; None where it explains nothing."""
    explanation = explained(manifest)
    return asdict(explanation) if explanation else None


def item_reports(manifest: Manifest, store: Store) -> list[dict[str, Any]]:
    """Name, kind and path of each item, and the remark on a constant map.

    The path is None for an item that the manifest holds.
    """
    return [
        {
            "name": item.name,
            "kind": item.kind,
            "path": store.path_of(f"{result_folder(manifest.key)}/{item.files[0].name}") if item.files else None,
        }
        | ({"remark": item.meta["remark"]} if "remark" in item.meta else {})
        for item in manifest.items
    ]


def failed(reports: Iterable[Mapping[str, Any]]) -> bool:
    """Whether any cell failed."""
    return any(report["state"] == "failed" for report in reports)
