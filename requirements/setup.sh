#!/usr/bin/env bash
# Make a virtual environment with pinned packages and this project: setup.sh VENV REQUIREMENTS...
# PYTHON=/path/to/python3.12 chooses the interpreter. `make demo` and `make test` call it.
set -euo pipefail
cd -P "$(dirname "$0")/.."

venv=$1
shift
log=$venv/pip.log
commands=(python3.13 python3.12 python3.11 python3 python)
[ -z "${PYTHON:-}" ] || commands=("$PYTHON")
case $venv in *test*) goal=test ;; *) goal=demo ;; esac

say() { printf 'catseye: %s\n' "$*" >&2; }

fail() {
    say "$1"
    shift
    [ $# -eq 0 ] || printf '         %s\n' "$@" >&2
    exit 1
}

is_suitable() { # a Python of 3.11 to 3.13 that starts
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' > /dev/null 2>&1
}

version_of() { "$1" -c 'import sys; print(sys.version)' 2> /dev/null; }

has_venv() { "$1" -c 'import ensurepip, venv' > /dev/null 2>&1; }

find_python() { # prints the first suitable interpreter, one with its venv module if there is any
    local candidate first=
    for candidate in "${commands[@]}"; do
        is_suitable "$candidate" || continue
        first=${first:-$candidate}
        if has_venv "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "$first"
}

make_venv() {
    local python version
    python=$(find_python)
    if [ -z "$python" ]; then
        fail "Python 3.11, 3.12 or 3.13 is needed, and none of these starts one: ${commands[*]}." \
            "Debian 12 and 13, Ubuntu 24.04, Raspberry Pi OS: sudo apt install python3 python3-venv" \
            "Elsewhere: install one, then: make $goal PYTHON=/path/to/python3.13"
    fi
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    if ! has_venv "$python"; then
        fail "Python $version ($(command -v "$python")) comes without its venv module." \
            "Debian, Ubuntu, Raspberry Pi OS: sudo apt install python3-venv" \
            "(or python$version-venv, if Python $version is not the system's own)"
    fi
    say "creating $venv with Python $version"
    rm -rf "$venv"
    "$python" -m venv "$venv"
}

pip_install() { # shows the file names of downloads; keeps everything else for the case of failure
    if "${emulation[@]}" "$venv/bin/python" -m pip install --no-input --disable-pip-version-check \
        --retries 2 "$@" 2>&1 | tee "$log" |
        awk '$1 == "Downloading" && /\.whl/ { n = split($2, part, "/"); print "  " part[n]; fflush() }' >&2
    then
        return
    fi
    if grep -q CERTIFICATE_VERIFY_FAILED "$log"; then
        fail "the packages could not be downloaded: pip does not trust pypi.org's certificate." \
            "Is there a proxy in between? Name its certificate with PIP_CERT=/path/to/ca.pem" \
            "pip's own words are in $log"
    fi
    if grep -qiE 'retrying|connection|timed out|name resolution|unreachable|proxy' "$log"; then
        fail "the packages could not be downloaded: no network, or no way to pypi.org from here." \
            "Connect and run the command again; behind a proxy set HTTPS_PROXY first." \
            "pip's own words are in $log"
    fi
    tail -n 15 "$log" >&2
    fail "pip could not install the packages; all it said is in $log"
}

is_usable() { # made in this place, by the interpreter that is asked for, and not broken off
    grep -qsF "$PWD/$venv" "$venv/bin/activate" && is_suitable "$venv/bin/python" &&
        "$venv/bin/python" -m pip --version > /dev/null 2>&1 || return 1
    [ -z "${PYTHON:-}" ] || [ "$(version_of "$venv/bin/python")" = "$(version_of "$PYTHON")" ]
}

is_usable || make_venv

# A 32-bit system on a 64-bit kernel (Raspberry Pi OS) must say so, or pip takes it for 64 bit.
emulation=(env)
bits=$("$venv/bin/python" -c 'import struct; print(8 * struct.calcsize("P"))')
if [ "$bits" = 32 ] && [ "$(uname -m)" = aarch64 ]; then emulation=(setarch linux32); fi

say "installing into $venv (the first time it downloads some 100 MB for demo, 800 MB for test)"
pinned=()
unneeded=()
for file in "$@"; do
    # Only files of scikit-image's wheel are used, so that none of its dependencies is needed.
    if [ "$file" = requirements/demo.txt ]; then unneeded+=(-r "$file"); else pinned+=(-r "$file"); fi
done
if [ "$bits" = 32 ]; then # piwheels builds its own wheels, whose hashes are not in the pinned files
    pip_install --prefer-binary --editable .
else
    pip_install "${pinned[@]}" -r requirements/build.txt
    pip_install --no-deps --no-build-isolation --editable .
fi
[ ${#unneeded[@]} -eq 0 ] || pip_install --no-deps "${unneeded[@]}"
