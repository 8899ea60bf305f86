#!/usr/bin/env bash
# What the parts of the containers' proof share: a Compose project of a part's own, two clients in network namespaces,
# checks, and the commands of a page. A part sources this, says `begin PROFILES`, and ends with `finish`.
# shellcheck disable=SC2034 # variables that only parts use
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root" || exit

cannot() { echo "!! NOT RUN: the containers' proof needs $1"; exit 77; }
[[ $(id -u) -eq 0 ]] || cannot root
docker info >/dev/null 2>&1 || cannot 'a Docker engine that runs'
if docker compose version >/dev/null 2>&1; then compose_command='docker compose'
elif docker-compose version >/dev/null 2>&1; then compose_command=docker-compose
else cannot 'docker compose or docker-compose'; fi
for tool in ip nft curl openssl; do command -v $tool >/dev/null || cannot "$tool"; done

work=$(mktemp -d) project=patroneos-e2e-$$ good=patroneos-$$-good abuser=patroneos-$$-abuser
passed=0 failed=0 load=

# Makes .env with the profile and a secret, and the images: those of the profile, and of services whose profile a page adds.
begin() { # profile [service...]
  [[ -z $(ss -Hltn 'sport = 443 or sport = 9999') ]] || cannot 'ports 443 and 9999 free'
  chmod 755 "$work"
  printf 'COMPOSE_PROFILES=%s\nPATRONEOS_RELAY_SECRET=whsec_%s\nPATRONEOS_MAXCONN=2000\n' \
    "$1" "$(openssl rand -base64 32)" > "$work/.env"
  trap destroy EXIT
  { compose build && { [[ $# -eq 1 ]] || compose build "${@:2}"; }; } >"$work/build.log" 2>&1 || { tail -n 20 "$work/build.log"; echo '!! the images cannot be built'; exit 1; }
}

compose() { $compose_command -p "$project" --project-directory "$root" --env-file "$work/.env" "$@"; }
# The label is Compose's own, of either version; asking Docker is a second faster than asking Compose.
containers() {
  docker ps -aq --filter "label=com.docker.compose.project=$project" --filter "label=com.docker.compose.service=$1"
}
container() { containers "$1" | head -n 1; }
inside() { local service=$1; shift; docker exec "$(container "$service")" "$@"; }

destroy() {
  [[ -n $load ]] && kill "$load" 2>/dev/null
  # Services of every profile that a page's commands may have added.
  compose down -v --timeout 5 >/dev/null 2>&1
  # What a fail2ban leaves that was not given its time.
  nft delete table inet patroneos 2>/dev/null
  for name in "$good" "$abuser"; do ip netns delete "$name" 2>/dev/null; done
  rm -rf "$work"
}

finish() {
  [[ $failed -gt 0 ]] && compose logs --tail=40 2>/dev/null
  echo "$passed passed, $failed failed"
  [[ $failed -eq 0 ]]
}

check() { # promise command...
  local promise=$1; shift
  local output
  if output=$("$@" 2>&1); then passed=$((passed + 1)); echo "ok    $promise"
  else failed=$((failed + 1)); echo "FAIL  $promise: $output"; fi
}
# Tries again until it succeeds; says what the last try said.
within() { # seconds command...
  local end=$((SECONDS + $1)) said; shift
  until said=$("$@" 2>&1); do ((SECONDS < end)) || { echo "$said"; return 1; }; sleep 0.2; done
}

# Every container of the services is there, and healthy.
healthy() {
  local service ids states
  for service in "$@"; do
    ids=$(containers "$service")
    [[ -n $ids ]] || { echo "$service is not there"; return 1; }
    # shellcheck disable=SC2086
    states=$(docker inspect -f '{{.State.Health.Status}}' $ids | sort -u)
    [[ $states = healthy ]] || { echo "$service is $states"; return 1; }
  done
}

# No container is privileged or may become it, and nobody writes to its root file system.
confined() {
  local service
  for service in "$@"; do
    [[ $(docker inspect -f '{{.HostConfig.Privileged}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}}' "$(container "$service")") \
      = 'false true [ALL] [no-new-privileges:true]' ]] || { echo "$service"; return 1; }
  done
}
has_capabilities() { # service mask
  inside "$1" grep -q "^CapEff:.$2\$" /proc/1/status || { echo "$1 has other rights"; return 1; }
}

# Runs the first block of commands under a heading of a page as it stands there, with .env and `docker compose` those of
# this project.
run_page() { # file heading
  local block
  block=$(awk -v heading="$2" '$0 == heading { under = 1 } inside && /^```$/ { exit } inside { print }
    under && /^```sh$/ { inside = 1 }' "$root/$1")
  [[ -n $block ]] || { echo "$1 has no commands under $2"; return 1; }
  mkdir -p "$work/bin"
  # There is no terminal for `exec`.
  cat > "$work/bin/docker" <<END
#!/bin/sh
[ "\$1" = compose ] || exec $(command -v docker) "\$@"
shift
if [ "\$1" = exec ]; then shift; set -- exec -T "\$@"; fi
exec $compose_command -p $project --project-directory $root --env-file $work/.env "\$@"
END
  chmod 755 "$work/bin/docker"
  (cd "$work" && PATH=$work/bin:$PATH bash -euo pipefail -c "$block")
}

# A namespace with one cable to this machine: x.1 here, x.2 and up there.
client() { # name device network
  ip netns add "$1"
  ip link add "$2" type veth peer name eth0 netns "$1"
  ip address add "198.18.$3.1/24" dev "$2"
  ip address add "fd77:$3::1/48" dev "$2" nodad
  ip link set "$2" up
  ip -n "$1" link set lo up
  for host in 2 3 4 5 6 7; do
    ip -n "$1" address add "198.18.$3.$host/24" dev eth0
    ip -n "$1" address add "fd77:$3:0:$host::2/48" dev eth0 nodad
  done
  ip -n "$1" link set eth0 up
  ip -n "$1" route add default via "198.18.$3.1"
}
clients() {
  client "$good" "good$$" 77
  client "$abuser" "bad$$" 78
}

# A request from an address of a namespace; prints the status, 000 where no packet came back.
request() { # namespace source [curl options]
  local namespace=$1 source=$2 network host; shift 2
  network=77; [[ $namespace = "$abuser" ]] && network=78
  host=198.18.$network.1; [[ $source = *:* ]] && host="[fd77:$network::1]"
  ip netns exec "$namespace" curl -sk -o /dev/null -w '%{http_code}' --interface "$source" --max-time 2 \
    "https://$host${path:-/v1/chain/get_info}" "$@"
}
served() { [[ $(request "$@") = 200 ]]; }
# No answer at all, neither a refusal nor a reset: the packets are dropped.
dropped() { request "$@" >/dev/null; [[ $? -eq 28 ]]; }
offend() { # source [curl options]
  local source=$1; shift
  [[ $(path=/v1/chain/push_transaction request "$abuser" "$source" -d '{' "$@") = 400 ]]
}
offend_three_times() { for _ in 1 2 3; do offend "$@" || return; done; }
