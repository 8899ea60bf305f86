#!/usr/bin/env bash
# The containers of docker-compose.yml, run for real. Each part is a Compose project of its own; what it makes is gone
# afterwards, images excepted. Needs root, a Docker engine, and ports 443 and 9999 free.
#   e2e/containers/run.sh [all-layers] [redis] [observability] [crowdsec]
# Where no registry is reached, base-images.sh makes the base images first. Ends with a line `N passed, N failed`.
set -uo pipefail
cd "$(dirname "$0")" || exit

parts=("$@")
[[ $# -gt 0 ]] || parts=(all-layers redis observability crowdsec)
output=$(mktemp)
trap 'rm -f "$output"' EXIT
passed=0 failed=0
for part in "${parts[@]}"; do
  [[ -x $part.sh ]] || { echo "there is no part $part"; exit 2; }
  printf '\n== %s\n' "$part"
  "./$part.sh" 2>&1 | tee "$output"
  status=${PIPESTATUS[0]}
  [[ $status -ne 77 ]] || exit 77
  if [[ $(tail -n 1 "$output") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
  else
    failed=$((failed + 1))
  fi
done
printf '\n%d passed, %d failed\n' "$passed" "$failed"
[[ $failed -eq 0 ]]
