from __future__ import annotations

import subprocess
import sys


def test_the_space_is_read_without_torch_ray_or_optuna() -> None:
    code = (
        "import sys, raypose.space as s; s.Space.parse('a: {choice: [1]}').default();"
        "print([m for m in ('torch', 'ray', 'optuna', 'pydantic', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_check_is_imported_without_torch_ray_or_optuna() -> None:
    code = "import sys, raypose.check; print([m for m in ('torch', 'ray', 'optuna') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
