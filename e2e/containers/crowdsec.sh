#!/usr/bin/env bash
# The profile `crowdsec`, set up as docs/ban-with-crowdsec.md says: CrowdSec and its bouncer in fail2ban's place. Bans are
# judged by packets.
source "$(dirname "$0")/common.sh"

begin stand-in crowdsec
page=docs/ban-with-crowdsec.md
all_healthy() { healthy haproxy relay filter nodeos-stand-in crowdsec crowdsec-bouncer; }
check 'docker compose up, with fail2ban as it is by default' compose up -d
check 'what the page says to set up' run_page $page '### In containers'
check 'every service becomes healthy' within 60 all_healthy
check 'fail2ban is gone, and its table with it' within 20 eval '[[ -z $(containers fail2ban) ]] && ! nft list table inet patroneos 2>/dev/null'

hardened() {
  confined crowdsec crowdsec-bouncer || return
  [[ $(inside crowdsec id -u) = 901 ]] && has_capabilities crowdsec 0000000000000000 || return
  # CAP_NET_ADMIN is bit 12.
  has_capabilities crowdsec-bouncer 0000000000001000
}
check 'no container is privileged, CrowdSec has no rights, and its bouncer NET_ADMIN alone' hardened
no_keys() {
  local found
  found=$(docker run --rm --entrypoint sh patroneos-crowdsec -c 'ls /var/lib/crowdsec/data /etc/crowdsec/*credentials* /etc/crowdsec/bouncers/*.local 2>/dev/null')
  [[ -z ${found//\/var\/lib\/crowdsec\/data:/} ]] || { echo "$found"; return 1; }
}
check 'there is no key and no account in the image' no_keys

clients
closed() {
  local address port
  ip -n "$abuser" route add 172.30.77.0/24 via 198.18.78.1
  for address in 198.18.78.1 '[fd77:78::1]' 172.30.77.{1..6}; do
    for port in 6060 8083; do
      ip netns exec "$abuser" curl -s -o /dev/null --max-time 0.3 "http://$address:$port/"
      [[ $? =~ ^(7|28)$ ]] || { echo "$address:$port answers"; return 1; }
    done
  done
}
check "clients do not reach CrowdSec's API" closed

decisions() { inside crowdsec cscli decisions list -o raw; }
decided() { decisions | grep -qF "$1"; }
for source in 198.18.78.2 fd77:78:0:2::2; do
  network=$source/32; [[ $source = *:* ]] && network=fd77:78:0:2::/64
  check "two violations from $source ban nobody" eval "offend $source && offend $source && sleep 4 && served '$abuser' $source"
  check "within 6 s of the third one packets of $source are dropped" eval "offend $source && within 6 dropped '$abuser' $source"
  check "CrowdSec names $network" decided "$network"
done
check 'a neighbour of theirs is served, and so is everybody else' \
  eval 'served "$abuser" 198.18.78.3 && served "$abuser" fd77:78:0:3::2 && served "$good" 198.18.77.2'

lifted() {
  inside crowdsec cscli decisions delete --range 198.18.78.2/32 && within 6 served "$abuser" 198.18.78.2
}
check 'a ban that is lifted ends within 6 s' lifted

check 'a client of the whitelist is never banned' eval '
  printf "name: e2e/mine\nfilter: evt.Meta.log_type == \"patroneos\"\nwhitelist:\n  reason: mine\n  ip: [198.18.78.5]\n" > "$work/whitelist.yaml" &&
  echo "PATRONEOS_CROWDSEC_WHITELIST=$work/whitelist.yaml" >> "$work/.env" && compose up -d && within 60 all_healthy &&
  sleep 2 && offend_three_times 198.18.78.5 && offend_three_times 198.18.78.4 && within 6 dropped "$abuser" 198.18.78.4 && served "$abuser" 198.18.78.5'

bouncer=crowdsec-bouncer
check 'the bouncer restarted: its bans come back' \
  eval 'compose restart $bouncer && within 30 healthy $bouncer && within 6 dropped "$abuser" fd77:78:0:2::2 && dropped "$abuser" 198.18.78.4'
check 'CrowdSec killed: bans stay, and clients are served' \
  eval 'docker kill "$(container crowdsec)" && sleep 5 && dropped "$abuser" 198.18.78.4 && served "$good" 198.18.77.2'
check 'CrowdSec back: it bans again' \
  eval 'compose up -d && within 60 all_healthy && sleep 2 && offend_three_times 198.18.78.6 && within 10 dropped "$abuser" 198.18.78.6 && dropped "$abuser" 198.18.78.4'
check 'the bouncer killed: bans stay, and it takes them over' \
  eval 'docker kill "$(container $bouncer)" && dropped "$abuser" 198.18.78.4 && compose up -d && within 30 all_healthy && within 6 dropped "$abuser" 198.18.78.4'

check 'docker compose down' compose down -v --timeout 60
check 'it leaves no table behind' eval '! nft list tables | grep -E "patroneos(-crowdsec6?)?\$"'
finish
