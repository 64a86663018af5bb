#!/usr/bin/env bash
# One node, inside namespaces of its own: containerd and kubelet. It ends, with all that it started,
# when the process that made the namespaces ends.
set -eu
n=$1 own=$FOLDER/n$1 here=$(cd "$(dirname "$0")" && pwd)
hostname "n$n"
mkdir -p /var/lib/kubelet /var/lib/containerd /etc/cni/net.d /var/lib/cni
mount --bind "$own/kubelet" /var/lib/kubelet
mount --bind "$own/containerd" /var/lib/containerd
mount --bind "$own/cni" /etc/cni/net.d
mount --bind "$own/lib-cni" /var/lib/cni
mount -t tmpfs tmpfs /run
mkdir -p /run/lock /run/netns
mount --bind "$own/log" /var/log
mkdir -p /var/log/pods /var/log/containers
# The sysfs of this network namespace, with the machine's cgroups in it.
mkdir /run/cgroups
mount --rbind /sys/fs/cgroup /run/cgroups
mount -t sysfs sysfs /sys
mount --rbind /run/cgroups /sys/fs/cgroup
umount -l /run/cgroups
mount --make-rshared /
containerd -c "$here/containerd.toml" > "$own/containerd.log" 2>&1 &
for _ in $(seq 100); do [ -S /run/containerd/containerd.sock ] && break; sleep 0.1; done
for image in "$FOLDER"/images/*.tar; do ctr -n k8s.io images import "$image"; done
"$PROGRAMS/kubelet" --config "$own/kubelet.yaml" --kubeconfig "$FOLDER/cp/n$n.kubeconfig" --hostname-override "n$n" \
  --node-ip "172.29.0.1$n" --v=2 > "$own/kubelet.log" 2>&1 &
wait
