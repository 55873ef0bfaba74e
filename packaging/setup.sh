#!/bin/sh
# Make the virtual environment and install the package: setup.sh PYTHON VENV TARGET
# System packages are installed where we may (root on Debian or Ubuntu); otherwise the one command
# to type is printed.
set -eu
python=$1 venv=$2 target=$3
qt_packages="libglib2.0-0 libgl1 libegl1 libfontconfig1 libxkbcommon0 libdbus-1-3"
window_packages="libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxkbcommon-x11-0 libxcb-shape0"

system_packages() {
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "installing system packages: $*"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
    else
        echo "xgen: this machine lacks: $*" >&2
        echo "xgen: type: sudo apt-get install $*" >&2
        exit 1
    fi
}

command -v "$python" >/dev/null 2>&1 || system_packages python3 python3-venv
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "xgen: $("$python" --version) is too old; Python 3.11 or newer is needed" >&2
    echo "xgen: name another with: make run PYTHON=python3.12" >&2
    exit 1
}
"$python" -c 'import venv, ensurepip' 2>/dev/null || system_packages python3-venv

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
echo "installing into $venv (some minutes the first time)"
log=$venv/install.log
"$venv/bin/python" -m pip install --disable-pip-version-check \
    -c constraints.txt -e "$target" >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    echo "xgen: the installation failed; the whole log is $log" >&2
    exit 1
}
# Qt is loaded once: its wheels bring everything but these system libraries
if ! trouble=$("$venv/bin/python" -c 'import PySide6.QtGui' 2>&1); then
    case $trouble in
        *"cannot open shared object"*) system_packages $qt_packages ;;
        *) echo "xgen: Qt does not load: $(echo "$trouble" | tail -n 1)" >&2; exit 1 ;;
    esac
fi
if [ -n "${DISPLAY:-}" ] && ! ldconfig -p 2>/dev/null | grep -q libxcb-cursor; then
    if [ "$(id -u)" = 0 ]; then
        system_packages $window_packages
    else
        echo "xgen: a window will need: sudo apt-get install $window_packages" >&2
    fi
fi
