#!/usr/bin/env bash
# A Kubernetes cluster with real nodes: two kubelets with containerd, each in namespaces of its own, a
# control plane, a router with BIRD and a client behind it. Run it again with "down" to remove it all.
#
#   FOLDER=… PROGRAMS=… PREFIX=… cluster.sh up|down
#
# FOLDER holds what it writes, and images/*.tar; PROGRAMS holds kube-apiserver and the others; PREFIX
# names the network namespaces and the cgroups.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${FOLDER:?}" "${PREFIX:?}" "${PROGRAMS:?}"
pids=$FOLDER/pids
cp=$FOLDER/cp
CGROUPS="cpu cpuacct cpuset memory devices freezer blkio pids systemd"
SYSCTLS="vm.overcommit_memory kernel.panic kernel.panic_on_oops"

inside() { local n=$1; shift; ip netns exec "$PREFIX-$n" "$@"; }
# Starts a program in a network namespace and notes its process id.
start() {
  local name=$1 n=$2; shift 2
  ip netns exec "$PREFIX-$n" "$@" > "$FOLDER/$name.log" 2>&1 < /dev/null &
  echo $! >> "$pids"
}
cable() { # cable NAMESPACE DEVICE ADDRESS GATEWAY BRIDGE
  ip link add "$2" netns "$PREFIX-$1" type veth peer name "to-$1" netns "$PREFIX-r"
  inside r ip link set "to-$1" master "$5" up
  inside "$1" ip addr add "$3" dev "$2"; inside "$1" ip link set "$2" up
  inside "$1" ip route add default via "$4"
}

down() {
  set +e
  [ -f "$pids" ] && for pid in $(tac "$pids"); do kill -TERM "$pid" 2> /dev/null; done
  sleep 1
  [ -f "$pids" ] && for pid in $(tac "$pids"); do kill -KILL "$pid" 2> /dev/null; done
  for n in 1 2; do
    for group in $CGROUPS; do
      # Shims outlive their kubelet: what still runs in the node's cgroup is the node's.
      find "/sys/fs/cgroup/$group/$PREFIX-n$n" -name cgroup.procs -exec cat {} + 2> /dev/null | sort -u | xargs -r kill -KILL 2> /dev/null
    done
  done
  sleep 0.5
  for n in 1 2; do
    for group in $CGROUPS; do find "/sys/fs/cgroup/$group/$PREFIX-n$n" -depth -type d -exec rmdir {} + 2> /dev/null; done
  done
  for n in r cp c n1 n2; do
    ip netns pids "$PREFIX-$n" 2> /dev/null | xargs -r kill -KILL 2> /dev/null
    ip netns del "$PREFIX-$n" 2> /dev/null
  done
  # The kubelet sets these for the whole machine.
  [ -f "$FOLDER/sysctl" ] && sysctl -qp "$FOLDER/sysctl" > /dev/null 2>&1
  true
}

kubeconfig() { # kubeconfig TOKEN FILE
  cat > "$2" <<END
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://172.29.0.254:6443", insecure-skip-tls-verify: true}}]
users: [{name: u, user: {token: $1}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
END
}

network() {
  for n in r cp c n1 n2; do
    ip netns add "$PREFIX-$n"; inside $n ip link set lo up; inside $n sysctl -qw net.ipv4.ip_forward=1
    inside $n sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
  done
  inside r sysctl -qw net.ipv4.fib_multipath_hash_policy=1
  for bridge in br0:172.29.0.1/24 br1:198.18.0.1/24; do
    inside r ip link add "${bridge%%:*}" type bridge
    inside r ip addr add "${bridge#*:}" dev "${bridge%%:*}"; inside r ip link set "${bridge%%:*}" up
  done
  cable cp eth0 172.29.0.254/24 172.29.0.1 br0
  cable c eth0 198.18.0.10/24 198.18.0.1 br1
  for n in 1 2; do
    cable n$n eth0 172.29.0.1$n/24 172.29.0.1 br0
    inside r ip route add 10.245.$n.0/24 via 172.29.0.1$n
    inside cp ip route add 10.245.$n.0/24 via 172.29.0.1$n
  done
  inside n1 ip route add 10.245.2.0/24 via 172.29.0.12
  inside n2 ip route add 10.245.1.0/24 via 172.29.0.11
}

control_plane() {
  mkdir -p "$cp"
  openssl genrsa -out "$cp/sa.key" 2048 2> /dev/null
  openssl rsa -in "$cp/sa.key" -pubout -out "$cp/sa.pub" 2> /dev/null
  { echo 'admin-token,admin,admin,"system:masters"'
    for n in 1 2; do echo "node-token-$n,system:node:n$n,n$n,\"system:nodes\""; done; } > "$cp/tokens.csv"
  local client=http://127.0.0.1:2379 peer=http://127.0.0.1:2380
  start etcd cp "$PROGRAMS/etcd" --data-dir "$cp/etcd" --unsafe-no-fsync --listen-client-urls $client \
    --advertise-client-urls $client --listen-peer-urls $peer --initial-advertise-peer-urls $peer --initial-cluster default=$peer
  start apiserver cp "$PROGRAMS/kube-apiserver" --etcd-servers=$client --cert-dir="$cp/certs" --secure-port=6443 \
    --bind-address=0.0.0.0 --advertise-address=172.29.0.254 --service-account-issuer=https://test \
    --service-account-key-file="$cp/sa.pub" --service-account-signing-key-file="$cp/sa.key" \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --token-auth-file="$cp/tokens.csv" \
    --service-cluster-ip-range=10.97.0.0/16 --kubelet-preferred-address-types=InternalIP --allow-privileged=true
  kubeconfig admin-token "$FOLDER/admin.kubeconfig"
  for n in 1 2; do kubeconfig node-token-$n "$cp/n$n.kubeconfig"; done
  for _ in $(seq 300); do
    inside cp "$PROGRAMS/kubectl" --kubeconfig "$FOLDER/admin.kubeconfig" get --raw /readyz > /dev/null 2>&1 && break
    sleep 0.3
  done
  start controller-manager cp "$PROGRAMS/kube-controller-manager" --kubeconfig "$FOLDER/admin.kubeconfig" --leader-elect=false \
    --service-account-private-key-file="$cp/sa.key" --root-ca-file="$cp/certs/apiserver.crt" --allocate-node-cidrs=false \
    --service-cluster-ip-range=10.97.0.0/16
  start scheduler cp "$PROGRAMS/kube-scheduler" --kubeconfig "$FOLDER/admin.kubeconfig" --leader-elect=false
}

node() {
  local n=$1 own=$FOLDER/n$1
  mkdir -p "$own"/{kubelet,containerd,log,cni,lib-cni}
  sed "s/PODCIDR/10.245.$n.0\/24/" "$here/cni.conflist" > "$own/cni/10-test.conflist"
  for group in $CGROUPS; do mkdir -p "/sys/fs/cgroup/$group/$PREFIX-n$n"; done
  for f in cpus mems; do cat /sys/fs/cgroup/cpuset/cpuset.$f > "/sys/fs/cgroup/cpuset/$PREFIX-n$n/cpuset.$f"; done
  sed "s/CGROUP/$PREFIX-n$n/; s|FOLDER|$FOLDER|" "$here/kubelet.yaml" > "$own/kubelet.yaml"
  nsenter --net="/run/netns/$PREFIX-n$n" unshare --mount --uts --ipc --pid --fork --kill-child --mount-proc \
    "$here/node.sh" "$n" > "$own/node.log" 2>&1 < /dev/null &
  echo $! >> "$pids"
  start kube-proxy-n$n n$n "$PROGRAMS/kube-proxy" --kubeconfig "$FOLDER/admin.kubeconfig" --hostname-override n$n \
    --proxy-mode nftables --cluster-cidr 10.245.0.0/16 --conntrack-max-per-core=0 \
    --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0
}

router() {
  cat > "$FOLDER/bird.conf" <<'END'
router id 172.29.0.1;
protocol device { }
protocol direct { ipv4; }
protocol kernel { merge paths on; ipv4 { import none; export where source = RTS_BGP; }; }
template bgp node {
  local 172.29.0.1 as 64513; passive on; hold time 9; graceful restart on;
  ipv4 { import all; export none; };
}
protocol bgp n1 from node { neighbor 172.29.0.11 as 64512; }
protocol bgp n2 from node { neighbor 172.29.0.12 as 64512; }
END
  start bird r bird -f -c "$FOLDER/bird.conf" -s "$FOLDER/bird.ctl" -P "$FOLDER/bird.pid"
}

case ${1:-} in
  down) down ;;
  up)
    : > "$pids"
    sysctl $SYSCTLS 2> /dev/null > "$FOLDER/sysctl"
    echo "nameserver 127.0.0.1" > "$FOLDER/resolv.conf"
    network; control_plane; router; node 1; node 2
    ;;
  *) echo "usage: cluster.sh up|down" >&2; exit 2 ;;
esac
