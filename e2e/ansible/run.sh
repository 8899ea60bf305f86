#!/usr/bin/env bash
# The Ansible play, run for real: an empty Debian 12, booted by systemd-nspawn in a network namespace of its own, becomes
# filter, proxy and Redis in one; a second run changes nothing; an abuser is banned; a new secret reaches all parts.
# Needs root and Debian's packages ansible, debootstrap and systemd-container; what it makes is gone afterwards.
#   e2e/ansible/run.sh
# Ends with a line `N passed, N failed`.
set -uo pipefail
cd "$(dirname "$0")/../.."

cannot() { echo "!! NOT RUN: the play's proof needs $1"; exit 77; }
[[ $(id -u) -eq 0 ]] || cannot root
for tool in ansible-playbook debootstrap systemd-nspawn ip nft curl openssl; do command -v $tool >/dev/null || cannot "$tool"; done

work=$(mktemp -d /var/tmp/patroneos-ansible.XXXXXX) machine=patroneos-ansible-$$ root=$work/root
passed=0 failed=0
check() { # what command...
  local what=$1; shift
  if "$@"; then passed=$((passed + 1)); echo "ok: $what"; return 0; fi
  failed=$((failed + 1)); echo "FAILED: $what"; return 1
}

# Docker drops what is forwarded and not its own.
forward() { # -I or -D
  command -v iptables >/dev/null || return 0
  for direction in -i -o; do iptables "$1" FORWARD $direction pat-ansible -j ACCEPT 2>/dev/null; done
}

destroy() {
  [[ -n ${booted:-} ]] && { machinectl terminate "$machine" 2>/dev/null || kill "$booted"; wait "$booted"; } 2>/dev/null
  ip netns delete "$machine" 2>/dev/null
  nft delete table ip "$machine" 2>/dev/null
  forward -D
  [[ -n ${forwarding:-} ]] && sysctl -q net.ipv4.ip_forward="$forwarding"
  rm -rf "$work"
}
trap destroy EXIT

# An empty machine: what a fresh Debian has, and an SSH server.
mirror=$(grep -rhoP '^(URIs:|deb) *\K\S+/debian(?=/?$| )' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -n 1)
debootstrap --variant=minbase --include=systemd-sysv,dbus,openssh-server,python3,ca-certificates,iproute2 \
  bookworm "$root" "${mirror:-http://deb.debian.org/debian}" >"$work/debootstrap.log" 2>&1 || { tail "$work/debootstrap.log"; exit 1; }
cp /etc/resolv.conf "$root/etc/resolv.conf"
ssh-keygen -q -t ed25519 -N '' -f "$work/key"
install -D -m 600 "$work/key.pub" "$root/root/.ssh/authorized_keys"

# What the machine clones: this commit. Node of the project's own, as its archive cannot be had everywhere.
git clone -q --bare --single-branch "$PWD" "$root/srv/patroneos.git"
cp -L node_modules/node/bin/node "$root/usr/local/bin/node"
npm=$(readlink -f "$(command -v npm)")
cp -r "${npm%/bin/npm-cli.js}" "$root/usr/local/lib/npm"
ln -s ../lib/npm/bin/npm-cli.js "$root/usr/local/bin/npm"

# It trusts whom this machine trusts, which may reach the registry through a proxy.
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
echo 'cafile=/etc/ssl/certs/ca-certificates.crt' >"$root/root/.npmrc"

# One cable, and a way out to the registries.
ip netns add "$machine"
ip link add pat-ansible type veth peer name host0 netns "$machine"
ip address add 198.18.250.1/24 dev pat-ansible
ip link set pat-ansible up
ip -n "$machine" address add 198.18.250.2/24 dev host0
ip -n "$machine" link set lo up
ip -n "$machine" link set host0 up
ip -n "$machine" route add default via 198.18.250.1
forwarding=$(sysctl -n net.ipv4.ip_forward)
sysctl -q net.ipv4.ip_forward=1
forward -I
nft -f - <<END
table ip $machine {
  chain out { type nat hook postrouting priority srcnat; ip saddr 198.18.250.0/24 masquerade; }
}
END

systemd-nspawn -q --boot --register=no --keep-unit -D "$root" --machine "$machine" \
  --network-namespace-path="/run/netns/$machine" --capability=CAP_NET_ADMIN --resolv-conf=off >"$work/boot.log" 2>&1 &
booted=$!
for ((tries = 0; tries < 60; tries++)); do
  (exec 3<>/dev/tcp/198.18.250.2/22) 2>/dev/null && break
  sleep 1
done
inside() { ssh -q -i "$work/key" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@198.18.250.2 "$@"; }
check 'the machine boots' inside true || { cat "$work/boot.log"; exit 1; }

cat >"$work/inventory.yml" <<END
all:
  hosts:
    machine:
      ansible_host: 198.18.250.2
      ansible_user: root
      ansible_ssh_private_key_file: $work/key
      ansible_ssh_common_args: -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null
      ansible_python_interpreter: /usr/bin/python3
  children:
    proxies: {hosts: {machine: {}}}
    filters: {hosts: {machine: {}}}
    redis: {hosts: {machine: {}}}
  vars:
    patroneos_repository: /srv/patroneos.git
    patroneos_version: $(git rev-parse HEAD)
    patroneos_filter_config:
      rateLimits: [{name: client, key: [ip], "on": attempt, limit: 100, window: 60}]
    patroneos_fail2ban: {patroneos_bantime: 600}
    # A machine in a machine may not have as many descriptors as it likes.
    patroneos_haproxy: {PATRONEOS_MAXCONN: 2000}
END
secrets() { printf 'patroneos_relay_secret: whsec_%s\npatroneos_redis_password: %s\n' "$(openssl rand -base64 32)" "$(openssl rand -hex 24)" >"$work/secrets.yml"; }
play() { ansible-playbook -i "$work/inventory.yml" -e @"$work/secrets.yml" docker/ansible/site.yml "$@" | tee "$work/play.log"; return "${PIPESTATUS[0]}"; }
changed() { grep -qE "^machine .* changed=$1 " "$work/play.log"; }

secrets
check 'the play sets the machine up' play || { echo "$passed passed, $failed failed"; exit 1; }
check 'and changes nothing when it is run again' play
check 'nothing at all' changed 0
for unit in patroneos-filter patroneos-relay haproxy fail2ban redis-server; do
  check "$unit is active" inside systemctl -q is-active "$unit"
done

inside 'systemd-run -q --unit=stand-in node /opt/patroneos/e2e/nodeos-stand-in.ts'
for ((tries = 0; tries < 20; tries++)); do inside 'curl -fso /dev/null http://127.0.0.1:8888/v1/chain/get_info' && break; sleep 1; done
ask() { curl -sk --max-time 5 "https://198.18.250.2$1" "${@:2}"; }
check 'clients are answered' grep -q chain_id <(ask /v1/chain/get_info)
check 'their limits are counted in Redis' inside "redis-cli --user patroneos --pass $(sed -n 's/^patroneos_redis_password: //p' "$work/secrets.yml") --no-auth-warning hmget patroneos:limit:{198.18.250.1}:60:client:198.18.250.1 sum | grep -qx '[1-9]'"

secrets
check 'new secrets are taken everywhere' play
for _ in 1 2 3; do ask /v1/chain/push_transaction -d '{' -o /dev/null; done
sleep 10
check 'an abuser is dropped' bash -c '! curl -sk --max-time 3 https://198.18.250.2/v1/chain/get_info'
check 'by fail2ban, as the relay has told it' inside "grep -q '198.18.250.1 false INVALID_JSON' /var/log/patroneos/fail2ban.log && nft list table inet patroneos | grep -q 198.18.250.1"

printf '%d passed, %d failed\n' "$passed" "$failed"
[[ $failed -eq 0 ]]
