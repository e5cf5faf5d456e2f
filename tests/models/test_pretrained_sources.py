"""Names to files: paths, URLs, the names of libraries; downloads that are whole or not at all."""

from __future__ import annotations

import hashlib
import http.server
import threading
import time
from types import SimpleNamespace
from urllib.error import URLError

import pytest

from raypose import RayPoseError
from raypose.models.backbones import MobileNetV3, ResNet
from raypose.models.pretrained import download, weights_file
from raypose.models.pretrained.zoo import PUBLISHED

CONTENT = b"weights" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path / "hub" / "checkpoints"


@pytest.fixture
def offline(cache, monkeypatch):
    """An empty folder for weights, and no network."""

    def refuse(request, **kwargs):
        raise URLError(f"no route to {request.full_url}")

    monkeypatch.setattr(download, "urlopen", refuse)
    return cache


@pytest.fixture
def server(cache):
    """Serves CONTENT under any name, cut short under `cut...`; `asked` are the paths that were asked for."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            if "missing" in self.path:
                return self.send_error(404)
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT[:100] if "cut" in self.path else CONTENT)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield SimpleNamespace(url=f"http://127.0.0.1:{running.server_port}", asked=asked)
        running.shutdown()


@pytest.mark.parametrize("name", ["a.pth", f"a-{DIGEST[:8]}.pth", "res%20net.pth?download=1", "resnet-face.pth"])
def test_a_url_is_fetched_once(server, cache, name):
    file = weights_file(f"{server.url}/models/{name}")
    assert file == cache / name.partition("?")[0].replace("%20", " ")
    assert file.read_bytes() == CONTENT
    assert weights_file(f"{server.url}/models/{name}") == file
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("cut.pth", "the connection broke after 100 of 7000 bytes"),
        ("a-0123abcd.pth", f"its SHA-256 starts with {DIGEST[:8]}"),
        ("missing.pth", "404"),
    ],
)
def test_a_download_that_fails_leaves_nothing(server, cache, name, why):
    with pytest.raises(RayPoseError, match=why) as error:
        weights_file(f"{server.url}/{name}")
    assert list(cache.iterdir()) == []
    assert f"put {server.url}/{name} at {cache / name}" in str(error.value)


URL = "https://download.openmmlab.com/mmpose/top_down/hrnet/hrnet_w32_coco_256x192-c78dce93_20200708.pth"


@pytest.mark.parametrize(
    ("backbone", "name", "file"),
    [
        (ResNet, "ResNet50_Weights.IMAGENET1K_V2", "resnet50-11ad3fa6.pth"),
        (ResNet, "torchvision://resnet50", "resnet50-0676ba61.pth"),
        (ResNet, "imagenet", "resnet50-11ad3fa6.pth"),
        (ResNet, "DEFAULT", "resnet50-11ad3fa6.pth"),
        (ResNet, "timm/resnet50.a1_in1k", "timm_resnet50.a1_in1k.safetensors"),
        (ResNet, "resnet50.a1_in1k", "timm_resnet50.a1_in1k.safetensors"),
        (ResNet, URL, "hrnet_w32_coco_256x192-c78dce93_20200708.pth"),
        (ResNet, "mmcls://mobilenet_v2", "mobilenet_v2_batch256_imagenet_20200708-3b2dc3af.pth"),
        (ResNet, "open-mmlab://msra/hrnetv2_w18", "hrnetv2_w18-00eb2006.pth"),
        (MobileNetV3, "imagenet", "mobilenet_v3_small-047dcff4.pth"),
    ],
)
def test_weights_that_cannot_be_fetched_name_the_file_and_the_place(offline, backbone, name, file):
    net, start = backbone(), time.monotonic()
    with pytest.raises(RayPoseError) as error:
        net.init_weights(name)
    assert len(error.value.problems) == 1
    assert "can't be fetched" in str(error.value)
    assert "put https://" in str(error.value)
    assert f"at {offline / file}" in str(error.value)
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("name", PUBLISHED)
def test_names_of_the_model_zoo_are_addresses_of_files(name):
    assert PUBLISHED[name].startswith("https://download.openmmlab.com/")
    assert PUBLISHED[name].endswith(".pth")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing/such.pth", r"there is no file /.*/nothing/such\.pth"),
        ("/nothing/such", r"there is no file /nothing/such"),
        ("./resnet50", r"there is no file /.*resnet50"),
        ("a.safetensors", r"there is no file /.*/a\.safetensors"),
        ("https://", "'https://' names no file; give its whole address"),
        ("https://example.org", "names no file"),
        ("https://example.org/models/", "/models/' names no file"),
        ("https:///a.pth", "names no file"),
        ("ResNet50_Weights.V9", "neither a file nor weights"),
        ("timm/resnet50.nosuch", "neither a file nor weights"),
        ("ResNet.50.x", "neither a file nor weights"),
        ("torchvision://resnet5", "neither a file nor weights"),
        ("open-mmlab://msra/hrnetv2_w1", r"no URL that can be fetched.*did you mean 'open-mmlab://msra/hrnetv2_w18'"),
        ("s3://bucket/a.pth", "no URL that can be fetched; give the https:// address of the file, or its path$"),
        ("ftp://host/a.pth", "no URL that can be fetched; give the https:// address of the file, or its path$"),
    ],
)
def test_unknown_names(offline, name, message):
    with pytest.raises(RayPoseError, match=message) as error:
        weights_file(name)
    assert len(error.value.problems) == 1


@pytest.mark.parametrize("name", ["{}", "./folder", "folder", "folder.pth"])
def test_folders(offline, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    for folder in ("folder", "folder.pth"):
        (tmp_path / folder).mkdir()
    with pytest.raises(RayPoseError, match=r"/.* is a folder; give a file in it"):
        weights_file(name.format(tmp_path))


def test_a_path_may_start_at_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.pth").write_bytes(CONTENT)
    assert weights_file("~/a.pth") == tmp_path / "a.pth"
