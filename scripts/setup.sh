#!/usr/bin/env bash
# Makes a checkout ready to use: Debian packages, .venv/, build/, the aarch64 runtime.
# Every step looks first whether its result is there: a second run is quick and needs no network.
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-python3}
JOBS=${JOBS:-$(nproc)}
PACKAGES=(
  clang-22 lld-22 llvm-22 llvm-22-dev llvm-22-tools libmlir-22-dev mlir-22-tools
  cmake ninja-build ccache clang-format-22 clang-tidy-22 git make python3-venv
  qemu-user libc6-arm64-cross libstdc++6-arm64-cross libc6-dev-arm64-cross # build and run for aarch64
)
STEPS=4
LOG=build/setup.log

die() {
  echo "setup: $*" >&2
  exit 1
}

# step NUMBER TITLE FUNCTION runs FUNCTION with its output in the log, and prints one line.
# FUNCTION may add to that line by writing to descriptor 3.
step() {
  local begin=$SECONDS status
  printf '[%d/%d] %s ... ' "$1" "$STEPS" "$2"
  set +e # a function called as an `if` condition would run on after a failed command
  (set -e && "$3") 3>&1 >"$LOG.step" 2>&1
  status=$?
  set -e
  cat "$LOG.step" >>"$LOG"
  if [ $status -ne 0 ]; then
    echo "failed"
    tail -n 20 "$LOG.step" >&2
    die "step $1 of $STEPS, $2, failed; all of its output is in $LOG"
  fi
  rm "$LOG.step"
  echo "done ($((SECONDS - begin)) s)"
}

install_packages() {
  local package missing=() root=()
  for package in "${PACKAGES[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" || true)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo -n "installing ${#missing[@]} ... " >&3
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo || die "needs root or sudo to install: ${missing[*]}"
    root=(sudo)
  fi
  "${root[@]}" apt-get update
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    -o DPkg::Lock::Timeout=300 "${missing[@]}"
}

install_python() {
  local key installed=.venv/.ulq-installed
  .venv/bin/python -c 'import pip' || "$PYTHON" -m venv .venv
  key="$PWD $(sha256sum pyproject.toml)"
  if [ ! -x .venv/bin/ulq ] || [ "$(cat $installed)" != "$key" ]; then
    echo -n "installing ... " >&3
    .venv/bin/python -m pip install --disable-pip-version-check --editable '.[dev]'
    echo "$key" >$installed
  fi
}

build_cpp() {
  [ -e build/build.ninja ] || cmake -G Ninja -S . -B build -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_C_COMPILER=clang-22 -DCMAKE_CXX_COMPILER=clang++-22 -DLLVM_USE_LINKER=lld \
    -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache \
    -DMLIR_DIR=/usr/lib/llvm-22/lib/cmake/mlir
  ninja -C build -j "$JOBS"
  # A link, so that ninja alone refreshes the command.
  ln -sfn ../../build/bin/ulq-opt .venv/bin/ulq-opt
  .venv/bin/ulq-opt --version
}

# The aarch64 wheel of the IREE runtime holds an iree-run-module that qemu can run.
fetch_aarch64_runtime() {
  local version home=.venv/share/ulq/aarch64
  version=$(.venv/bin/python -c 'from importlib.metadata import version; print(version("iree-base-runtime"))')
  [ ! -d "$home/iree_base_runtime-$version.dist-info" ] || return 0
  rm -rf "$home" "$home.part"
  mkdir -p "$home.part"
  .venv/bin/python -m pip download --disable-pip-version-check --dest "$home.part" --no-deps --only-binary=:all: \
    --platform manylinux_2_28_aarch64 --python-version 3.11 "iree-base-runtime==$version"
  .venv/bin/python -m zipfile --extract "$home.part"/*.whl "$home.part"
  rm "$home.part"/*.whl
  chmod +x "$home.part/iree/_runtime_libs/iree-run-module"
  mv "$home.part" "$home"
}

command -v apt-get >/dev/null || die "needs a Debian system (12 or newer) for its clang and MLIR 22 packages"
command -v "$PYTHON" >/dev/null || die "needs Python 3.11 or newer, found no $PYTHON"
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || die "needs Python 3.11 or newer, got $("$PYTHON" -V)"

mkdir -p build
: >"$LOG"
step 1 "Debian packages" install_packages
step 2 "Python packages in .venv/" install_python
step 3 "C++ in build/" build_cpp
step 4 "aarch64 runtime for qemu" fetch_aarch64_runtime
