"""One machine every night: systemd's own check of the units, and our exit codes in them."""

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from jobs import nightly, pagemill
from jobs.command_line import DONE, GATE_BROKEN, HELD, INCOMPLETE, WRONG_USE
from tests.infra.manifests import ROOT

MACHINE = ROOT / "infra" / "machine"
UNITS = ("pagemill-nightly.service", "pagemill-nightly.timer")


def service() -> configparser.SectionProxy:
    unit = configparser.ConfigParser(interpolation=None, strict=True)
    unit.optionxform = str  # type: ignore[method-assign,assignment]
    unit.read_string((MACHINE / UNITS[0]).read_text())
    return unit["Service"]


def verified(folder: Path, *, right: str = "", wrong: str = "") -> str:
    """What systemd says of both units with one change; "" is nothing. The program need not be installed for that."""
    program = shutil.which("systemd-analyze") or pytest.skip("no systemd-analyze here")
    for name in UNITS:
        text = (MACHINE / name).read_text().replace("/opt/pagemill/bin/pagemill", "/bin/true")
        (folder / name).write_text(text.replace(right, wrong))
    command = [program, "verify", "--man=no", *(str(folder / name) for name in UNITS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "\n".join(line for line in done.stderr.splitlines() if "pagemill" in line)


def test_systemd_has_nothing_against_the_units(tmp_path: Path) -> None:
    assert verified(tmp_path) == ""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("SuccessExitStatus", "SuccesExitStatus"),
        ("RestartPreventExitStatus=2 4", "RestartPreventExitStatus=two"),
        ("TimeoutStopSec=60", "TimeoutStopSec=a minute"),
        ("Type=oneshot", "Type=one-shot"),
        ("ProtectSystem=strict", "ProtectSystem=strictly"),
        ("OnCalendar=*-*-* 01:00:00 UTC", "OnCalendar=every night"),
        ("Persistent=true", "Persistant=true"),
        ("RandomizedDelaySec", "RandomisedDelaySec"),
    ],
)
def test_a_planted_fault_in_a_unit_is_caught(right: str, wrong: str, tmp_path: Path) -> None:
    assert any(right in (MACHINE / name).read_text() for name in UNITS)
    assert verified(tmp_path, right=right, wrong=wrong) != ""


def test_each_exit_code_is_what_systemd_takes_it_for() -> None:
    tolerated = {int(code) for code in service()["SuccessExitStatus"].split()}
    for_a_person = {int(code) for code in service()["RestartPreventExitStatus"].split()}
    assert tolerated == {HELD}
    assert for_a_person == {WRONG_USE, GATE_BROKEN}
    assert INCOMPLETE not in tolerated | for_a_person | {DONE}
    assert service()["Restart"] == "on-failure"


@pytest.mark.parametrize("name", ["pagemill-nightly.service", "pagemill-nightly.cron"])
def test_what_is_started_is_a_command_that_our_parser_takes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = re.findall(r"(?m)^[^#\n]*(/opt/pagemill/bin/pagemill .*)$", (MACHINE / name).read_text())
    _, command, *arguments = shlex.split(line)
    taken: list[Path] = []
    monkeypatch.setattr(nightly, "run", lambda parsed: taken.append(parsed.config) or DONE)
    assert pagemill.command([command, *arguments]) == DONE
    assert taken == [Path("/etc/pagemill/nightly.yaml")]


def test_timer_and_cron_start_at_the_same_time() -> None:
    (at,) = re.findall(r"OnCalendar=\*-\*-\* (\d+):(\d+):00 UTC", (MACHINE / UNITS[1]).read_text())
    cron = (MACHINE / "pagemill-nightly.cron").read_text()
    (minute, hour) = re.findall(r"(?m)^(\d+) (\d+) \* \* \* pagemill ", cron)[0]
    assert (int(at[0]), int(at[1])) == (int(hour), int(minute))
    assert "CRON_TZ=UTC" in cron
