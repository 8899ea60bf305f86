#!/usr/bin/env bash
# From the relay's log to a dropped packet, in a network namespace of its own: CrowdSec with the configuration $1 reads
# $2/fail2ban.log, and the firewall bouncer runs with our settings. Prints who is answered, before, while and after.
set -euo pipefail
configuration=$1 folder=$2
ours=$(dirname "$0")/../bouncer
clients=(203.0.113.9 2001:db8:1:2::9 2001:db8:1:2:3::4 203.0.113.10 2001:db8:1:3::9)
trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT

ip link set lo up
for address in "${clients[@]}" 192.0.2.1 2001:db8:ffff::1; do ip address add "$address" dev lo; done
socat TCP6-LISTEN:443,fork,reuseaddr SYSTEM:'echo served' &

answered() {
  local client served=()
  for client in "${clients[@]}"; do
    local from=$client to=192.0.2.1
    [[ $client == *:* ]] && from=[$client] to=[2001:db8:ffff::1]
    [[ $(timeout 2 socat -u "TCP:$to:443,bind=$from,connect-timeout=1" - 2>/dev/null) == served ]] && served+=("$client")
  done
  echo "${served[*]}"
}
# Waits until the answer of answered is $1.
await() {
  for _ in {1..20}; do
    [[ $(answered) == "$1" ]] && return
    sleep 0.5
  done
}

crowdsec -c "$configuration" >"$folder/crowdsec.out" 2>&1 &
for _ in {1..60}; do grep -q 'Starting processing data' "$folder/crowdsec.out" && break; sleep 0.5; done
key=$(cscli -c "$configuration" -o raw bouncers add patroneos)
sed 's/^daemonize: .*/daemonize: false/; s/^log_mode: .*/log_mode: stdout/' \
  /etc/crowdsec/bouncers/crowdsec-firewall-bouncer.yaml >"$folder/bouncer.yaml"
{ printf 'mode: nftables\napi_key: %s\n' "$key"; cat "$ours/settings.yaml"; } >"$folder/bouncer.yaml.local"
nft -f "$ours/patroneos.nft"
crowdsec-firewall-bouncer -c "$folder/bouncer.yaml" >"$folder/bouncer.out" 2>&1 &
echo "before: $(answered)"

# Writes three violations of $1 as a relay would, with the suffix $2.
violate() {
  for _ in 1 2 3; do
    echo "$(date -u +%Y-%m-%dT%H:%M:%S.000Z) $1 false INVALID_JSON$2" >>"$folder/fail2ban.log"
  done
}
violate 203.0.113.9 ''
violate 2001:db8:1:2::9 ' /64'
await '203.0.113.10 2001:db8:1:3::9'
echo "banned: $(answered)"

cscli -c "$configuration" --error decisions delete --all
await "${clients[*]}"
echo "lifted: $(answered)"

mv "$folder/fail2ban.log" "$folder/fail2ban.log.1"
violate 203.0.113.10 ''
await '203.0.113.9 2001:db8:1:2::9 2001:db8:1:2:3::4 2001:db8:1:3::9'
echo "from a log that was rotated: $(answered)"
