#!/bin/bash
# tools.sh: the programs that tests ask or that check what is made, beside those that build the lab (lab/install.sh); as root,
# on Debian 12; says what is missing otherwise.
set -u; cd "$(dirname "$0")"
missing=()
for p in $(cut -f1 tools.tsv); do dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p"); done
[ ${#missing[@]} = 0 ] && exit 0
if [ "$(id -u)" != 0 ]; then echo "not root: install ${missing[*]}, or the tests that need them are skipped"; exit 0; fi
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update && apt-get -qq -y install --no-install-recommends "${missing[@]}" >/dev/null
