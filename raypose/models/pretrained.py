"""Pretrained weights: from a checkpoint, or by the names that torchvision and timm give them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlparse

import safetensors.torch
import torch
import torchvision
from torch import Tensor, nn

from raypose.errors import RayPoseError

logger = logging.getLogger(__name__)


def load_pretrained(module: nn.Module, pretrained: str, imagenet: str | None = None) -> None:
    """Load what fits of the weights `pretrained` names into a module, and log what does not.

    Args:
        pretrained: a checkpoint's path; a torchvision name (`ResNet50_Weights.IMAGENET1K_V2`, or `torchvision://resnet50`,
            its first version, as in mmcv); a timm name (`timm/resnet50.a1_in1k`); or `imagenet`.
        imagenet: the name that `imagenet` and `DEFAULT` stand for.

    Raises:
        RayPoseError: the weights can't be had or read, or none of them fits.
    """
    name = imagenet if imagenet and pretrained.lower() in ("imagenet", "default") else pretrained
    found, wanted = read_weights(weights_file(name)), module.state_dict()
    prefix = _prefix(found, wanted)
    found = {key.removeprefix(prefix): value for key, value in found.items() if key.startswith(prefix)}
    fits = {key: value for key, value in found.items() if key in wanted and value.shape == wanted[key].shape}
    if not fits:
        raise RayPoseError(
            f"no weight of '{pretrained}' fits {type(module).__name__}",
            hint=f"it has {_few(found)}; wanted are {_few(wanted)}",
            rule="pretrained",
        )
    module.load_state_dict(fits, strict=False)
    missing = [key for key in wanted.keys() - fits.keys() if not key.endswith("num_batches_tracked")]
    logger.info("%s: %d of %d weights loaded from '%s'", type(module).__name__, len(fits), len(wanted), pretrained)
    for what, keys in (("not in it or of another shape", missing), ("not used", found.keys() - fits.keys())):
        if keys:
            logger.warning("'%s': %s: %s", pretrained, what, _few(keys))


def weights_file(name: str) -> Path:
    """The file of a checkpoint's path or of a published name, which is downloaded unless it is there already.

    Raises:
        RayPoseError: the name is neither, or the file can't be fetched; the hint says which file to put where.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return path
    url, file_name = _torchvision_source(name) or _timm_source(name) or _unknown(name)
    path = Path(torch.hub.get_dir()) / "checkpoints" / file_name
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(url, str(path), progress=False)
    except OSError as error:
        raise RayPoseError(
            f"the pretrained weights '{name}' can't be fetched ({error})",
            hint=f"put {url} at {path} by hand, or give a file's path as `pretrained`",
            rule="pretrained",
        ) from error
    return path


def read_weights(path: Path) -> dict[str, Tensor]:
    """The named tensors of a checkpoint (`.safetensors`, or torch's, perhaps under `state_dict` or `model`).

    Raises:
        RayPoseError: the file is damaged, or holds more than plain data.
    """
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise RayPoseError(
            f"the weights in {path} can't be read: {str(error).splitlines()[0]}",
            hint="a file of tensors alone can: torch.save(model.state_dict(), path)",
            rule="pretrained",
        ) from error
    for key in ("state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping):
        raise RayPoseError(f"{path} holds no weights but a {type(content).__name__}", rule="pretrained")
    return {key: value for key, value in content.items() if isinstance(value, Tensor)}


def _torchvision_source(name: str) -> tuple[str, str] | None:
    try:
        if name.startswith("torchvision://"):
            weights = torchvision.models.get_model_weights(name.removeprefix("torchvision://"))["IMAGENET1K_V1"]
        else:
            weights = torchvision.models.get_weight(name)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return weights.url, Path(urlparse(weights.url).path).name


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
    raise RayPoseError(
        f"pretrained: '{name}' is neither a file nor weights that torchvision or timm know",
        hint="for example ResNet50_Weights.IMAGENET1K_V2, timm/resnet50.a1_in1k or a path",
        rule="pretrained",
    )


def _prefix(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> str:
    """What a checkpoint of a larger model (`backbone.`, `module.`) has before the names of ours."""
    first = next(iter(wanted))
    candidates = {key.removesuffix(first) for key in found if key == first or key.endswith(f".{first}")}
    return max(sorted(candidates), key=lambda prefix: sum(prefix + key in found for key in wanted), default="")


def _few(keys: Iterable[str]) -> str:
    names = sorted(keys)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
