#!/usr/bin/env bash
# Prepares .venv from uv.lock and nothing else: finds a Python, puts the pinned uv into .venv, lets it install.
# Usage: tools/prepare.sh run   what `galapagos` needs
#        tools/prepare.sh all   that, the test tools and the programs that the differential tests ask
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

UV_VERSION=0.13.9
what=${1:?usage: tools/prepare.sh run|all}

say() { printf 'setup: %s\n' "$*" >&2; }
stop() { say "$*"; exit 2; }

fits() { "$1" -c 'import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1; }

find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python; do
    if fits "$candidate"; then printf '%s' "$candidate"; return; fi
  done
  stop "no Python 3.11, 3.12 or 3.13 found. Install one, or name it: make PYTHON=/path/to/python3.12 ..."
}

make_environment() {
  local python
  python=$(find_python)
  say "creating .venv with $("$python" --version)"
  if ! "$python" -m venv --clear .venv >/dev/null 2>&1; then
    # Debian splits ensurepip off; a pip outside serves as well.
    "$python" -m venv --clear --without-pip .venv || stop "$python cannot create virtual environments"
    "$python" -m pip --python .venv/bin/python install --quiet "uv==$UV_VERSION" ||
      stop "$python has neither ensurepip nor pip. On Debian: apt-get install python3-venv"
  fi
}

has_uv() { [ "$(.venv/bin/uv --version 2>/dev/null | cut -d' ' -f2)" = "$UV_VERSION" ]; }

fits .venv/bin/python || make_environment
if ! has_uv; then
  .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >/dev/null
  .venv/bin/python -m pip install --quiet "uv==$UV_VERSION"
fi

# uv would otherwise follow an activated environment, or a Python that the user prefers elsewhere.
unset VIRTUAL_ENV CONDA_PREFIX
export UV_PROJECT_ENVIRONMENT=.venv UV_PYTHON=.venv/bin/python UV_PYTHON_DOWNLOADS=never
groups=()
[ "$what" = all ] || groups=(--no-default-groups)

say "installing what uv.lock names ($what); the first time this downloads a few hundred megabytes"
index=${UV_DEFAULT_INDEX:-${UV_INDEX_URL:-${PIP_INDEX_URL:-$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || true)}}}
if [ -z "$index" ]; then
  # --inexact: `run` must not remove what `all` installed, nor either of them uv itself.
  .venv/bin/uv sync --quiet --frozen --inexact ${groups[@]+"${groups[@]}"}
else
  # The lock file holds addresses of its own; with an index configured the same hashes are looked up there.
  .venv/bin/uv export --quiet --frozen --no-emit-project ${groups[@]+"${groups[@]}"} --output-file .venv/locked.txt
  UV_DEFAULT_INDEX=$index .venv/bin/uv pip install --quiet --require-hashes --requirement .venv/locked.txt
  UV_DEFAULT_INDEX=$index .venv/bin/uv pip install --quiet --no-deps --editable .
fi
touch .venv/stamp-run
[ "$what" = run ] || touch .venv/stamp-all
