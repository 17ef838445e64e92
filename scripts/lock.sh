#!/bin/sh
# Resolves requirements.lock anew: one file for every platform and Python from 3.11 on, with hashes.
# Settings of this machine (indexes, folders of wheels) are left out, so that the hashes are those
# of the public index; the file names no index. Run by make; arguments go to uv.
set -eu

env -u UV_INDEX -u UV_DEFAULT_INDEX -u UV_INDEX_URL -u UV_EXTRA_INDEX_URL -u UV_FIND_LINKS \
    -u UV_INDEX_STRATEGY -u UV_CONSTRAINT -u UV_OVERRIDE -u UV_PRERELEASE \
    UV_CUSTOM_COMPILE_COMMAND='make lock' \
    "${BIN:-.venv/bin}/uv" pip compile --no-config --quiet --universal --python-version 3.11 \
    --group dev --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
    --output-file requirements.lock "$@" pyproject.toml

if grep -n '://' requirements.lock >&2; then
    echo 'lock: requirements.lock must name no address' >&2
    exit 1
fi
