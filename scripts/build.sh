# Builds the solution and publishes the programs. Sourced by ./auctions and tests/run, which set $here to the root.
# shellcheck shell=bash
: "${here:?}"

# Succeeds if a source is newer than the last successful build. Directories count too: a file may have been removed.
is_stale() {
  [ ! -f "$here/artifacts/built" ] || [ ! -f "$here/artifacts/programs/DevStack/DevStack.dll" ] || [ -n "$(
    cd "$here" && find src tests protos bench web scripts ./*.sln ./*.props ./*.txt .editorconfig global.json \
      \( -name bin -o -name obj -o -name node_modules \) -prune \
      -o -newer "$here/artifacts/built" -print -quit 2>/dev/null
  )" ]
}

# Two builds at the same time would write the same files. So the second one waits, and then has nothing to do. Only the
# subshell holds the lock: no process that is started later inherits it.
build() {
  mkdir -p "$here/artifacts"
  (
    flock -n 9 || { echo "Waiting for another build ..."; flock 9; }
    is_stale || exit 0
    printf 'Building ... '
    local started=$SECONDS log=$here/artifacts/build.log
    touch "$here/artifacts/built.new"
    if ! (
      cd "$here"
      dotnet build Auctions.sln -c Release -v q --nologo --disable-build-servers &&
        dotnet build scripts/programs.proj -t:Publish -v q --nologo --disable-build-servers
    ) >"$log" 2>&1 9>&-; then
      echo "failed after $((SECONDS - started)) s"
      grep -E '(error|warning) [A-Z]+[0-9]+' "$log" | sort -u | head -n 40 >&2 || tail -n 40 "$log" >&2
      exit 1
    fi
    mv "$here/artifacts/built.new" "$here/artifacts/built"
    echo "done in $((SECONDS - started)) s"
  ) 9>"$here/artifacts/build.lock"
}
