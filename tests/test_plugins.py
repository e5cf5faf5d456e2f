from __future__ import annotations

import inspect
import subprocess
import sys
import traceback

import pytest

from raypose.errors import RayPoseError
from raypose.plugins import keep_plugins, load_plugins
from raypose.plugins.loading import PREFIX
from raypose.registry import LOSSES, METRICS, REGISTRIES

CODE = """
from raypose import LOSSES
@LOSSES.register_module()
class PluginLoss:
    value = {value}
    def fail(self):
        raise ArithmeticError("in the plugin")
"""


@pytest.fixture(autouse=True)
def clean():
    before = set(sys.modules)
    yield
    new = {name for name in set(sys.modules) - before if name.startswith((PREFIX, "mine_"))}
    for name in new:
        del sys.modules[name]
    for registry in REGISTRIES.values():
        registry.remove(lambda component: getattr(component, "__module__", "") in new)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def loaded():
    return sorted(name for name in sys.modules if name.startswith((f"{PREFIX}my_modules_", f"{PREFIX}mod_")))


def test_a_file_registers_its_components_once(tmp_path):
    file = write(tmp_path / "my_modules.py", CODE.format(value=1))
    load_plugins([file])
    component = LOSSES.get("PluginLoss")
    assert component.value == 1
    assert component.__module__.startswith(f"{PREFIX}my_modules_")
    load_plugins([file, file])
    assert LOSSES.get("PluginLoss") is component
    assert not (tmp_path / "__pycache__").exists()


def test_a_changed_file_replaces_its_older_version_and_may_change_back(tmp_path):
    file = tmp_path / "my_modules.py"
    for value in (1, 2, 1):
        load_plugins([write(file, CODE.format(value=value))])
        assert LOSSES.get("PluginLoss").value == value
        assert len(loaded()) == 1
    load_plugins([write(file, "")])
    assert "PluginLoss" not in LOSSES


def test_files_of_the_same_name_in_different_folders_live_side_by_side(tmp_path):
    one = write(tmp_path / "a" / "mod.py", CODE.format(value=1))
    two = write(tmp_path / "b" / "mod.py", CODE.format(value=2).replace("PluginLoss", "OtherLoss"))
    load_plugins([one, two])
    assert (LOSSES.get("PluginLoss").value, LOSSES.get("OtherLoss").value) == (1, 2)
    copies = keep_plugins([one, two], tmp_path / "kept")
    load_plugins(copies)
    load_plugins(copies)
    assert len(loaded()) == 2


def test_tracebacks_and_sources_name_the_users_file(tmp_path):
    file = write(tmp_path / "my_modules.py", CODE.format(value=1))
    load_plugins([file])
    component = LOSSES.get("PluginLoss")
    assert "class PluginLoss" in inspect.getsource(component)
    with pytest.raises(ArithmeticError) as caught:
        component().fail()
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (last.filename, last.lineno) == (file, 7)
    assert last.line == 'raise ArithmeticError("in the plugin")'


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a = 1\nb = (\n", 2, "was never closed"),
        ("a = 1\n\nraise ValueError('no good')\n", 3, "plugin: ValueError: no good"),
        ("def f():\n    return 1 / 0\nf()\n", 2, "plugin: ZeroDivisionError: division by zero"),
        ("import json\njson.loads('{')\n", 2, "plugin: JSONDecodeError"),
        ("import no_such_module\n", 1, "plugin: ModuleNotFoundError: No module named 'no_such_module'"),
        ("from raypose import METRICS\nMETRICS.register_module(module=METRICS.get('PCK'))\n", 2, "already registered"),
    ],
)
def test_a_plugin_that_raises_is_told_with_its_own_line(tmp_path, text, line, message):
    file = write(tmp_path / "broken.py", text)
    with pytest.raises(RayPoseError, match=message) as caught:
        load_plugins([file])
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == (file, line)


def test_what_a_broken_plugin_registered_is_forgotten(tmp_path):
    file = tmp_path / "my_modules.py"
    with pytest.raises(RayPoseError):
        load_plugins([write(file, CODE.format(value=1) + "1 / 0")])
    assert "PluginLoss" not in LOSSES
    assert loaded() == []
    load_plugins([write(file, CODE.format(value=1))])
    assert "PluginLoss" in LOSSES


@pytest.mark.parametrize("load", [load_plugins, lambda names: keep_plugins(names, "kept")])
def test_a_missing_file(tmp_path, load):
    with pytest.raises(RayPoseError, match=r"plugin .*nothing\.py: there is no such file"):
        load([str(tmp_path / "nothing.py")])


@pytest.mark.parametrize("name", ["mine_nowhere", "mine_nowhere.losses"])
def test_a_missing_module(name):
    with pytest.raises(RayPoseError, match=f"there is no module '{name}'; install it, or"):
        load_plugins([name])


def test_a_module_is_imported_under_its_name(tmp_path, monkeypatch):
    write(tmp_path / "mine_package" / "__init__.py", "")
    write(tmp_path / "mine_package" / "losses.py", CODE.format(value=5))
    write(tmp_path / "mine_package" / "bad.py", "x = 1\nint('a')\n")
    monkeypatch.syspath_prepend(tmp_path)
    load_plugins(["mine_package.losses"])
    assert LOSSES.get("PluginLoss").__module__ == "mine_package.losses"
    with pytest.raises(RayPoseError, match="invalid literal") as caught:
        load_plugins(["mine_package.bad"])
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == (str(tmp_path / "mine_package" / "bad.py"), 2)
    assert keep_plugins(["mine_package.losses"], tmp_path / "kept") == ["mine_package.losses"]


def test_kept_plugins_are_copies_under_a_hash_that_load_the_same(tmp_path):
    file = write(tmp_path / "my_modules.py", CODE.format(value=1))
    load_plugins([file])
    first = keep_plugins([file, "json", "numpy", "yaml.nodes"], tmp_path / "kept")
    assert first[1:] == ["json", "numpy", "yaml.nodes"]
    assert first == keep_plugins([file, "json", "numpy", "yaml.nodes"], tmp_path / "kept")
    (copy,) = (tmp_path / "kept").rglob("*.*")
    assert str(copy) == first[0]
    assert copy.name == "my_modules.py"
    assert copy.read_text() == CODE.format(value=1)
    component = LOSSES.get("PluginLoss")
    load_plugins(first)  # the same content is the same plugin
    assert LOSSES.get("PluginLoss") is component
    write(tmp_path / "my_modules.py", CODE.format(value=2))
    second = keep_plugins([file], tmp_path / "kept")
    assert second[0] != first[0]
    assert len(list((tmp_path / "kept").iterdir())) == 2
    for names, value in ((second, 2), (first[:1], 1)):  # one version follows the other, as with the file itself
        load_plugins(names)
        assert LOSSES.get("PluginLoss").value == value


def test_a_single_module_that_is_not_installed_is_kept_and_not_loaded_twice(tmp_path, monkeypatch):
    write(tmp_path / "mine_single.py", CODE.format(value=3))
    monkeypatch.syspath_prepend(tmp_path)
    load_plugins(["mine_single"])
    kept = keep_plugins(["mine_single"], tmp_path / "kept")
    assert kept[0].endswith("mine_single.py")
    load_plugins(kept)
    assert LOSSES.get("PluginLoss").__module__ == "mine_single"


def test_a_copy_works_in_a_process_that_knows_nothing_else(tmp_path):
    file = write(tmp_path / "my_modules.py", CODE.format(value=4).replace("LOSSES", "METRICS"))
    (copy,) = keep_plugins([file], tmp_path / "kept")
    (tmp_path / "my_modules.py").unlink()
    code = f"from raypose.plugins import load_plugins; load_plugins([{copy!r}])\n"
    code += "from raypose import METRICS; print(METRICS.get('PluginLoss').value)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout == "4\n", done.stderr
    assert "PluginLoss" not in METRICS
