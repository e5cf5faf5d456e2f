import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def made_up():
    """The module beside this one."""
    spec = importlib.util.spec_from_file_location("made_up", Path(__file__).with_name("made_up.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def view_of(made_up, tmp_path_factory):
    """`view_of(states, ...)` -> what figures look at, of an experiment made up so."""
    from raypose.reporting.experiment import load_experiment
    from raypose.reporting.report.view import View

    def view(*args, **kwargs):
        return View(load_experiment(made_up.make_experiment(tmp_path_factory.mktemp("made") / "up", *args, **kwargs)))

    return view
