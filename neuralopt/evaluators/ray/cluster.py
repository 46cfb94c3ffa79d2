"""Connect to a Ray cluster or start one, and find out how many workers fit."""

import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import shorten
from typing import Any

import ray
from ray.exceptions import RayError

LOCAL, AUTO = "local", "auto"
GIB = 1 << 30

JOB_VARIABLES = ("RAY_JOB_CONFIG_JSON_ENV_VAR", "RAY_ADDRESS")
"""Variables that are set if a cluster runs this process or its user has named one."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a worker needs of its node.

    Attributes:
        cpus: cores; fractions are fine, above 1 whole numbers.
        gpus: GPUs; fractions are fine, above 1 whole numbers.
        memory: GiB, 0 for no limit.
        accelerator: a type of Ray's, as ``H100``.
        resources: amounts of others, by name.

    Raises:
        ValueError: an amount is out of range, or all are 0.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    memory: float = 0.0
    accelerator: str = ""
    resources: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        amounts = {"cpus": self.cpus, "gpus": self.gpus, "memory": self.memory}
        amounts |= {f"resources.{name}": n for name, n in self.resources.items()}
        for name, amount in amounts.items():
            if not 0 <= amount < float("inf"):
                raise ValueError(f"evaluator.{name} is {amount}: give 0 or more")
            if name != "memory" and amount > 1 and amount % 1:
                raise ValueError(
                    f"evaluator.{name} is {amount}: above 1 Ray takes whole numbers"
                )
        if not any(amounts.values()):
            raise ValueError(
                "evaluator.cpus is 0, and so is everything else that a worker needs: "
                "a node would hold any number of them"
            )

    def of_actor(self) -> dict[str, Any]:
        """Return the demand as options of a Ray actor."""
        options: dict[str, Any] = {
            "num_cpus": self.cpus,
            "num_gpus": self.gpus,
            "resources": dict(self.resources),
        }
        if self.memory:
            options["memory"] = int(self.memory * GIB)
        if self.accelerator:
            options["accelerator_type"] = self.accelerator
        return options

    def amounts(self) -> dict[str, float]:
        """Return the demand as amounts of a node's resources."""
        named = {"CPU": self.cpus, "GPU": self.gpus, "memory": self.memory * GIB}
        if self.accelerator:
            named[f"accelerator_type:{self.accelerator}"] = 0.001
        return {name: n for name, n in (named | dict(self.resources)).items() if n}


def room(demand: Demand, nodes: Sequence[Mapping[str, float]]) -> int:
    """Return how many workers the resources of all nodes are enough for.

    Args:
        demand: of one worker.
        nodes: resources of each node, by name.

    Returns:
        The number of workers, each within one node.
    """
    return sum(
        min(
            int(resources.get(name, 0.0) / amount + 1e-6)
            for name, amount in demand.amounts().items()
        )
        for resources in nodes
    )


def shortage(demand: Demand, nodes: Sequence[Mapping[str, float]]) -> str:
    """Return what no node has enough of.

    Args:
        demand: of one worker.
        nodes: resources of each node, by name.

    Returns:
        A text such as ``GPU 1 (0 at most)``; empty if some node has enough.
    """
    if not nodes:
        return "a node"
    if room(demand, nodes):
        return ""
    amounts = demand.amounts().items()
    most = {name: max(node.get(name, 0.0) for node in nodes) for name, _ in amounts}
    lacking = [
        f"{name} {amount:g} ({most[name]:g} at most)"
        for name, amount in amounts
        if most[name] < amount
    ]
    needs = " and ".join(f"{name} {amount:g}" for name, amount in amounts)
    return ", ".join(lacking) or f"{needs} together"


class Cluster:
    """The cluster at an address, or one that is started here and ends with it.

    Args:
        address: ``local`` starts a cluster on this machine only; ``auto`` finds this
            machine's; else ``host:port``; empty is ``auto`` inside a Ray job, or where
            RAY_ADDRESS names a cluster, and ``local`` elsewhere.
        cpus: cores that a local cluster should have.

    Raises:
        ValueError: there is no such cluster; the message is one line.
    """

    def __init__(self, address: str, cpus: float) -> None:
        if not address:
            here = any(os.environ.get(name) for name in JOB_VARIABLES)
            address = AUTO if here else LOCAL
        if ray.is_initialized():
            raise ValueError(
                "this process uses Ray already: call ray.shutdown() before a search"
            )
        self.address = address
        self.is_local = address == LOCAL
        self._folder = ""
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if self.is_local:
            _bring_token()
            # Ray opens its folder to all users of the machine, so it lies in a private
            # one. Its name is short because names of sockets have a limited length.
            self._folder = tempfile.mkdtemp(prefix="neuralopt-")
            options |= {
                "num_cpus": cpus,
                "include_dashboard": False,
                "_temp_dir": f"{self._folder}/ray",
            }
        elif ":" in address:
            _check_reachable(address)
        try:
            ray.init(address=address, **options)
        except (RayError, ConnectionError, OSError, RuntimeError, ValueError) as error:
            self.close()
            cause = shorten(str(error) or type(error).__name__, 150, placeholder=" ...")
            message = f"evaluator.address={address}: can't reach Ray there ({cause})"
            if not self.is_local:
                message += (
                    ": is the token in RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH its own?"
                    if _has_token()
                    else ": if it has a token, put it into RAY_AUTH_TOKEN"
                )
            raise ValueError(message) from None
        _silence()

    def nodes(self) -> list[dict[str, float]]:
        """Return the resources of every node that is alive, or was some seconds ago."""
        nodes = ray.nodes()  # type: ignore[no-untyped-call]
        return [node["Resources"] for node in nodes if node["Alive"]]

    def close(self) -> None:
        """Leave the cluster; a local one ends, and its files are removed."""
        ray.shutdown()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)


def _bring_token() -> None:
    """Set a token for a cluster of our own.

    Ray would otherwise leave one in the user's home: it asks for tokens by default, and
    does not accept a change of RAY_AUTH_MODE.
    """
    if not _has_token():
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


def _has_token() -> bool:
    return "RAY_AUTH_TOKEN" in os.environ or "RAY_AUTH_TOKEN_PATH" in os.environ


def _check_reachable(address: str) -> None:
    """Check that a host answers.

    Ray itself waits minutes for one that does not.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, ValueError, OverflowError) as error:
        raise ValueError(
            f"evaluator.address={address}: nothing answers there ({error}): start a "
            "cluster with `ray start --head` and give its host:port"
        ) from None


def _silence() -> None:
    """Keep pages of Ray's own state off standard output when a worker dies.

    Ray has no setting for them; they are in its log files. The caller that used the
    worker reports what happened to it.
    """
    from ray._private import worker

    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda *_, **__: None
