#!/usr/bin/env bash
# check.sh: runs willrun check as the action's inputs say. The log always has
# the text; a report is written beside it, by the same run's rules.
set -uo pipefail

args=(check)
[ -z "${WILLRUN_TARGETS:-}" ] || args+=(--on "$WILLRUN_TARGETS")
[ -z "${WILLRUN_FAIL_ON:-}" ] || args+=(--fail-on "$WILLRUN_FAIL_ON")
[ -z "${WILLRUN_BASELINE:-}" ] || args+=(--baseline "$WILLRUN_BASELINE")
# Blanks part the files, and globs are expanded: this is what is wanted here.
# shellcheck disable=SC2206
files=(${WILLRUN_FILES:-})

report=
case "${WILLRUN_FORMAT:-text}" in
text) ;;
sarif) report=willrun.sarif ;;
junit) report=willrun.xml ;;
json) report=willrun.json ;;
*)
  echo "::error::format: text, sarif, junit or json is wanted, not $WILLRUN_FORMAT"
  exit 2
  ;;
esac

willrun "${args[@]}" -- "${files[@]}"
status=$?
if [ -n "$report" ]; then
  willrun "${args[@]}" --format "$WILLRUN_FORMAT" -- "${files[@]}" >"$report" 2>/dev/null
  echo "report=$report" >>"$GITHUB_OUTPUT"
fi
echo "status=$status" >>"$GITHUB_OUTPUT"

case "$status" in
1) echo "::error::willrun: something does not start where it must" ;;
3)
  if [ "${WILLRUN_UNKNOWN:-fail}" = pass ]; then
    echo "::warning::willrun: something is not known; the log says what would settle it"
    exit 0
  fi
  echo "::error::willrun: something is not known; the log says what would settle it"
  ;;
esac
exit "$status"
