#!/usr/bin/env bash
# docker-compose.yml as it is shipped, run for real: two clients in network namespaces of their own reach this machine's
# port 443, one of them offends, and only that one is dropped. Bans are judged by packets and nftables, never by
# fail2ban's word.
source "$(dirname "$0")/common.sh"

begin stand-in
ban_time=15
echo "PATRONEOS_JAIL_LOCAL=$work/jail.local" >> "$work/.env"
printf '[DEFAULT]\npatroneos_bantime = %d\n' $ban_time > "$work/jail.local"

banned() { nft list table inet patroneos 2>/dev/null | grep -qF "$1"; }
logged() { inside relay cat /var/log/patroneos/fail2ban.log | grep -F " $1 false $2"; }
servers() { curl -s 'http://127.0.0.1:9999/;csv' | awk -F, '$1 == "filters" && $2 != "BACKEND" && $18 == "UP"' | wc -l; }
all_healthy() { healthy haproxy fail2ban relay filter nodeos-stand-in; }

needs_secret() {
  : > "$work/empty"
  ! $compose_command --env-file "$work/empty" config >"$work/error" 2>&1 \
    && grep -q 'PATRONEOS_RELAY_SECRET.*make it once' "$work/error"
}
check 'the file is valid' compose config -q
check 'without a secret nothing starts, and what is missing is named' needs_secret

clients
check 'docker compose up' compose up -d
check 'every service becomes healthy' within 60 all_healthy
check 'HAProxy has its filter from the relay' within 20 eval '[[ $(servers) -eq 1 ]]'

hardened() {
  confined haproxy fail2ban relay filter nodeos-stand-in || return
  local service
  for service in relay filter nodeos-stand-in; do
    [[ $(inside $service id -u) = 1000 ]] && has_capabilities $service 0000000000000000 || return
  done
  # CAP_NET_ADMIN is bit 12.
  has_capabilities fail2ban 0000000000001000 || return
  # The processes that read what clients send, HAProxy's workers, are not root.
  docker top "$(container haproxy)" -eo pid,uid,args | awk '/haproxy -W/ {print $2}' | sort | tail -n 1 | grep -qx 900 || { echo 'HAProxy serves as root'; return 1; }
}
check 'no container is privileged, root file systems are read-only, fail2ban has NET_ADMIN and nothing else' hardened

for source in 198.18.77.2 fd77:77:0:2::2; do check "a client is served over TLS from $source" served "$good" $source; done

closed() {
  local port address
  ip -n "$abuser" route add 172.30.77.0/24 via 198.18.78.1
  for address in 198.18.78.1 '[fd77:78::1]' 172.30.77.{1..6}; do
    for port in 80 8080 8081 8888 9000 9001 9999 10000; do
      ip netns exec "$abuser" curl -s -o /dev/null --max-time 0.3 "http://$address:$port/"
      # 7 is refused, 28 is no answer.
      [[ $? =~ ^(7|28)$ ]] || { echo "$address:$port answers"; return 1; }
    done
  done
}
check 'clients reach port 443 alone, on this machine and on the containers behind it' closed

( while :; do request "$good" 198.18.77.3; echo; request "$good" fd77:77:0:3::2; echo; sleep 0.2; done ) > "$work/load" 2>&1 &
load=$!

for source in 198.18.78.2 fd77:78:0:2::2; do
  network=$source; [[ $source = *:* ]] && network=fd77:78:0:2::/64
  check "two violations from $source ban nobody" eval "offend $source && offend $source && sleep 2 && ! banned '$network'"
  check "the third one is in the log under its sender's own address" eval "offend $source -H 'X-Forwarded-For: 198.18.77.2' && within 3 logged $source INVALID_JSON"
  check "within 5 s nftables has $network in its set" within 5 banned "$network"
  check "and drops $source" dropped "$abuser" $source
done
check 'the address that they claimed to have is served' served "$good" 198.18.77.2
check 'a neighbour of theirs is served' served "$abuser" 198.18.78.3
check 'after the ban they are in again' within $((ban_time + 4)) served "$abuser" 198.18.78.2

restarted() {
  compose restart "$1" && within 40 healthy "$1" && within 20 served "$good" 198.18.77.2
}
kill "$load"; wait "$load" 2>/dev/null
lost=$(grep -vc '^200$' "$work/load")
check "the good client was served all that time ($(grep -c '^200$' "$work/load") answers, $lost lost)" [ "$lost" -eq 0 ]
load=

for service in relay filter fail2ban haproxy nodeos-stand-in; do check "$service restarted: clients are served" restarted $service; done
check 'after the restarts a ban still comes' eval 'offend_three_times 198.18.78.4 && within 5 dropped "$abuser" 198.18.78.4'
# From here on bans last.
inside fail2ban fail2ban-client set patroneos-malformed bantime 600 >/dev/null
sed -i 's/^patroneos_bantime.*/patroneos_bantime = 600/' "$work/jail.local"
check 'HAProxy restarted: a ban stays' \
  eval 'offend_three_times 198.18.78.5 && within 5 dropped "$abuser" 198.18.78.5 && restarted haproxy && dropped "$abuser" 198.18.78.5'

# A ban that fail2ban does not know of stands for one that ended while it was dead.
killed() {
  docker kill "$(container fail2ban)" >/dev/null || return
  nft add element inet patroneos addr-set-malformed '{ 198.18.78.6 }' || return
  compose up -d fail2ban && within 60 healthy fail2ban && within 60 banned 198.18.78.5 || return
  dropped "$abuser" 198.18.78.5 || { echo 'its ban is gone'; return 1; }
  served "$abuser" 198.18.78.6 || { echo 'an old ban is left'; return 1; }
  [[ $(nft list chain inet patroneos banned | grep -c 'addr-set-malformed ') -eq 1 ]] || { echo 'rules pile up'; return 1; }
}
check 'fail2ban killed: its bans come back, and no others' killed

check 'three filters: the relay finds them, and HAProxy uses them' \
  eval 'compose up -d --no-recreate --scale filter=3 && within 40 eval "[[ \$(servers) -eq 3 ]]"'
check 'one filter again' \
  eval 'compose up -d --no-recreate --scale filter=1 && within 40 eval "[[ \$(servers) -eq 1 ]]" && served "$good" 198.18.77.2'

lasting() {
  inside filter curl -fs localhost:9001/patroneos/config -H 'Content-Type: application/json' \
    -d '{"contractBlackList":{"badcontract":true}}' >/dev/null || return
  compose up -d --force-recreate --no-deps filter && within 40 healthy filter || return
  inside filter curl -fs localhost:9001/patroneos/config | grep -q badcontract
}
check "a change by the config API outlives the container" lasting

own_certificate() {
  mkdir "$work/certificate"
  PATRONEOS_CERTIFICATE=$work/certificate/certificate.pem PATRONEOS_HOSTNAME=api.example docker/haproxy/make-certificate
  echo "PATRONEOS_CERTIFICATE_DIRECTORY=$work/certificate" >> "$work/.env"
  compose up -d haproxy && within 40 healthy haproxy || return
  openssl s_client -connect 127.0.0.1:443 </dev/null 2>/dev/null | grep -q 'CN = api.example'
}
check 'a certificate of your own is used' own_certificate

refuses_elsewhere() { # kernel release
  printf '#!/bin/sh\necho %s\n' "$1" > "$work/uname"; chmod 755 "$work/uname"
  docker run --rm -v "$work/uname:/usr/local/bin/uname:ro" patroneos-fail2ban 2>&1 | grep -q 'not started: Docker for Mac'
}
for release in 6.6.12-linuxkit 5.15.153.1-microsoft-standard-WSL2; do
  check "on $release fail2ban says why it does not start" refuses_elsewhere $release
done

check 'docker compose down' compose down -v --timeout 60
check 'it leaves no rule and no port behind' within 10 eval '! nft list table inet patroneos 2>/dev/null && [[ -z $(ss -Hltn "sport = 443") ]]'

finish
