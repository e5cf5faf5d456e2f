"""How deep in a backbone each parameter is, for layer decay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import nn

from raypose.errors import RayPoseError

CONTAINERS = (nn.Sequential, nn.ModuleList)


def parameter_depths(backbone: nn.Module, stage_wise: bool) -> tuple[dict[int, int], int]:
    """The depth of each parameter, by its `id` (0 for the stem), and the depth of what comes after the backbone.

    What the backbone's `layer_depths` says, else by the order of its children, see `depths_by_children`. If that counts
    a transformer's final norm as a layer, of 1-D parameters alone, it is as deep as what comes after, as in BEiT.

    Raises:
        RayPoseError: `layer_depths` lacks a parameter.

    Example:
        >>> depths, head = parameter_depths(ResNet(50), stage_wise=True)
        >>> head
        5
    """
    known = dict(backbone.named_parameters(remove_duplicate=False))
    declared = getattr(backbone, "layer_depths", None)
    named: Mapping[str, int] = declared(stage_wise) if declared else depths_by_children(backbone, stage_wise)
    depths = {id(known[name]): depth for name, depth in named.items() if name in known}
    missing = [name for name, parameter in known.items() if id(parameter) not in depths]
    if missing:
        kind = type(backbone).__name__
        raise RayPoseError(f"layer_depths of {kind} lacks {', '.join(missing[:3])}", rule="missing-depth")
    last = max(depths.values(), default=0)
    ends_in_norm = last > 0 and all(each.ndim == 1 for each in known.values() if depths[id(each)] == last)
    return depths, last if ends_in_norm else last + 1


def depths_by_children(backbone: nn.Module, stage_wise: bool) -> dict[str, int]:
    """Each child a layer, and each child of a top-level Sequential or ModuleList; with `stage_wise` each child alone.

    The backbone's own parameters belong to its first child, unless that is a list of layers; a norm to the layer before
    it, as in timm.
    """
    own = dict(backbone.named_parameters(recurse=False))
    layers = [list(own)] if own else []
    children = [each for each in _children(backbone, stage_wise) if next(each[1].parameters(), None) is not None]
    for i, (prefix, module, in_list) in enumerate(children):
        names = [f"{prefix}.{name}" for name, _ in module.named_parameters(remove_duplicate=False)]
        is_norm = all(parameter.ndim == 1 for parameter in module.parameters())
        if layers and (is_norm or (i == 0 and not in_list)):
            layers[-1] += names
        else:
            layers.append(names)
    return {name: depth for depth, names in enumerate(layers) for name in names}


def _children(backbone: nn.Module, stage_wise: bool) -> Iterator[tuple[str, nn.Module, bool]]:
    """(name, module, whether it is an item of a list)."""
    for name, child in backbone.named_children():
        if stage_wise or not isinstance(child, CONTAINERS):
            yield name, child, False
        else:
            yield from ((f"{name}.{key}", item, True) for key, item in child.named_children())
