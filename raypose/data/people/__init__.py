"""Drawn people: `pose` draws a skeleton's angles, `body` clothes it, `backdrop` and `scene` make a picture of it."""
