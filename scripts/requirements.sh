# Checks what the machine needs, and installs missing packages. Sourced by ./auctions and tests/run.
# shellcheck shell=bash

die() {
  printf '%s\n' "$*" >&2
  exit 1
}

require_for_running() {
  require_dotnet
  require_packages redis-server postgresql
}

# Fault runs also set clocks wrong.
require_for_faults() {
  require_for_running
  require_packages faketime
}

require_for_tests() {
  require_for_faults
  require_node
  require_packages docker-compose python3-grpcio python3-protobuf
}

require_dotnet() {
  command -v dotnet >/dev/null ||
    die "The .NET SDK 10 is required, but dotnet is not on the PATH: https://dotnet.microsoft.com/download/dotnet/10.0"
  dotnet --list-sdks | grep -q '^10\.' ||
    die "The .NET SDK 10 is required, but only these are installed: $(dotnet --list-sdks | tr '\n' ' ')"
}

require_node() {
  command -v node >/dev/null || die "Node.js 20 or newer is required, but node is not on the PATH: https://nodejs.org"
  [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] ||
    die "Node.js 20 or newer is required, but $(node --version) is installed"
  command -v npm >/dev/null || die "npm is required; it comes with Node.js"
}

# Succeeds if the programs of a Debian package are present, no matter who installed them. Python modules of Debian
# belong to the system's interpreter, which may not be the first on the PATH.
has() {
  case $1 in
    redis-server) command -v redis-server ;;
    postgresql) command -v postgres || compgen -G '/usr/lib/postgresql/*/bin/postgres' ;;
    docker-compose) command -v docker-compose ;;
    faketime) compgen -G '/usr/lib/*/faketime/libfaketime.so.1' ;;
    python3-grpcio) /usr/bin/python3 -c 'import grpc' ;;
    python3-protobuf) /usr/bin/python3 -c 'import google.protobuf' ;;
  esac >/dev/null 2>&1
}

require_packages() {
  local package missing=() as_root=()
  for package in "$@"; do
    has "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0

  if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo -n)
    sudo -n true 2>/dev/null || as_root=()
  fi
  if ! command -v apt-get >/dev/null || { [ "$(id -u)" -ne 0 ] && [ ${#as_root[@]} -eq 0 ]; }; then
    die "missing: ${missing[*]}
Install them first; on Debian or Ubuntu:
  sudo apt-get update && sudo apt-get install --no-install-recommends ${missing[*]}"
  fi
  echo "Installing ${missing[*]} ..."
  "${as_root[@]}" bash "${BASH_SOURCE[0]%/*}/install-packages.sh" "${missing[@]}"
  for package in "${missing[@]}"; do
    has "$package" || die "$package was installed, but the programs that it should contain are still not found"
  done
}
