#!/bin/bash
# tools.sh: the programs that tests ask or that check what is made, beside those that build the lab (lab/install.sh); as root,
# on Debian 12; says what is missing otherwise. A program that is there is taken as it is, wherever it came from.
set -u; cd "$(dirname "$0")"
missing=()
while IFS=$'\t' read -r package program _; do command -v "$program" >/dev/null || missing+=("$package"); done < tools.tsv
[ ${#missing[@]} = 0 ] && exit 0
if [ "$(id -u)" != 0 ]; then echo "not root: install ${missing[*]}, or the tests that need them are skipped"; exit 0; fi
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update && apt-get -qq -y install --no-install-recommends "${missing[@]}" >/dev/null
