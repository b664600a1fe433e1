#!/bin/sh
# Makes the virtual environment ready: tools/venv.sh FOLDER. Every package comes from requirements.lock, by hash.
# PYTHON=/path/to/python chooses the interpreter. When nothing changed since the last run it returns at once.
set -eu
venv=$1

fail() {
    echo "liandong: $*" >&2
    exit 1
}

fits() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        command -v "$PYTHON" >/dev/null || fail "PYTHON=$PYTHON is not there."
        fits "$PYTHON" || fail "Python 3.11, 3.12 or 3.13 is needed; $PYTHON is $("$PYTHON" -V 2>&1 | cut -d ' ' -f 2)."
        echo "$PYTHON"
        return
    fi
    for name in python3.11 python3.12 python3.13 python3; do
        if command -v $name >/dev/null && fits $name; then
            echo $name
            return
        fi
    done
    found=$(python3 -V 2>/dev/null) || found="no python3"
    fail "Python 3.11, 3.12 or 3.13 is needed, and this machine has $found: install one, or say PYTHON=/path/to/python3.12."
}

build_native() {  # the codec in C; without it the one in Python does the work
    what=$("$venv/bin/python" -c '
import os, pathlib, shutil, sysconfig
compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
if not shutil.which(compiler):
    print(f"a C compiler ({compiler}) is")
elif not pathlib.Path(sysconfig.get_path("include"), "Python.h").exists():
    print("the headers of Python are")
')
    if [ -n "$what" ]; then
        echo "The codec in C is not built: $what missing. The one in Python is used; it is slower."
    elif ! "$venv/bin/python" -m pip install --disable-pip-version-check --no-deps --no-build-isolation \
        --force-reinstall services/native/ >"$venv/native.log" 2>&1; then
        echo "The codec in C could not be built, see $venv/native.log. The one in Python is used; it is slower."
    fi
}

# what the environment is made of; one mark for the packages, one for our own ones
packages=$(cat requirements.lock | sha256sum | cut -c 1-64)
own=$(cat services/*/pyproject.toml services/native/src/* services/native/liandong_native/*.py | sha256sum | cut -c 1-64)
if [ -z "${PYTHON:-}" ] && [ "$(cat "$venv/.made" 2>/dev/null)" = "$packages $own" ]; then
    exit 0
fi

python=$(find_python)
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
if [ "$(cat "$venv/.made" 2>/dev/null)" = "$packages $own" ] && [ "$("$venv/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" = "$version" ]; then
    exit 0
fi

if [ "$(cat "$venv/.packages" 2>/dev/null)" != "$packages $version" ]; then
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$python cannot make virtual environments: install its venv module (Debian: apt install python$version-venv)."
    echo "Making $venv with Python $version and the packages of requirements.lock."
    rm -rf "$venv"
    "$python" -m venv "$venv" || fail "$venv could not be made with $python."
    "$venv/bin/python" -m pip install --disable-pip-version-check --require-hashes -r requirements.lock >"$venv/pip.log" 2>&1 & pip=$!
    total=$(grep -c '^[a-z]' requirements.lock)
    while [ -t 2 ] && kill -0 $pip 2>/dev/null; do
        printf '\r  %s of %s packages ' "$(grep -c '^Collecting' "$venv/pip.log" || true)" "$total" >&2
        sleep 1
    done
    [ ! -t 2 ] || printf '\r\033[K' >&2
    wait $pip || { tail -n 3 "$venv/pip.log" >&2; fail "the packages could not be installed: check the network; the whole story is in $venv/pip.log."; }
    echo "$packages $version" >"$venv/.packages"
fi

set --
for folder in services/*/; do
    [ "$folder" = services/native/ ] || set -- "$@" -e "$folder"
done
"$venv/bin/python" -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation "$@" ||
    fail "the packages under services/ could not be installed."
build_native
echo "$packages $own" >"$venv/.made"
