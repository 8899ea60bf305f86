#!/usr/bin/env bash
# A new operator's walk: the commands of docker/bare-metal.md as they stand, in a Debian 12 of its own that systemd boots,
# to an abuser whose packets are dropped, over a reboot, and to what is left after all is removed.
#
# Needs root, `apt-get install debootstrap systemd-container`, Debian's packages and npm's. Node is this project's, instead
# of a download. Ends with a line `N passed, N failed`. Run: e2e/walk.sh
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=$PWD/node_modules/.bin:$PATH

PAGE=docker/bare-metal.md
SERVER=patroneos-walk OTHER=patroneos-walk-other
HOST=10.77.0.1 ABUSER=10.77.0.2 CLIENT=10.77.0.3
work=$(mktemp -d /var/tmp/patroneos-walk.XXXXXX)
root=$work/root machine='' passed=0 failed=0

cleanup() {
  stop
  ip netns delete $SERVER 2>/dev/null || true
  ip netns delete $OTHER 2>/dev/null || true
  for mounted in dev proc; do umount -l "$root/$mounted" 2>/dev/null || true; done
  rm -rf --one-file-system "$work"
}
trap cleanup EXIT

check() {
  local promise=$1
  shift
  if "$@" >"$work/said" 2>&1; then
    passed=$((passed + 1)) && printf 'ok    %s [%d s]\n' "$promise" $SECONDS
  else
    failed=$((failed + 1)) && printf 'FAIL  %s [%d s]\n' "$promise" $SECONDS && tail -n 20 "$work/said"
  fi
}

# The shell blocks of a section of the page that match a pattern.
blocks() {
  awk -v section="^## $1" -v pattern="$2" '
    /^## / { within = $0 ~ section }
    /^```$/ { if (text ~ pattern) print text; open = 0; text = "" }
    open { text = text $0 "\n" }
    within && /^```sh$/ { open = 1; text = "" }' "$PAGE"
}

CLEAN=(env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8)
# Before it is booted, with the network of this machine.
unbooted() {
  "${CLEAN[@]}" DEBIAN_FRONTEND=noninteractive REPOSITORY=/root/patroneos.git ${NODE_EXTRA_CA_CERTS:+NODE_EXTRA_CA_CERTS=/root/ca.crt} \
    chroot "$root" bash -euo pipefail -c "$1"
}
# On the booted machine.
inside() { nsenter -t "$(cat "/proc/$machine/task/$machine/children" | tr -d ' ')" -a "${CLEAN[@]}" bash -euo pipefail -c "$1"; }
outside() { ip netns exec $OTHER "$@"; }

boot() {
  systemd-nspawn -q -D "$root" --boot --network-namespace-path=/run/netns/$SERVER --register=no --keep-unit \
    --capability=CAP_NET_ADMIN --console=pipe </dev/null >"$work/console" 2>&1 &
  machine=$!
  for _ in {1..120}; do
    sleep 1
    [[ $(inside 'systemctl is-system-running' 2>/dev/null || true) =~ running|degraded ]] && return
  done
  return 1
}
stop() {
  [[ -n $machine ]] || return 0
  kill "$machine" 2>/dev/null && wait "$machine" || true
  machine=''
}

namespaces() {
  ip netns add $SERVER && ip netns add $OTHER
  ip -n $SERVER link set lo up
  ip -n $SERVER link add veth0 type veth peer name veth0 netns $OTHER
  ip -n $SERVER addr add $HOST/24 dev veth0 && ip -n $SERVER link set veth0 up
  for address in $ABUSER $CLIENT; do ip -n $OTHER addr add $address/24 dev veth0; done
  ip -n $OTHER link set veth0 up
}
prepare() {
  debootstrap --variant=minbase --include=systemd-sysv bookworm "$root"
  git clone -q --bare . "$root/root/patroneos.git"
  install node_modules/node/bin/node "$root/usr/local/bin/node"
  mkdir -p "$root/usr/local/lib/node_modules"
  cp -r "$(dirname "$(readlink -f "$(PATH=/usr/local/bin:/usr/bin command -v npm)")")/.." "$root/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  cp /etc/resolv.conf "$root/etc/resolv.conf"
  [[ -z ${NODE_EXTRA_CA_CERTS:-} ]] || cp "$NODE_EXTRA_CA_CERTS" "$root/root/ca.crt"
  # Where this machine may not raise the limit of open files, HAProxy has to do with it.
  mkdir -p "$root/etc/systemd/system/haproxy.service.d" "$root/etc/default"
  [[ $(ulimit -Hn) -gt 41000 ]] || printf '[Service]\nLimitNOFILE=%d\nEnvironment=PATRONEOS_MAXCONN=5000\n' "$(ulimit -Hn)" \
    >"$root/etc/systemd/system/haproxy.service.d/limit.conf"
  mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" && mount --make-rslave "$root/dev"
}
STAND_IN='systemd-run -q --unit=stand-in node /opt/patroneos/e2e/nodeos-stand-in.ts'
served() { outside curl -skf --max-time 3 --interface "$1" -o /dev/null "https://$HOST/v1/chain/get_info"; }
dropped() { sleep 1 && [[ $(outside curl -sk --max-time 3 --interface "$1" "https://$HOST/v1/chain/get_info"; echo $?) == 28 ]]; }
# The page gives fail2ban two seconds; a busy machine may need more.
eventually() {
  for _ in {1..20}; do "$@" && return; done
  return 1
}
offend() {
  HOST=$HOST outside bash -c "curl() { command curl -s --interface $ABUSER \"\$@\"; }; $(blocks '5\.' 'HOST')" && eventually dropped $ABUSER
}

check 'a Debian 12 with nothing in it' prepare
SECONDS=0
check '1. packages' unbooted "$(blocks '1\.' 'apt-get')"
check '1. Patroneos' unbooted "$(blocks '1\.' 'git clone')"
for mounted in dev proc; do umount -l "$root/$mounted"; done
check 'the machine boots, between two networks' eval 'namespaces && boot'
check '2. relay and filter' inside "$(blocks '2\.' '.')"
check '   (a node)' inside "$STAND_IN"
check '3. HAProxy' inside "$(blocks '3\.' '.')"
check '4. fail2ban' inside "$(blocks '4\.' '.')"
sleep 3
check '5. an abuser is served, and then dropped' offend
check 'others are served' served $CLIENT
check 'the bans are shown and lifted' inside "$(blocks '5\.' 'nft')"
check 'who was banned is served' eventually served $ABUSER
check 'the relay opens its log again' inside 'systemctl reload patroneos-relay && logrotate -f /etc/logrotate.d/patroneos'
check 'a ban after that' offend
stop
check 'the machine boots again' boot
check 'all services run' inside 'systemctl is-active patroneos-relay patroneos-filter haproxy fail2ban && patroneos bans list'
check 'the ban has lasted' eventually dropped $ABUSER
check 'removed: no rule is left' inside "systemctl disable --now patroneos-relay patroneos-filter
  rm -r /etc/systemd/system/patroneos-*.service /etc/fail2ban/*/patroneos* /etc/logrotate.d/patroneos /usr/local/bin/patroneos /opt/patroneos
  systemctl restart fail2ban && sleep 3 && ! nft list table inet patroneos"
printf '%d passed, %d failed\n' "$passed" "$failed"
[[ $failed -eq 0 ]]
