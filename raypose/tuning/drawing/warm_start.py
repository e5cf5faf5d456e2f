"""Finished trials of other experiments, taken over into a study, for its sampler and its pruner to learn from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.trial import FixedTrial, FrozenTrial, TrialState, create_trial

from raypose import journal
from raypose.check.report import shown
from raypose.config import Goal, Tune, read
from raypose.errors import Problem, RayPoseError
from raypose.reporting.epochs import CHANGED, PREFIX, epochs, goals
from raypose.reporting.records import params
from raypose.reporting.roles import IMPORTED, OF, ROLE, TRIAL, role
from raypose.space import Space, difference, from_params, from_trial
from raypose.space.traverse import descend
from raypose.tuning.drawing.limits import Limits
from raypose.tuning.experiment import kept_space
from raypose.tuning.search_state import SearchState

ASIDE = {("name",), ("seed",), ("tune",)}  # what may differ; the objectives are compared by themselves
RUNG = "completed_rung_"  # how the system attributes of a trial begin that tell Optuna's halving pruners where it was
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True)
class Source:
    """Another experiment of the same space: its name, its trials, and what ended them early."""

    name: str
    trials: Sequence[FrozenTrial]
    scheduler: Mapping[str, Any] | None


def sources(
    folders: Iterable[Path],
    space: Space,
    searched: Sequence[Goal],
    plugins: Mapping[str, str],
    own: Path | None = None,
) -> list[Source]:
    """The experiments in these folders, read; none of their code runs. `plugins` are this experiment's, as kept, and `own`
    is its folder.

    Raises:
        RayPoseError: a folder is no experiment, this one, or another search: all that differs, at its place in the space.

    Example:
        >>> sources([Path("experiments/first")], space, settings.goals, {})
    """
    folders = list(folders)
    for folder in folders:
        if own is not None and folder.resolve() == own.resolve():
            message = f"a warm start needs another experiment, but {folder} is the one that is searched"
            raise RayPoseError(message, hint="--resume alone goes on with its trials", rule="own-experiment")
    return [_source(folder, space, searched, plugins) for folder in folders]


def take_over(state: SearchState, found: Iterable[Source]) -> int:
    """Put the finished trials of other experiments into the study, in the role `imported`, and return how many are new;
    what a search that is resumed has already, is left.

    They do not count as trials and have no folder. What came to its end there is not trained again.
    """
    copies = [_copy(trial, source, state) for source in found for trial in source.trials if _is_of_use(trial)]
    first = len(state.trials())
    known = {_key(trial) for trial in state.trials() if role(trial) == IMPORTED}
    new = [copy for key, copy in {_key(each): each for each in copies}.items() if key not in known]
    state.study.add_trials(new)
    for trial in state.trials()[first:]:
        state.draws.tried.add(trial)
    return len(new)


def _source(folder: Path, space: Space, searched: Sequence[Goal], plugins: Mapping[str, str]) -> Source:
    study = journal.load_study(folder)
    other = kept_space(folder, space)
    if other is None:
        raise RayPoseError(f"{folder} has no space.yaml, so that its trials cannot be taken over", rule="no-space")
    problems = [*_other_goals(folder, goals(study), searched), *_other_code(folder, plugins)]
    problems += [_differs(path, other, space, folder) for path in difference(other, space, ASIDE)]
    if problems:
        raise RayPoseError(problems)
    scheduler = read(Tune, other.default().get("tune")).scheduler
    return Source(folder.resolve().name, study.get_trials(deepcopy=False), scheduler)


def _other_goals(folder: Path, there: Sequence[Goal], here: Sequence[Goal]) -> list[Problem]:
    if tuple(there) == tuple(here):
        return []
    told = [", ".join(f"{goal.metric} ({goal.mode})" for goal in each) for each in (here, there)]
    message = f"tune.metric is {told[0]} here, but {told[1]} in {folder}"
    return [Problem(message, rule="other-space", hint="a warm start needs the same objectives")]


def _other_code(folder: Path, plugins: Mapping[str, str]) -> list[Problem]:
    """A module of the user's that is not, byte by byte, the one that the experiment in `folder` ran with."""
    kept = {path.relative_to(folder / "plugins") for path in (folder / "plugins").glob("*/*.py")}
    own = {name: Path(*Path(copy).parts[-2:]) for copy, name in plugins.items() if copy.endswith(".py")}
    changed = [name for name, path in own.items() if path not in kept]
    message, hint = "'{}' is not what {} ran with", f"the modules as they were: {folder / 'plugins'}"
    return [Problem(message.format(name, folder), rule="other-space", hint=hint) for name in changed]


def _differs(path: str, other: Space, space: Space, folder: Path) -> Problem:
    here, there = ({".".join(at): node for at, node in descend(each.tree)}.get(path) for each in (space, other))
    hint = "a warm start needs the same space; choices and ranges cannot grow"
    if here is None or there is None:
        where, lacking = (folder, "the space here") if here is None else (space.file, str(folder))
        message = f"'{path}' is missing in {lacking}, but not in {where}"
    else:
        message = f"'{path}' is {shown(here)} here, but {shown(there)} in {folder}"
    mark = (here or there).mark  # type: ignore[union-attr]
    return mark.problem(message, "other-space", hint)


def _is_of_use(trial: FrozenTrial) -> bool:
    return trial.state in FINISHED and role(trial) in (TRIAL, IMPORTED) and bool(epochs(trial))


def _key(trial: FrozenTrial) -> tuple[str, str]:
    """What tells imported trials apart; two experiments may have one name."""
    return trial.user_attrs[OF], repr(sorted(trial.params.items()))


def _copy(trial: FrozenTrial, source: Source, state: SearchState) -> FrozenTrial:
    whose = trial.user_attrs[OF] if role(trial) == IMPORTED else f"{source.name}/{trial.number}"
    values, changed = params(trial), CHANGED in trial.user_attrs
    alike = source.scheduler == state.tune.scheduler
    return create_trial(
        state=trial.state,
        values=trial.values,
        params=values,
        distributions=_distributions(state.space, values) if changed else trial.distributions,
        intermediate_values=trial.intermediate_values,
        user_attrs={
            ROLE: IMPORTED,
            OF: whose,
            **({CHANGED: values} if changed else {}),
            **{key: told for key, told in trial.user_attrs.items() if key.startswith(PREFIX)},
        },
        system_attrs={key: told for key, told in trial.system_attrs.items() if alike and key.startswith(RUNG)},
        constraints=_constraints(trial, state.tune.constraints, state.draws.limits, state.space),
    )


def _distributions(space: Space, values: Mapping[str, Any]) -> dict[str, BaseDistribution]:
    """Those of the branch that values are of, which may be another one than a trial began in."""
    trial = FixedTrial(dict(values))
    space.sample(from_trial(trial))
    return trial.distributions


def _constraints(trial: FrozenTrial, texts: Sequence[str], limits: Limits, space: Space) -> dict[str, float]:
    """By how much a trial breaks the constraints here: as it was told there, or by what it costs."""
    known = {text: trial.constraints[text] for text in texts if text in trial.constraints}
    if all(each.text in known for each in limits.constraints):
        return known
    cost = limits.price(space.sample(from_params(params(trial))))
    return {**limits.violations(cost), **known}
