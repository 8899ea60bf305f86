#!/usr/bin/env bash
# Makes images of the names that the Dockerfiles and docker-compose.yml start from, of Debian's packages and of this
# repository's own Node: for a machine that reaches Debian's mirror and npm, but no registry of images. They stand in for
# the real ones: Prometheus is Debian's, older one, and Grafana's has nothing in it. A name that is there stays as it is.
#   apt-get install docker.io docker-compose debootstrap && e2e/containers/base-images.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
missing() { ! docker image inspect "$1" >/dev/null 2>&1; }
build() { docker build -q --label patroneos.stand-in=yes -t "$1" "$context" -f - >/dev/null; echo "made $1"; }
image_of() { sed -n "s/^ *image: .*:-\(${1}:.*\)}/\1/p" docker-compose.yml; }

debian=$(sed -n 's/^ARG DEBIAN_IMAGE=//p' docker/haproxy/Dockerfile)
node=$(sed -n 's/^ARG NODE_IMAGE=//p' docker/filter/Dockerfile)
prometheus=$(image_of prom.prometheus)
grafana=$(image_of grafana.grafana)

if missing "$debian"; then
  # The mirror that apt uses here, in either form of its lists.
  mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources 2>/dev/null \
    | sed -n 's/^URIs: //p; s/^deb \(http[^ ]*\) .*/\1/p' | sed -n 1p) || true
  debootstrap --variant=minbase bookworm "$context/root" "${mirror:-http://deb.debian.org/debian}" > "$context/log" || { tail "$context/log"; exit 1; }
  # What the slim image is without, now and in what is installed later.
  printf 'path-exclude /usr/share/%s/*\n' doc man info locale > "$context/root/etc/dpkg/dpkg.cfg.d/slim"
  # As in the real one, apt keeps neither packages nor its index of them.
  printf '%s\n' 'Dir::Cache::pkgcache "";' 'Dir::Cache::srcpkgcache "";' 'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb"; };' \
    > "$context/root/etc/apt/apt.conf.d/slim"
  rm -rf "$context"/root/usr/share/{doc,man,info,locale}/* "$context"/root/var/{cache/apt,lib/apt/lists}/*
  tar -C "$context/root" -c . | docker import --change 'CMD ["bash"]' --change 'LABEL patroneos.stand-in=yes' - "$debian" >/dev/null
  rm -rf "$context/root"
  echo "made $debian"
fi

if missing "$node"; then
  cp node_modules/node/bin/node "$context/"
  npm install --silent --global --prefix "$context/npm" npm@11
  # Where this machine reaches npm through a proxy with an authority of its own, so do builds.
  cat "${NODE_EXTRA_CA_CERTS:-/dev/null}" > "$context/authorities.pem"
  build "$node" <<END
FROM $debian
RUN groupadd --gid 1000 node && useradd --uid 1000 --gid node --create-home node
COPY npm/lib/node_modules /usr/local/lib/node_modules
COPY node /usr/local/bin/
COPY authorities.pem /etc/
ENV NODE_EXTRA_CA_CERTS=/etc/authorities.pem
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
END
  rm -rf "$context"/*
fi

if missing "$prometheus"; then
  build "$prometheus" <<END
FROM $debian
RUN apt-get update && apt-get install -y --no-install-recommends prometheus && rm -rf /var/lib/apt/lists/* \
  && install -d -o nobody -g nogroup /prometheus
USER nobody
WORKDIR /prometheus
ENTRYPOINT ["/bin/prometheus"]
END
fi

if missing "$grafana"; then
  build "$grafana" <<END
FROM $debian
USER 472:0
CMD ["sleep", "infinity"]
END
fi
