#!/usr/bin/env bash
# Installs Debian packages, as root, for their programs only. No service of theirs starts now or at the next boot, and
# existing services stay as they are. Every temporary change to the system is undone.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

log=$(mktemp)
undo=("$log")
trap 'rm -f "${undo[@]}"' EXIT

# Packages ask this program before they start a service; 101 forbids it. A container image may contain one already:
# that one stays.
if [ ! -e /usr/sbin/policy-rc.d ]; then
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
  undo+=(/usr/sbin/policy-rc.d)
fi

install_packages() {
  apt-get install -y -q --no-install-recommends "$@" >"$log" 2>&1
}

# A new container has no package lists, and old lists name files that no longer exist. So a failure is followed by an
# update and a second attempt.
try_install() {
  install_packages "$@" || { apt-get update -q >"$log" 2>&1 && install_packages "$@"; } || { cat "$log" >&2; exit 1; }
}

is_installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

for package in "$@"; do
  new=true
  is_installed "$package" && new=false
  if [ "$package" = postgresql ] && $new; then
    # The package would create a cluster and start it at the next boot. postgresql-common reads this setting first.
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
