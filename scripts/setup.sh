#!/bin/sh
# Builds the environment in $VENV from requirements.lock: every file is checked against its hash,
# the project itself is installed editable. Bytecode is compiled here, so that no first command pays
# for it. Run by make; a second run changes nothing.
set -eu

python=${PYTHON:-python3}
venv=${VENV:-.venv}
interpreter="$venv/bin/python"

say() { printf 'setup: %s\n' "$*" >&2; }
fail() {
    say "$@"
    exit 1
}
recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

if ! recent "$interpreter"; then
    command -v "$python" >/dev/null 2>&1 ||
        fail "there is no '$python' here. Install Python 3.11 or later, or name one:" \
            "make PYTHON=/path/to/python3"
    recent "$python" ||
        fail "'$python' is $("$python" -V 2>&1), and 3.11 or later is needed. Name another one:" \
            "make PYTHON=/path/to/python3"
    say "making $venv with $("$python" -V 2>&1)"
    "$python" -m venv --clear "$venv" ||
        fail "'$python -m venv' failed (Debian and Ubuntu: apt-get install python3-venv)"
fi

plain_pip() {
    "$interpreter" -m pip install --quiet --disable-pip-version-check --no-deps "$@"
}
fast_uv() {
    "$venv/bin/uv" pip install --quiet --python "$interpreter" --no-deps --compile-bytecode "$@"
}

# uv's own version and hashes stand in the lock like everybody's.
awk '/^uv==/ {on = 1} on {print} on && !/\\$/ {exit}' requirements.lock >"$venv/uv.txt"
if ! plain_pip --require-hashes -r "$venv/uv.txt"; then
    say "uv could not be installed; going on with pip, which is slower"
fi

say "installing what requirements.lock names"
if [ ! -x "$venv/bin/uv" ] || ! fast_uv --require-hashes -r requirements.lock; then
    say "installing with pip instead"
    plain_pip --require-hashes -r requirements.lock
fi

# The build backend was installed with the rest, so nothing outside the lock is fetched.
plain_pip --no-build-isolation --editable .
say "ready: $venv"
