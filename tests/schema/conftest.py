"""The schema of what RayPose itself registers, once, and what is wrong with a text by it."""

from __future__ import annotations

import itertools
from functools import cache

import pytest
from jsonschema import Draft7Validator

from raypose.space.reading.reader import read
from raypose.space.traverse import as_written


def plain(text):
    """What a space file says, with its own rules for numbers and keys."""
    return as_written(read(text, "space.yaml")[0])


def by(schema):
    """`errors(text)`: `place: message` of each error, or, with `first=True`, of one."""
    validator = Draft7Validator(schema)

    def errors(text, first=False):
        found = itertools.islice(validator.iter_errors(plain(text)), 1 if first else None)
        return [f"{error.json_path}: {error.message}" for error in found]

    return errors


@pytest.fixture(scope="session")
def classes():
    """What `tune.sampler` and `tune.scheduler` may name."""
    from raypose.cli.schema import samplers, schedulers

    return samplers(), schedulers()


@pytest.fixture(scope="session")
def write_schema(classes):
    """A new schema, of what is registered when it is called."""
    from raypose.schema import json_schema

    return lambda: json_schema(*classes)


@pytest.fixture(scope="session")
def schema(write_schema):
    return write_schema()


@pytest.fixture(scope="session")
def errors_by():
    return by


@pytest.fixture(scope="session")
def errors(schema):
    """`errors(text)`, of a whole file; `errors.of(name, text)`, by one definition."""
    whole = by(schema)
    parts = cache(lambda name: by({"$ref": f"#/definitions/{name}", "definitions": schema["definitions"]}))
    whole.of = lambda name, text: parts(name)(text)
    return whole
