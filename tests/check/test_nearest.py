from __future__ import annotations

import pytest

from raypose.errors import nearest


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("grace", ["brackets", "grace_period", "max_t"], "grace_period"),
        ("n_startup", ["n_warmup_steps", "n_startup_trials"], "n_startup_trials"),
        ("maximise", ["max", "min"], "max"),
        ("AdamWW", ["Adam", "AdamW"], "AdamW"),
        ("PCK@0.1", ["PCK", "PCK@0.2"], "PCK@0.2"),
        ("ResNetXt", ["ResNet", "ResNeXt"], "ResNeXt"),
        ("lr_cofnig", ["lr", "lr_config"], "lr_config"),
    ],
)
def test_a_word_cut_short_comes_after_a_slip_and_before_what_is_similar(
    word: str, known: list[str], meant: str
) -> None:
    assert nearest(word, known) == f"did you mean '{meant}'?"


def test_two_letters_begin_too_many_words() -> None:
    assert nearest("lr", ["lrelu_slope", "gamma"]) == "known: gamma, lrelu_slope"
