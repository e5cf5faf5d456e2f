"""Pretrained weights: a name or a place to a file, a file to tensors, tensors to the names of ours."""

from raypose.models.pretrained.loading import load_pretrained, load_pretrained_model
from raypose.models.pretrained.reading import read_weights
from raypose.models.pretrained.sources import check_source, weights_file

__all__ = ["check_source", "load_pretrained", "load_pretrained_model", "read_weights", "weights_file"]
