"""The page: whole, by itself, and deaf to what users' names say."""

import base64
import hashlib
import json
import re
from html import unescape
from html.parser import HTMLParser
from io import BytesIO

import pytest
from click.testing import CliRunner
from PIL import Image

from raypose.cli.report import command
from raypose.errors import RayPoseError
from raypose.reporting.experiment import load_experiment
from raypose.reporting.report import write_report
from raypose.reporting.report.figures import FIGURES

MANY = ["COMPLETE", "PRUNED", "FAIL", "COMPLETE", "RUNNING"] * 3
VOID = {"meta", "link", "input", "br", "img", "hr", "image", "line", "rect"}


class Page(HTMLParser):
    """What a page has: `tags`, `text` outside of scripts and styles, `scripts`, `addresses`, `ids`."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.scripts, self.addresses, self.ids, self.open = [], "", [], [], [], []
        self.rows = 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        self.addresses += [attrs[name] for name in ("href", "src", "action", "data") if attrs.get(name)]
        self.ids += [attrs["id"]] if "id" in attrs else []
        assert not [name for name in attrs if name.startswith("on")], (tag, attrs)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] == ["script"]:
            self.scripts[-1] += data
        elif self.open[-1:] != ["style"]:
            self.text += data


def report(made_up, tmp_path, states=MANY, **more):
    folder = made_up.make_experiment(tmp_path / "made", states, **more)
    text = write_report(load_experiment(folder))[0].read_text()
    return Page(text), text


def test_it_is_one_whole_file_that_asks_for_nothing(made_up, tmp_path):
    page, text = report(made_up, tmp_path)
    assert page.open == []
    assert len(page.ids) == len({*page.ids})
    outside = [each for each in page.addresses if not each.startswith(("data:", "#"))]
    assert outside == []
    anchors = {each[1:] for each in page.addresses if each.startswith("#")}
    assert anchors <= {*page.ids}
    assert {"search", "mattered", "stopping", "predictions", "failures", "leaderboard", "reproduce"} <= anchors
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    assert "url(" not in style
    assert "@import" not in style
    policy = unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1])
    hashes = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in page.scripts[1:]]
    assert policy.startswith("default-src 'none'; script-src " + " ".join(f"'sha256-{each}'" for each in hashes) + ";")
    assert [path.name for path in (tmp_path / "made").glob("*report*")] == ["report.html"]


def test_names_and_errors_of_users_stay_text(made_up, tmp_path):
    page, _ = report(made_up, tmp_path, label=made_up.EVIL, goals=[(made_up.EVIL, "maximize")])
    assert "img" not in page.tags
    assert page.tags.count("script") == 3
    assert page.text.count(made_up.EVIL) > len(
        MANY
    )  # as metric, in rows of the leaderboard, as a failure's reason, ...
    assert "49" not in page.text.replace(made_up.EVIL, "").split("RayPose report")[1][:200]
    data = json.loads(page.scripts[0])
    assert made_up.EVIL in json.dumps(data["specs"]["curves"], ensure_ascii=False).replace('\\"', '"')


def test_the_leaderboard_has_all_trials_and_says_why_they_failed(made_up, tmp_path):
    page, text = report(made_up, tmp_path)
    assert len(re.findall(r'<tr data-state="', text)) == len(MANY)
    assert text.count('data-state="FAIL"') == 3
    assert "3 × raised" in page.text
    assert "ValueError: HRNet" in page.text


def test_a_running_search_says_so_and_when(made_up, tmp_path):
    page, _ = report(made_up, tmp_path)
    assert re.search(r"As of \d{4}-\d\d-\d\d \d\d:\d\d", page.text)
    done, _ = report(made_up, tmp_path / "done", ["COMPLETE"] * 3)
    assert "As of" not in done.text


@pytest.mark.parametrize("states", [[], ["RUNNING"], ["FAIL"] * 2, ["PRUNED"] * 3, ["COMPLETE"]], ids=str)
def test_what_has_little_to_tell_is_a_page_too(made_up, tmp_path, states):
    page, _ = report(made_up, tmp_path, states, samples=False)
    assert page.open == []
    assert page.text.count("trial") > 0
    assert "Predictions" not in page.text


def test_several_objectives(made_up, tmp_path):
    goals = [("AP", "maximize"), ("flops", "minimize")]
    page, _ = report(made_up, tmp_path, ["COMPLETE"] * 6, goals=goals)
    assert "Pareto front" in page.text
    assert "AP against flops" in page.text


def test_samples_are_drawn_over_their_images_and_damaged_ones_are_left_out(made_up, tmp_path):
    page, text = report(made_up, tmp_path / "whole", ["COMPLETE"])
    assert page.tags.count("image") == 12
    assert text.count('class="truth"') == text.count('class="predicted"') == 12
    assert page.text.index("The worst") < page.text.index("From the worst to the best")
    folder = made_up.make_experiment(tmp_path / "torn", ["COMPLETE"])
    (folder / "best" / "samples" / "3.jpg").unlink()
    text = write_report(load_experiment(folder))[0].read_text()
    assert Page(text).tags.count("image") == 11
    (folder / "best" / "samples" / "samples.json").write_text('{"info": {"names": [], ')
    assert "Predictions of the best model" not in write_report(load_experiment(folder))[0].read_text()


def test_the_command_writes_the_page_and_the_pictures(made_up, tmp_path, monkeypatch):
    few = {section: FIGURES[section] if section in ("progress", "errors") else lambda view: [] for section in FIGURES}
    monkeypatch.setattr("raypose.reporting.report.figures.FIGURES", few)
    folder = made_up.make_experiment(tmp_path / "made", ["COMPLETE", "PRUNED", "COMPLETE"])
    to, png = tmp_path / "new" / "r.html", tmp_path / "png"
    done = CliRunner().invoke(command, [str(folder), "--to", str(to), "--png", str(png)], catch_exceptions=False)
    assert done.exit_code == 0
    assert f"wrote {to}" in done.output
    assert "next:" in done.output
    assert not (folder / "report.html").exists()
    pictures = {path.stem: Image.open(BytesIO(path.read_bytes())) for path in png.iterdir()}
    assert {*pictures} == {"best-over-time", "best-over-trials", "errors", "samples"}
    assert all(min(each.size) > 300 and len(each.convert("L").getcolors()) > 5 for each in pictures.values())


def test_a_folder_as_target_is_refused_and_what_fails_leaves_the_old_report(made_up, tmp_path, monkeypatch):
    folder = made_up.make_experiment(tmp_path / "made", ["COMPLETE"])
    with pytest.raises(RayPoseError, match="must name a file"):
        write_report(load_experiment(folder), tmp_path)
    (folder / "report.html").write_text("old")
    monkeypatch.setattr("raypose.reporting.report.render.summary", lambda experiment: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_report(load_experiment(folder))
    assert (folder / "report.html").read_text() == "old"
