#!/usr/bin/env bash
# The profile `observability`, set up as its README says: Prometheus scrapes two filters and the relay, and its alerts tell
# of one that was stopped. Grafana is asked for its dashboard where it is the real one.
source "$(dirname "$0")/common.sh"

begin stand-in
page=docker/observability/README.md
check 'docker compose up' compose up -d
check 'every service becomes healthy' within 60 healthy haproxy fail2ban relay filter
check 'what the page says to set up' run_page $page '## Switch it on'
check 'every service is healthy with it' within 60 healthy haproxy fail2ban relay filter
check 'two filters' eval 'compose up -d --no-recreate --scale filter=2 && within 40 healthy filter'

# Every answer of Prometheus's API is JSON.
prometheus() { # path expression-of-node
  curl -fsS "http://127.0.0.1:9090/api/v1/$1" | node -e "
    const { data } = JSON.parse(require('node:fs').readFileSync(0, 'utf8'))
    console.log($2)"
}
says() { # answer path expression
  local said; said=$(prometheus "$2" "$3") && [[ $said = "$1" ]] || { echo "$said"; return 1; }
}
up() { # filters
  says "$1 1" 'targets?state=active' \
    "['filter', 'relay'].map((job) => data.activeTargets.filter((one) => one.labels.job === 'patroneos-' + job && one.health === 'up').length).join(' ')"
}
check 'Prometheus scrapes two filters and the relay, with the token' within 60 up 2
check 'it has all rules, and evaluates each' within 40 \
  says "$(grep -cE '^ +- (alert|record): ' docker/observability/rules.yml)" rules \
  "data.groups.flatMap(({ rules }) => rules).filter(({ health }) => health === 'ok').length"
check 'numbers of both filters arrive' within 40 says 2 'query?query=patroneos_build_info%7Bjob="patroneos-filter"%7D' data.result.length
# A starved machine may well be late.
check 'no alert fires' says '' alerts \
  "data.alerts.filter(({ state, labels }) => state === 'firing' && labels.alertname !== 'PatroneosEventLoopLate').map(({ labels }) => labels.alertname).join()"

refused() { # service:port
  [[ $(inside relay curl -s -o /dev/null -w '%{http_code}' "http://$1/patroneos/metrics") = 401 ]]
}
check 'without the token there are no metrics' eval 'refused filter:9001 && refused relay:9000'

prometheus_is_confined() {
  confined prometheus grafana || return
  [[ $(inside prometheus id -u) != 0 ]] && has_capabilities prometheus 0000000000000000
}
check 'Prometheus is not root and has no rights' prometheus_is_confined
closed() {
  local port address
  clients
  ip -n "$abuser" route add 172.30.77.0/24 via 198.18.78.1
  for address in 198.18.78.1 '[fd77:78::1]' 172.30.77.{1..9}; do
    for port in 3000 9000 9001 9090; do
      ip netns exec "$abuser" curl -s -o /dev/null --max-time 0.3 "http://$address:$port/"
      [[ $? =~ ^(7|28)$ ]] || { echo "$address:$port answers"; return 1; }
    done
  done
}
# README's rule, for Docker before version 28; it goes with this test.
forwarding_rule() { iptables "$1" DOCKER-USER ! -i br-+ -d 172.30.77.0/24 -m conntrack --ctstate NEW -j DROP; }
trap 'forwarding_rule -D 2>/dev/null; destroy' EXIT
check "what the page says to do for Docker before version 28" run_page docker/README.md '## Ports'
check 'the rule is that of the page' forwarding_rule -C
check 'clients reach neither Prometheus nor Grafana nor a config API' closed

firing() { # answer alert
  says "$1" alerts "data.alerts.some(({ state, labels }) => state === 'firing' && labels.alertname === '$2')"
}
docker pause "$(container filter)" >/dev/null
check 'a filter that stands still is an alert' within 150 firing true PatroneosFilterDown
docker unpause "$(container filter)" >/dev/null
check 'which ends when it goes on' within 60 firing false PatroneosFilterDown
docker stop "$(container filter)" >/dev/null
check 'one of two that was stopped is an alert' within 150 firing true PatroneosFilterGone
compose stop filter >/dev/null 2>&1
check 'no filter at all is another one' within 150 firing true PatroneosFilterDown
compose start filter >/dev/null 2>&1
check 'both end when they are back' eval 'within 90 firing false PatroneosFilterDown && within 90 firing false PatroneosFilterGone'

dashboard() {
  curl -fsS 'http://127.0.0.1:3000/api/search?query=Patroneos' | grep -q '"uid":"patroneos"' || return
  curl -fsS 'http://127.0.0.1:3000/api/datasources/proxy/uid/prometheus/api/v1/query?query=up' | grep -q patroneos-relay
}
if docker image inspect -f '{{index .Config.Labels "patroneos.stand-in"}}' "$(docker inspect -f '{{.Image}}' "$(container grafana)")" | grep -q yes; then
  echo '!! NOT RUN: Grafana: its image is a stand-in, with nothing in it'
else
  check 'Grafana has the dashboard, and reaches Prometheus' within 60 dashboard
fi
finish
