#!/usr/bin/env bash
# The profile `redis`, set up as docs/redis.md says: three filters with one memory. Each filter is asked by itself, from the
# gateway's address, whose X-Forwarded-For it believes.
source "$(dirname "$0")/common.sh"

begin stand-in redis
page=docs/redis.md
no_password() { [[ $(docker run --rm patroneos-redis 2>&1) = *'PATRONEOS_REDIS_PASSWORD in .env is to be'* ]]; }
check 'without a password Redis says what is missing' no_password
check 'docker compose up' compose up -d
check 'what the page says to set up' run_page $page '## Setting it up'
check 'every service becomes healthy' within 60 healthy haproxy fail2ban relay filter redis

redis_is_confined() {
  confined redis || return
  [[ $(inside redis id -un) = redis ]] && has_capabilities redis 0000000000000000
}
check 'Redis is not root and has no rights' redis_is_confined
check 'Redis has no port on this machine' eval '[[ -z $(docker port "$(container redis)") && -z $(ss -Hltn "sport = 6379") ]]'

as_user() { # command...
  local password; password=$(sed -n 's/^PATRONEOS_REDIS_PASSWORD=//p' "$work/.env")
  docker exec -e REDISCLI_AUTH="$password" "$(container redis)" redis-cli --user patroneos "$@" 2>&1
}
refused() { as_user "$@" | grep -q NOPERM || { echo "$* is not refused"; return 1; }; }
least_rights() {
  [[ $(inside redis redis-cli ping) = *NOAUTH* && $(as_user ping) = PONG ]] || return
  refused flushall && refused keys '*' && refused config get maxmemory && refused script flush && refused get other && refused publish other 1
}
check 'the user of the filters may do what they do, and no more' least_rights

mapfile -t filters < <(containers filter)
address() { docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$1"; }
config_api() { # filter path [curl options]
  local filter=$1 path=$2; shift 2
  docker exec "$filter" curl -fsS "localhost:9001/patroneos/$path" -H 'Content-Type: application/json' "$@"
}
status() { # filter client [curl options]
  local filter=$1 client=$2; shift 2
  curl -s -o /dev/null -w '%{http_code}' --max-time 3 -H "X-Forwarded-For: $client" "http://$(address "$filter"):8081/v1/chain/get_info" "$@"
}
answers() { [[ $(status "$1" "$2") = "$3" ]] || { echo "$(status "$1" "$2") to $2"; return 1; }; }
everywhere() { local filter; for filter in "${filters[@]}"; do "$@" "$filter" || return; done; }
store_is() { config_api "$2" metrics | grep -qx "patroneos_store_up $1" || { echo "the store of $2 is not $1"; return 1; }; }
refuses() { answers "$2" "$1" 403; }
serves() { answers "$2" "$1" 200; }
ban() { config_api "$1" bans -d "{\"client\":\"$2\",\"seconds\":600}"; }

check 'three filters, and all of them have the store' eval '[[ ${#filters[@]} -eq 3 ]] && within 20 everywhere store_is 1'
check 'a ban made in one filter holds in all within a second' \
  eval 'ban "${filters[0]}" 203.0.113.1 && within 1 everywhere refuses 203.0.113.1'
check 'and nobody else is banned' everywhere serves 203.0.113.2
check 'lifted in a second one, it is lifted in all' \
  eval 'config_api "${filters[1]}" bans/203.0.113.1 -X DELETE && within 1 everywhere serves 203.0.113.1'

limit() { # A change of limits needs no restart; each filter has its own copy of the configuration in force.
  config_api "$1" config -o /dev/null -d '{"rateLimits":[{"name":"e2e","key":["ip"],"on":"attempt","limit":7,"window":60}]}'
}
shared_limit() {
  everywhere limit || return
  local round filter served=0
  for round in 1 2 3 4 5 6; do
    for filter in "${filters[@]}"; do [[ $(status "$filter" 203.0.113.3) = 200 ]] && served=$((served + 1)); done
  done
  [[ $served -eq 7 ]] || { echo "$served requests were served"; return 1; }
}
check 'a limit of 7 requests serves 7 of 18 that are spread over three filters' shared_limit

# From here on each filter goes by itself, with Redis gone.
check 'a ban before Redis is killed' eval 'ban "${filters[0]}" 203.0.113.4 && within 1 everywhere refuses 203.0.113.4'
kill_redis() { docker kill "$(container redis)"; }
check 'Redis killed: requests go on' eval 'kill_redis && everywhere serves 203.0.113.5'
check 'each filter says that its store is away' within 10 everywhere store_is 0
check 'bans that all knew still hold' everywhere refuses 203.0.113.4
check 'a ban made meanwhile holds where it was made' eval 'ban "${filters[2]}" 203.0.113.6 && refuses 203.0.113.6 "${filters[2]}" && serves 203.0.113.6 "${filters[0]}"'
check 'Redis back, with nothing in it: every filter has it again' eval 'compose up -d --no-recreate redis && within 30 healthy redis && within 10 everywhere store_is 1'
check 'and knows both bans' eval 'within 12 everywhere refuses 203.0.113.4 && within 12 everywhere refuses 203.0.113.6'

docker pause "$(container redis)" >/dev/null
check 'Redis paused: requests go on' everywhere serves 203.0.113.7
check 'and the filters notice' within 10 everywhere store_is 0
docker unpause "$(container redis)" >/dev/null
check 'Redis goes on: every filter has it again' within 15 everywhere store_is 1

anew() { docker restart "${filters[0]}" && within 90 healthy filter && store_is 1 "${filters[0]}" && refuses 203.0.113.4 "${filters[0]}"; }
check 'a filter that starts anew knows the bans' anew
finish
