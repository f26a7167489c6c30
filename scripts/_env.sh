# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts of this folder: makes the virtual environment, or uses it when it is up to date.
#   FLEXGS_VENV  where it lives (default: .venv at the project's root)
#   PYTHON       the interpreter that makes it (default: python3)

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
VENV="${FLEXGS_VENV:-$ROOT/.venv}"
cd "$ROOT"

ensure_env() {
    local python="${PYTHON:-python3}" stamp="$VENV/.flexgs-stamp" wanted
    wanted="$(cat pyproject.toml constraints.txt | cksum) $ROOT"
    if [[ -x "$VENV/bin/python" && -f "$stamp" && "$(cat "$stamp")" == "$wanted" ]]; then
        return
    fi
    if [[ ! -x "$VENV/bin/python" ]]; then
        # flexgs runs on 3.10; several of the pinned versions need 3.11
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
            echo "error: the pinned environment needs Python 3.11 or newer; set PYTHON to one" >&2
            return 2
        }
        "$python" -m venv "$VENV"
    fi
    echo "installing flexgs and its tools into $VENV (once)" >&2
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check \
        -c constraints.txt -e '.[dev]' >&2
    echo "$wanted" >"$stamp"
}
