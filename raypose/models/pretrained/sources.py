"""From what a user writes as `pretrained` to a file on this machine."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlparse

import torch
import torchvision

from raypose.errors import RayPoseError, nearest
from raypose.models.pretrained.download import download
from raypose.models.pretrained.zoo import PUBLISHED

# What a name that ends so, or starts so, can only be.
SUFFIXES = {".bin", ".ckpt", ".pkl", ".pt", ".pth", ".safetensors", ".tar"}
PLACES = ("/", "~", "./", "../")


def weights_file(name: str) -> Path:
    """The file that `pretrained: name` means, which is downloaded unless it is there already.

    Args:
        name: a path; a URL; a name of torchvision's (`ResNet50_Weights.IMAGENET1K_V2`, or `torchvision://resnet50`, its
            first version, as in mmcv); one of timm's (`timm/resnet50.a1_in1k`); or one of mmcv's that MMPose's
            configurations use (`mmcls://mobilenet_v2`). What is downloaded is kept in torch.hub's folder `checkpoints`.

    Raises:
        RayPoseError: the name is none of these, or the file can't be fetched; the hint says which file to put where.

    Example:
        >>> weights_file("ResNet50_Weights.IMAGENET1K_V2").name
        'resnet50-11ad3fa6.pth'
    """
    there = local_file(name)
    if there is not None:
        return there
    url, file_name = _source(name)
    path = _cached(file_name)
    if not path.is_file():
        download(url, path, name)
    return path


def check_source(name: str) -> None:
    """Raises RayPoseError where `weights_file` would before it downloads anything."""
    if local_file(name) is None:
        _source(name)


def _source(name: str) -> tuple[str, str]:
    """The URL, and the file's name."""
    return _url_source(name) or _torchvision_source(name) or _timm_source(name) or _unknown(name)


def local_file(name: str) -> Path | None:
    """The file of a path, or of a URL that was downloaded before, if there is one."""
    url = PUBLISHED.get(name, name)
    path = _cached(_file_name(url)) if _is_url(url) else Path(name).expanduser()
    return path if path.is_file() else None


def _cached(file_name: str) -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / file_name


def _is_url(name: str) -> bool:
    return name.startswith(("http://", "https://"))


def _url_source(name: str) -> tuple[str, str] | None:
    url = PUBLISHED.get(name, name)
    if _is_url(url):
        address = urlparse(url)
        if not address.netloc or not address.path.rpartition("/")[2]:
            raise RayPoseError(
                f"pretrained: '{name}' names no file", hint="give its whole address, https://…", rule="pretrained"
            )
        return url, _file_name(url)
    if "://" in name and not name.startswith("torchvision://"):
        zoo = name.partition("://")[0] + "://"
        hints = "give the https:// address of the file, or its path", nearest(name, _starting(PUBLISHED, zoo))
        raise RayPoseError(
            f"pretrained: '{name}' is no URL that can be fetched",
            hint="; ".join(filter(None, hints)),
            rule="pretrained",
        )
    if name.startswith(PLACES) or Path(name).suffix in SUFFIXES:
        raise _no_file(name)
    return None


def _starting(names: Iterable[str], start: str) -> list[str]:
    return [name for name in names if name.startswith(start)]


def _no_file(name: str) -> RayPoseError:
    path = Path(name).expanduser().absolute()
    if path.is_dir():
        return RayPoseError(f"pretrained: {path} is a folder", hint="give a file in it", rule="pretrained")
    return RayPoseError(
        f"pretrained: there is no file {path}",
        hint="a relative path starts in the folder of the space file, or else where the command runs",
        rule="pretrained",
    )


def _file_name(url: str) -> str:
    return Path(unquote(urlparse(url).path)).name


def _torchvision_source(name: str) -> tuple[str, str] | None:
    try:
        if name.startswith("torchvision://"):
            weights = torchvision.models.get_model_weights(name.removeprefix("torchvision://"))["IMAGENET1K_V1"]
        else:
            weights = torchvision.models.get_weight(name)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return weights.url, _file_name(weights.url)


def _timm_source(name: str) -> tuple[str, str] | None:
    # timm takes seconds to import, and only its names are needed, and only here.
    import huggingface_hub
    import timm

    try:
        cfg = timm.get_pretrained_cfg(name.removeprefix("timm/"))
    except RuntimeError:
        return None
    if cfg is None or not cfg.hf_hub_id:
        return None
    file_name = cfg.hf_hub_filename or "model.safetensors"
    url = huggingface_hub.hf_hub_url(cfg.hf_hub_id, file_name)
    return url, f"{cfg.hf_hub_id.replace('/', '_')}{Path(file_name).suffix}"


def _unknown(name: str) -> tuple[str, str]:
    if Path(name).expanduser().is_dir():
        raise _no_file(name)
    raise RayPoseError(
        f"pretrained: '{name}' is neither a file nor weights that torchvision or timm know",
        hint="for example ResNet50_Weights.IMAGENET1K_V2, timm/resnet50.a1_in1k, a URL or a path",
        rule="pretrained",
    )
