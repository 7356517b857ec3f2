#!/bin/sh
# Prints the path of a Chromium for the browser tests; installs Debian's where there is none and it can.
# EMO_CHROMIUM names another one.
if [ -n "$EMO_CHROMIUM" ]; then
    command -v "$EMO_CHROMIUM" && exit 0
    echo "EMO_CHROMIUM=$EMO_CHROMIUM is no program that can be run" >&2
    exit 1
fi
find_one() { command -v chromium || command -v chromium-browser || command -v google-chrome; }
find_one && exit 0
if ! command -v apt-get >/dev/null; then
    echo "the browser tests need Chromium: install it, or set EMO_CHROMIUM to its path" >&2
    exit 1
fi
root=""
[ "$(id -u)" = 0 ] || root="sudo -n"
export DEBIAN_FRONTEND=noninteractive
if ! { $root apt-get update && $root apt-get install -y --no-install-recommends chromium fonts-dejavu-core; } >&2; then
    echo "the browser tests need Chromium, and apt-get could not install it (no root, or no network?):" >&2
    echo "install it by hand, or set EMO_CHROMIUM to the path of one" >&2
    exit 1
fi
find_one
