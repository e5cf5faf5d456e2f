"""The Ray cluster that a search runs on: joined, or started on this machine."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import ray
from ray._private import worker
from rich.console import Console

from raypose.errors import RayPoseError

ENVIRONMENT = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # trials write their own files
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # a missing metric fails its trial, not the search
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # ours
    "TUNE_GLOBAL_CHECKPOINT_S": "100000",  # Tune's snapshot is never read back
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # Progress tells them
    "RAY_AIR_NEW_OUTPUT": "0",
}
LOCAL = "local"  # Ray's name for: start one here, whatever runs already
PATIENCE = 5.0  # seconds for each of the two questions to an address; Ray itself waits for minutes


@contextlib.contextmanager
def cluster(address: str | None, console: Console, dashboard_host: str | None = None) -> Iterator[bool]:
    """A Ray cluster: the one that this process is connected to, the one at `address` or else at RAY_ADDRESS (which
    `ray job submit` sets), else a new one on this machine. Gives whether one was joined.

    `dashboard_host` is where the dashboard of a new one listens; by default on this machine only.

    Raises:
        RayPoseError: there is no cluster at the address, or it is none that a search can run on.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    where = _address(address)
    if dashboard_host and (where != LOCAL or ray.is_initialized()):
        raise RayPoseError(
            "the dashboard of a cluster that runs already listens where it was started to",
            hint="leave out --dashboard-host, or give it to `ray start --head`",
            rule="dashboard-host",
        )
    if ray.is_initialized():
        yield False
        return
    context = _connect(where, {"dashboard_host": dashboard_host} if dashboard_host else {})
    if context.dashboard_url:
        console.out(_dashboard(context.dashboard_url), highlight=False)
    try:
        worker._worker_logs_enabled = False  # Ray tells of lost workers, in colours to pipes, too
        yield where != LOCAL
    finally:
        ray.shutdown()
        worker._worker_logs_enabled = True


def _dashboard(url: str) -> str:
    """Where it is; Ray has set the variable by now if the cluster asks for a token."""
    asks = os.environ.get("RAY_AUTH_MODE", "").lower() == "token"
    hint = " (paste the token that `ray get-auth-token` prints where it asks for one)" if asks else ""
    return f"Ray dashboard: http://{url}{hint}"


def _address(given: str | None) -> str:
    """As `ray.init` reads it, but that a cluster is joined only if somebody said so."""
    return (os.environ.get("RAY_ADDRESS") if given in (None, "auto") else None) or given or LOCAL


def _connect(where: str, options: dict[str, Any]) -> Any:
    if where != LOCAL:
        _refuse_client(where)
        _reach(where)
    logging.getLogger("ray").setLevel(logging.ERROR)
    try:
        return ray.init(address=where, log_to_driver=False, logging_level=logging.ERROR, **options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        if where == LOCAL:
            raise
        hint = (
            "of a cluster with token authentication, RAY_AUTH_MODE=token must be set here, too, and the token be there"
        )
        raise _none_at(where, str(error).strip().splitlines()[0], hint) from error


def _refuse_client(where: str) -> None:
    """Through Ray Client, Tune runs on the cluster, without the study, the experiment's lock and Ctrl-C of this process."""
    if "://" in where:
        raise RayPoseError(
            f"a search runs in the cluster, not at the other end of {where}",
            hint="hand it over: ray job submit --address http://HEAD:8265 --working-dir . -- raypose tune ...",
            rule="ray-client",
        )


def _reach(where: str) -> None:
    """Whether what listens at HOST:PORT may be Ray's control service, which speaks gRPC."""
    if where == "auto":
        found = _last_started()
        if found is None:
            return  # Ray looks for processes, and says at once if there are none
        where = found
    host, colon, port = where.rpartition(":")
    if not colon or not port.isdigit():
        raise _none_at(where, "an address is HOST:PORT, or auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise _none_at(where, str(error)) from None
    if os.environ.get("RAY_USE_TLS", "0") not in ("1", "true"):
        with grpc.insecure_channel(where) as channel:
            try:
                grpc.channel_ready_future(channel).result(timeout=PATIENCE)
            except grpc.FutureTimeoutError:
                raise _none_at(where, "what listens there isn't Ray's head (its port is 6379 by default)") from None


def _last_started() -> str | None:
    """What `ray start` left for `auto`, see ray.init."""
    file = Path(os.environ.get("RAY_TMPDIR", tempfile.gettempdir())) / "ray" / "ray_current_cluster"
    return file.read_text().strip() if file.exists() else None


def _none_at(where: str, why: str, hint: str = "") -> RayPoseError:
    otherwise = "start one there (ray start --head), or leave out --address and RAY_ADDRESS to use this machine alone"
    return RayPoseError(f"no Ray cluster can be joined at {where}: {why}", hint=hint or otherwise, rule="no-cluster")
