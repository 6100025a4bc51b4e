#!/usr/bin/env bash
# Pin requirements/*.txt anew: for maintainers, needs uv (https://docs.astral.sh/uv/) and a network.
# The files hold for Python 3.11 to 3.13 on 64-bit Linux and macOS; pip checks the hashes.
set -euo pipefail
cd "$(dirname "$0")/.."

compile() {
    local target=$1
    shift
    uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
        --default-index https://pypi.org/simple --no-emit-index-url --no-header --no-annotate \
        --output-file "$target.new" "$@"
    # Limits that hold for the whole file (tool.uv in pyproject.toml) need not stand on each line.
    {
        echo "# Made by 'make lock'; do not edit."
        sed -E "/^[^ #]/{
            s/ and platform_machine != 'armv(7|8)l'//g
            s/ and python_full_version < '3.14'//
            s/ ; python_full_version < '3.14' and/ ;/
            s/ ; python_full_version < '3.14'//
        }" "$target.new"
    } > "$target"
    rm "$target.new"
}

compile requirements/runtime.txt pyproject.toml
compile requirements/build.txt --constraints requirements/runtime.txt - <<< hatchling
compile requirements/demo.txt --no-deps - <<< scikit-image
compile requirements/test.txt --constraints requirements/runtime.txt \
    --constraints requirements/build.txt --extra desktop --extra dev pyproject.toml
