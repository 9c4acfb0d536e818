#!/usr/bin/env bash
# Installs Debian packages, as root, for their programs alone: no service of theirs is started now or at the next boot,
# and none that was there before is touched. What it changes to that end it changes back.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

log=$(mktemp)
undo=("$log")
trap 'rm -f "${undo[@]}"' EXIT

# Asked by packages before they start a service; 101 says no. A container image may have brought one: that stays.
if [ ! -e /usr/sbin/policy-rc.d ]; then
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
  undo+=(/usr/sbin/policy-rc.d)
fi

install_packages() {
  apt-get install -y -q --no-install-recommends "$@" >"$log" 2>&1
}

# The package lists of a fresh container are empty, and old ones name files that are gone.
try_install() {
  install_packages "$@" || { apt-get update -q >"$log" 2>&1 && install_packages "$@"; } || { cat "$log" >&2; exit 1; }
}

installed_before() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

for package in "$@"; do
  new=true
  installed_before "$package" && new=false
  if [ "$package" = postgresql ] && $new; then
    # It would make a cluster and, at the next boot, start it. Its common part reads this before it does.
    try_install postgresql-common
    no_cluster=/etc/postgresql-common/createcluster.d/auctions.conf
    mkdir -p "${no_cluster%/*}"
    echo 'create_main_cluster = false' >"$no_cluster"
    undo+=("$no_cluster")
  fi
  try_install "$package"
  if $new && [ -e "/etc/init.d/$package" ]; then
    update-rc.d "$package" disable >/dev/null
    ! command -v systemctl >/dev/null || systemctl disable --quiet "$package.service" 2>/dev/null
  fi
done
