from __future__ import annotations

import inspect
import subprocess
import sys
import traceback

import pytest

from raypose import entry_points
from raypose.errors import RayPoseError
from raypose.plugins import keep_plugins, load_plugins, located
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
        ("import sys\n\nsys.exit(3)\n", 3, "plugin: SystemExit: 3"),
        ("a = 1\0\n", None, "plugin: null bytes"),
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
    copy.write_text("raise SystemExit")  # a foreign file in its place is never loaded
    assert keep_plugins([file], tmp_path / "kept") == first[:1]
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
    """Also one that takes the place of a built-in component, of which nothing has been loaded yet."""
    text = CODE.format(value=4).replace("LOSSES", "METRICS").replace("PluginLoss", "PCK").replace("()", "(force=True)")
    file = write(tmp_path / "my_modules.py", text)
    (copy,) = keep_plugins([file], tmp_path / "kept")
    (tmp_path / "my_modules.py").unlink()
    code = f"from raypose.plugins import load_plugins; load_plugins([{copy!r}])\n"
    code += "from raypose import METRICS; print(METRICS.get('PCK').value, 'EPE' in METRICS)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout == "4 True\n", done.stderr
    assert not hasattr(METRICS.get("PCK"), "value")


@pytest.mark.parametrize("statement", ["import beside", "from beside.inner import x", "from .beside import x"])
@pytest.mark.parametrize("on_the_path", [False, True])
def test_what_lies_beside_a_plugin_is_not_kept_so_it_is_refused(tmp_path, monkeypatch, statement, on_the_path):
    write(tmp_path / "beside" / "inner.py", "x = 1")
    file = write(tmp_path / "mod.py", f"import json\n\ndef f():\n    {statement}\n")
    if on_the_path:
        monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RayPoseError, match="a plugin is one file") as caught:
        load_plugins([file])
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == (file, 4)
    assert problem.message == f"plugin: `{statement}` is of a file beside it"


def test_a_plugin_may_import_a_package_that_is_installed_from_its_folder(tmp_path, monkeypatch):
    write(tmp_path / "mine_installed" / "__init__.py", "x = 5")
    url = f'{{"url": "{tmp_path.as_uri()}", "dir_info": {{"editable": true}}}}'
    write(tmp_path / "site" / "mine-1.0.dist-info" / "direct_url.json", url)
    file = write(tmp_path / "mod.py", "from mine_installed import x\n" + CODE.format(value="x"))
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RayPoseError, match="beside it"):
        load_plugins([file])
    monkeypatch.syspath_prepend(tmp_path / "site")
    load_plugins([file])
    assert LOSSES.get("PluginLoss").value == 5


def test_a_name_like_a_file_beside_the_plugin_may_be_that_of_a_package(tmp_path):
    write(tmp_path / "json.py", "")
    load_plugins([write(tmp_path / "mod.py", "import json\njson.dumps(1)\n")])


CALLS = """
import json
from raypose import LOSSES
@LOSSES.register_module()
class PluginLoss:
    def in_a_library(self):
        json.loads("{")
    def itself(self):
        raise ValueError("no good\\nat all")
"""


@pytest.mark.parametrize(
    ("method", "line", "message"),
    [("in_a_library", 7, "JSONDecodeError: Expecting property name"), ("itself", 9, "ValueError: no good")],
)
def test_a_call_that_fails_is_told_with_the_users_line(tmp_path, method, line, message):
    file = write(tmp_path / "my_modules.py", CALLS)
    load_plugins([file])
    for error in (caught(method), caught(method, wrapped=True)):
        (problem,) = located(error)
        assert (problem.file, problem.line) == (file, line)
        assert message in problem.message
    assert "\n" not in str(located(caught("itself"))[0])


def caught(method, wrapped=False):
    try:
        try:
            getattr(LOSSES.get("PluginLoss")(), method)()
        except ValueError as error:
            if wrapped:
                raise RayPoseError(f"PluginLoss fails: {type(error).__name__}: {error}") from error
            raise
    except Exception as error:
        return error


def test_an_error_of_nobodys_code_has_no_place(monkeypatch):
    monkeypatch.setattr("raypose.plugins.failures.is_installed", lambda file: True)
    with pytest.raises(RayPoseError) as caught:
        LOSSES.get("Nothing")
    assert located(caught.value) == caught.value.problems
    assert str(located(ValueError("no"))[0]) == "ValueError: no"


def write_package(folder, text, group="raypose.components"):
    """A package `my-losses` whose entry point `extra` is the module `mine_packaged` of that text; its module's file."""
    info = folder / "my_losses-1.5.dist-info"
    write(info / "METADATA", "Metadata-Version: 2.1\nName: my-losses\nVersion: 1.5\n")
    write(info / "entry_points.txt", f"[{group}]\nextra = mine_packaged\n")
    return write(folder / "mine_packaged.py", text)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """As `write_package`, and nothing has been loaded yet."""

    def make(text, **options):
        monkeypatch.syspath_prepend(tmp_path / "site")
        monkeypatch.setattr(entry_points, "_groups", ["raypose.components"])
        return write_package(tmp_path / "site", text, **options)

    return make


def test_an_installed_package_registers_by_its_entry_point(install):
    install(CODE.format(value=6))
    assert LOSSES.get("PluginLoss").value == 6
    assert LOSSES.get("PluginLoss").__module__ == "mine_packaged"


def test_an_entry_point_of_another_group_is_left_alone(install):
    install("raise ValueError", group="other.components")
    assert "PluginLoss" not in LOSSES


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("x = 1\nraise ValueError('no good')\n", 2, "ValueError: no good"),
        ("raise SystemExit('done')\n", 1, "SystemExit: done"),
        ("x = 1\n\nx = (\n", 3, "SyntaxError: '(' was never closed"),
        ("from raypose import LOSSES\nLOSSES.register_module('L1Loss', module=dict)\n", 2, "already registered"),
    ],
)
@pytest.mark.parametrize("installed", [False, True])
def test_an_entry_point_that_raises_is_told_with_its_package_and_line(
    install, monkeypatch, text, line, message, installed
):
    file = install(text)
    if installed:
        monkeypatch.setattr("raypose.plugins.failures.is_installed", lambda file: True)
    with pytest.raises(RayPoseError) as caught:
        len(LOSSES)
    (problem,) = located(caught.value)
    assert problem.message.startswith("entry point 'extra' of my-losses: ")
    assert message in problem.message
    assert (problem.file, problem.line) == (file, line)


def test_a_plugin_file_that_is_installed_too_is_there_once(install, tmp_path):
    install(CODE.format(value=6))
    load_plugins([write(tmp_path / "mine_packaged.py", CODE.format(value=6))])
    assert LOSSES.get("PluginLoss").__module__ == "mine_packaged"
