#!/usr/bin/env bash
# install.sh: builds willrun with the runner's Go. Without WILLRUN_VERSION it is
# the source that this action came with, so that @v1.2.3 names both.
set -euo pipefail
command -v go >/dev/null || { echo "::error::willrun is built with Go, which is not here; actions/setup-go brings it"; exit 2; }
export GOBIN="$RUNNER_TEMP/willrun/bin" CGO_ENABLED=0
if [ -n "${WILLRUN_VERSION:-}" ]; then
  go install "github.com/willrun/willrun/cmd/willrun@$WILLRUN_VERSION"
else
  cd "$GITHUB_ACTION_PATH/../../.."
  go install ./cmd/willrun
fi
echo "$GOBIN" >>"$GITHUB_PATH"
