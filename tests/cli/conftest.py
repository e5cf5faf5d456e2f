from types import SimpleNamespace

import pytest


@pytest.fixture
def cli(capsys, monkeypatch, tmp_path):
    """`cli("check", "space.yaml")` in an empty folder -> status, out, err."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*args):
        from raypose.cli import main

        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(arg) for arg in args])
        captured = capsys.readouterr()
        return SimpleNamespace(status=int(end.value.code or 0), out=captured.out, err=captured.err)

    return call
