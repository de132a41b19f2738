"""A peer's process: started, asked, stopped while others are timed, ended."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from peers.contract import Peer, Plan
from peers.data import Task

TOOLS = Path(__file__).parents[1]
ANSWER_SECONDS, CLEAN_UP_SECONDS = 600.0, 20.0


class PeerError(Exception):
    """A peer failed; the others go on."""


class Worker:
    """A peer's process, stopped except while it is asked something."""

    def __init__(
        self, name: str, peer: Peer, task: Task, plan: Plan, folder: Path
    ) -> None:
        self.name, self.peer, self.folder = name, peer, folder
        fixed = (folder, task.metric, plan.k, plan.threads, plan.clock)
        environment = {
            variable: value.format(threads=plan.threads)
            for variable, value in peer.environment.items()
        }
        paths = [str(TOOLS), os.environ.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        # A library that ends the process leaves files behind; they go with the folder.
        environment["TMPDIR"] = str(folder)
        self.log = folder / f"{name}.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                # Not the working folder's modules, which may be quiver's source tree.
                [sys.executable, "-P", "-m", "peers.worker", name, *map(str, fixed)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
                env={**os.environ, **environment},
            )

    def ask(self, *command: Any, seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
        """Send a command and return the reply; `PeerError` if there is none."""
        self._process.send_signal(signal.SIGCONT)
        # If the process is gone, the missing reply tells.
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(command).encode() + b"\n")
        return self.reply(seconds)

    def reply(self, seconds: float) -> dict[str, Any]:
        """Wait for one reply, then stop the process."""
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        line = self._process.stdout.readline() if ready else b""
        if not line:
            # Ended by itself, unless it is silent.
            (self.end if ready else self.kill)()
            code = self._process.returncode
            reason = (
                f"ended with code {code}" if ready else f"silent for {seconds:.0f} s"
            )
            msg = f"{reason}: {self._last_words()}"
            raise PeerError(msg)
        reply = json.loads(line)
        if "error" in reply:
            self.kill()
            raise PeerError(reply["error"])
        self._process.send_signal(signal.SIGSTOP)
        return reply

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def end(self) -> None:
        """Let the process clean up, and end it."""
        self._process.send_signal(signal.SIGCONT)
        self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(CLEAN_UP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End the process at once, if it still runs."""
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
