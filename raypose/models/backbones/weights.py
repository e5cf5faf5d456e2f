"""The ImageNet weights of the libraries that backbones come from."""

from __future__ import annotations

from torch import nn

from raypose.models.pretrained import load_pretrained


class LibraryBackbone(nn.Module):
    """A backbone of a library that has `imagenet` weights for it, or None."""

    imagenet: str | None

    def init_weights(self, pretrained: str | None = None) -> None:
        """Load `pretrained` weights: a path, a URL, a name of torchvision's or timm's, or `imagenet`."""
        if pretrained is not None:
            load_pretrained(self, pretrained, imagenet=self.imagenet)
