from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
import dashboard.app, dashboard.panel.panel, dashboard.grid.details, dashboard.grid.live
import dashboard.views.training_curves, dashboard.views.recent, dashboard.views.sharing
heavy = sorted({name.partition(".")[0] for name in sys.modules} & {"torch", "torchvision", "timm", "workers"})
print(",".join(heavy) or "none")
"""


def test_the_dashboard_starts_without_torch() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "none"
