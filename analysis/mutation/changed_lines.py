"""The lines of the contracts that differ from an earlier commit."""

from __future__ import annotations

import re
import subprocess

from analysis.staging import ROOT

_HUNK = re.compile(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@", re.MULTILINE)


def changed_lines(file: str, commit: str) -> frozenset[int]:
    """Return the numbers, from 1, of the lines of a file of contracts/ that are not the commit's; all of a new file's.

    Raises:
        SystemExit: git does not know the commit.
    """
    command = ("git", "diff", "--unified=0", "--no-color", "--no-ext-diff", commit, "--", f"contracts/{file}")
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    if ran.returncode != 0:
        raise SystemExit(f"error: expected a commit to compare with, found {commit!r}: {ran.stderr.strip()}")
    return frozenset(
        number
        for start, length in _HUNK.findall(ran.stdout)
        for number in range(int(start), int(start) + int(length or 1))
    )
