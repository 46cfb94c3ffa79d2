# Makes .venv and installs neuralopt into it. Sourced, not run: by quickstart and test.
# shellcheck shell=bash
# It only makes the environment; what is run there is the caller's business.
#
#   prepare_environment           what a search needs
#   prepare_environment test,dev  and what the tests and checks need
#   prepare_environment test,dev,optax,docs  and what optax exports and the site need

fail() {
    printf '\n%s\n' "$*" >&2
    exit 1
}

# Succeeds for a Python that neuralopt can run on.
in_range() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
        >/dev/null 2>&1
}

# Prints the first suitable Python; for one without the venv module it gives advice.
find_python() {
    local candidate crippled=""
    for candidate in python3 python3.13 python3.12 python3.11; do
        in_range "$candidate" || continue
        if "$candidate" -c 'import ensurepip, venv' >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
        crippled=${crippled:-$candidate}
    done
    [ -z "$crippled" ] || fail "$crippled has no venv module." \
        "Install it (Debian, Ubuntu: the package python3-venv) and run this again."
    fail "No Python 3.11, 3.12 or 3.13 found (tried python3, python3.13, python3.12," \
        "python3.11). Install one of them and run this again."
}

has_working_venv() {
    in_range .venv/bin/python && .venv/bin/python -c 'import pip' >/dev/null 2>&1
}

make_venv() {
    local python
    has_working_venv && return
    # -e is false for a link to a Python that was removed, hence -L.
    if [ -e .venv/bin/python ] || [ -L .venv/bin/python ]; then
        in_range .venv/bin/python ||
            fail "The Python in .venv does not run, or is not 3.11, 3.12 or 3.13." \
                "Remove the folder .venv and run this again."
    fi
    python=$(find_python)
    echo "Making .venv with $python ($("$python" --version 2>&1))"
    # This also completes an interrupted attempt.
    if ! "$python" -m venv .venv || ! has_working_venv; then
        fail "Could not make .venv. Remove the folder .venv, if any, and run this again."
    fi
}

# Prints a hash of what an install depends on: when it changes, install again.
wanted() {
    .venv/bin/python - <<'PYTHON'
import hashlib, pathlib, sys

digest = hashlib.sha256(f"{sys.version} {pathlib.Path.cwd()}".encode())
for name in ("pyproject.toml", "constraints.txt"):
    digest.update(pathlib.Path(name).read_bytes())
print(digest.hexdigest())
PYTHON
}

explain_torch_size() {
    local pin
    [ "$(uname -s)" = Linux ] || return 0
    .venv/bin/python - <<'PYTHON' || return 0
import importlib.util, sys

sys.exit(importlib.util.find_spec("torch") is not None)
PYTHON
    pin=$(sed -n '/^torch==/p' constraints.txt)
    cat <<NOTE

Note: on Linux the usual torch brings gigabytes of CUDA libraries, which only a machine
with an NVIDIA GPU can use. To do without them, stop this with Ctrl-C, install the CPU
build and run this again; a torch of this version is kept if it is there already:
    .venv/bin/python -m pip install $pin --index-url INDEX
where INDEX is the one that PyTorch's "Get Started" page names for pip and CPU.

NOTE
}

# Filters pip's output: these lines show where the time goes.
show_progress() {
    local line
    while IFS= read -r line; do
        line=${line#"${line%%[! ]*}"} # without leading blanks
        case $line in
            Downloading* | "Using cached"*) ;;
            Processing*) line="Using ${line##*/}" ;;
            "Building wheel for"*started*) line=${line%%:*} ;;
            "Installing collected"*) line="Unpacking it all: a minute, with CUDA more" ;;
            *) continue ;;
        esac
        printf '  [%3ds] %s\n' "$SECONDS" "${line%% (from *}"
    done
}

install() { # extras, what it is made from
    local target=. stamp=.venv/neuralopt-installed
    [ -z "$1" ] || target=".[$1]"
    explain_torch_size
    echo "Installing neuralopt and the pinned versions in constraints.txt into .venv"
    rm -f "$stamp"
    .venv/bin/python -m pip install --no-input --disable-pip-version-check \
        --progress-bar off -c constraints.txt -e "$target" | show_progress ||
        fail "The installation failed; pip says why above." \
            "What is already downloaded is kept: run this again to continue."
    printf '%s %s\n' "$2" "$1" >"$stamp"
    echo "Installed after $SECONDS s"
}

prepare_environment() { # extras
    local extras=${1-} now had="" had_extras=""
    make_venv
    now=$(wanted)
    if [ -r .venv/neuralopt-installed ]; then
        read -r had had_extras <.venv/neuralopt-installed || true
    fi
    # An environment with more extras will do: its list begins with those asked for.
    case "$had $had_extras" in
        "$now $extras"*) ;;
        *) install "$extras" "$now" ;;
    esac
}
