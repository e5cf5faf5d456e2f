"""What is in a table, in numbers."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from raypose.data.table import KeypointTable

_QUARTILES = (0, 25, 50, 75, 100)


def summary(table: KeypointTable) -> dict[str, Any]:
    """Counts and sizes as plain numbers, for JSON.

    `keypoints` has for each name how many are `visible`, `occluded` and `unlabelled`, of the labelled instances also
    where the table's are a detector's; `boxes` the least, the quartiles
    and the largest of the boxes' `width` and `height` in pixels; `image_sizes` how many images have which size, where
    the annotation file tells.

    Example:
        >>> summary(table)["keypoints"]["nose"]
        {'visible': 80, 'occluded': 6, 'unlabelled': 0}
    """
    labels = table if table.truth is None else table.truth
    flags = labels.keypoints[:, :, 2]
    visible, labelled = (flags > 1).sum(0), (flags > 0).sum(0)
    quartiles = np.percentile(table.bbox[:, 2:], _QUARTILES, axis=0).round(1)
    sizes = Counter(map(tuple, table.sizes.tolist())) if table.sizes is not None else Counter()
    return {
        "images": len(table.paths),
        "instances": len(table),
        "ignored": len(table.ignored),
        "keypoints": {
            name: {"visible": int(v), "occluded": int(n - v), "unlabelled": int(len(labels) - n)}
            for name, v, n in zip(table.info.names, visible, labelled, strict=True)
        },
        "boxes": {"width": quartiles[:, 0].tolist(), "height": quartiles[:, 1].tolist()},
        "image_sizes": {f"{width}x{height}": count for (width, height), count in sizes.most_common()},
    }
