"""Plugins: the users' own modules, which register components when they are loaded."""

from __future__ import annotations

from raypose.plugins.failures import located, own_frame
from raypose.plugins.keeping import keep_plugins, relative, with_own_names
from raypose.plugins.loading import load_plugins

__all__ = ["keep_plugins", "load_plugins", "located", "own_frame", "relative", "with_own_names"]
