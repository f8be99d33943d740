"""A Prometheus of a test's own on a free port, from Debian's package ``prometheus``; the test skips without it."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from pmm.localnet.anvil import free_port

_START_S = 60.0


def is_installed() -> bool:
    """Tell whether there is one; `.ci/run` sees to it."""
    return shutil.which("prometheus") is not None


def needs(tool: str) -> str:
    """Return the path of a tool of that package, or skip."""
    found = shutil.which(tool)
    if found is None:
        pytest.skip(f"expected {tool} on PATH; `apt-get install prometheus` brings it")
    return found


class Prometheus:
    """Queries a running server."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=10, trust_env=False)

    def query(self, expr: str) -> list[dict[str, Any]]:
        """Return the series of an instant query; raise AssertionError when Prometheus refuses it."""
        answer = self._client.get("/api/v1/query", params={"query": expr}).json()
        assert answer["status"] == "success", f"{expr}: {answer}"
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def get(self, path: str) -> Any:
        """Return the data of an API path."""
        return self._client.get(path).json()["data"]

    def ready(self) -> bool:
        """Tell whether it answers."""
        try:
            return self._client.get("/-/ready").status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


@contextmanager
def running(folder: Path, targets: dict[str, int], rule_file: Path | None = None) -> Iterator[Prometheus]:
    """Run a server that scrapes each job's port of 127.0.0.1 every second."""
    program, port = needs("prometheus"), free_port()
    config: dict[str, Any] = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}
            for job, target in targets.items()
        ],
    }
    if rule_file is not None:
        config["rule_files"] = [str(rule_file)]
    # JSON is YAML too.
    (folder / "prometheus.yml").write_text(json.dumps(config))
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
    server = Prometheus(f"http://127.0.0.1:{port}")
    try:
        deadline = time.monotonic() + _START_S
        while not server.ready():
            assert process.poll() is None, (folder / "prometheus.log").read_text()[-2_000:]
            assert time.monotonic() < deadline, "prometheus did not start"
            time.sleep(0.1)
        yield server
    finally:
        server.close()
        process.terminate()
        process.wait(20)
