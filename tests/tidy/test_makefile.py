"""The Makefile explains itself, and has the targets that the README promises."""

import re
import subprocess

from tools.tidy import ROOT, undocumented_targets

TEXT = (ROOT / "Makefile").read_text()


def test_every_target_has_a_line_in_help() -> None:
    assert undocumented_targets(TEXT) == []


def test_a_target_without_help_is_seen() -> None:
    assert undocumented_targets("a: b\n\ttrue\nc: d  ## does c\nE := 1\n") == ["a"]


def test_help_is_what_make_prints_alone() -> None:
    printed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = set(re.findall(r"^make ([a-z-]+)", printed, re.MULTILINE))
    assert listed == set(re.findall(r"^([a-z-]+):", TEXT, re.MULTILINE))
    assert {"run", "test", "check", "bench", "schemas", "servers", "servers-stop", "proofs"} <= listed
    assert {"chaos", "setup", "help"} <= listed
