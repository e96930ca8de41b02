#!/usr/bin/env bash
# Makes a real kubelet sick in one way after the other and asks `kubeprof diagnose NODE` what is wrong. It takes half an hour.
#
#   BIN=DIR tests/lab/diagnose.sh [CASE...]      as root; DIR as for run.sh, with kubelet (1.36.1) and kubelet-1.36.3 in it
#
# The transcript, the first screen of every case, is $LAB/diagnose.md; tests/lab/diagnose.md is one that was kept.
set -euo pipefail
here=$(realpath "$(dirname "$0")")
export LAB=${LAB:-${TMPDIR:-/tmp}/kubeprof-lab} BIN=${BIN:-${TMPDIR:-/tmp}/kubeprof-lab/bin}
export KUBECONFIG=$LAB/admin.kubeconfig
kubeprof=${KUBEPROF:-$(realpath "$here/../../target/debug/kubeprof")}
node=worker-03 lines=${LINES_SHOWN:-40} cases="$*"
plugin=$BIN/device-plugin
lab() { "$here/lab.sh" "$@" >/dev/null 2>>"$LAB/log/script.log"; }
wanted() { [ -z "$cases" ] || [[ " $cases " == *" $1 "* ]]; }
fresh() { lab down || true; sleep 3; KUBELET=${1:-kubelet-1.36.3} lab up; lab pods 20; sleep 60; }
pid() { cat "$LAB/run/$1.pid"; }

# diagnose CASE WHAT ARGUMENT...: what was done, and what the tool says of it.
diagnose() {
  local name=$1 what=$2 code=0; shift 2
  rm -rf "$LAB/bundles/$name"; mkdir -p "$LAB/bundles"
  (cd "$LAB/bundles" && "$kubeprof" diagnose "$@" --bundle "$name" >"$name.txt" 2>"$name.err") || code=$?
  { printf '## %s\n\n%s\n\n```\n$ kubeprof diagnose %s\n' "$name" "$what" "$(printf '%s ' "$@" | sed -e 's/ $//' -e "s#$LAB#\$LAB#g")"
    { grep -E '^(error|hint|.*: hint)|refus|ended early|nothing was' "$LAB/bundles/$name.err" || true; cat "$LAB/bundles/$name.txt"; } |
      sed -e "s#$LAB#\$LAB#g" | head -"$lines"
    printf '[exit %s]\n```\n\n' "$code"; } >>"$LAB/diagnose.md"
  echo "diagnose: $name: exit $code: $(head -1 "$LAB/bundles/$name.txt")"
}

# pod NAME [FIELDS OF THE CONTAINER] [FIELDS OF THE POD]
pod() {
  cat >"$LAB/manifests/$1.yaml" <<Y
apiVersion: v1
kind: Pod
metadata: {name: $1, namespace: default}
spec:
  hostNetwork: true
  terminationGracePeriodSeconds: 1
  ${3:-restartPolicy: Always}
  containers:
  - {name: main, image: "localhost/lab:1", imagePullPolicy: Never, command: [/bin/sleep, "1000000"]${2:+, $2}}
Y
}

mkdir -p "$LAB/log"
if wanted device-plugin && [ ! -x "$plugin" ]; then (cd "$here/plugin" && go build -o "$plugin" .); fi
trap '"$here/lab.sh" down >/dev/null 2>&1' EXIT
printf '# What `kubeprof diagnose NODE` says of real kubelets\n\nMade by `tests/lab/diagnose.sh`: one node, 20 pods with an exec probe each. The first screen of each answer.\n\n' >"$LAB/diagnose.md"

if wanted healthy || wanted all-nodes || wanted runtime-frozen; then fresh; fi
if wanted healthy; then
  diagnose healthy "Nothing was done to it: kubelet 1.36.3." $node --series 6 --every 30s --cpu 10
fi
if wanted all-nodes; then
  "$BIN/kubectl" apply -f - >/dev/null <<Y
apiVersion: v1
kind: Node
metadata: {name: worker-04}
Y
  "$BIN/kubectl" patch node worker-04 --subresource=status --type=merge >/dev/null \
    -p '{"status": {"addresses": [{"type": "InternalIP", "address": "10.88.0.9"}]}}'
  diagnose all-nodes "The same node, and one that is off the network." --all-nodes
  "$BIN/kubectl" delete node worker-04 >/dev/null
fi
if wanted runtime-frozen; then
  lab freeze; sleep 150
  diagnose runtime-frozen "containerd stopped with SIGSTOP, 2.5 minutes before." $node
  lab thaw; sleep 30
fi
if wanted device-plugin; then
  fresh; rm -f "$LAB/hang"; "$plugin" "$LAB/hang" >"$LAB/log/plugin.log" 2>&1 & plug=$!
  sleep 20; touch "$LAB/hang"
  for i in 1 2; do pod dev-$i 'resources: {limits: {lab.example/dev: 1}}'; done; sleep 120
  diagnose device-plugin "A device plugin whose Allocate does not return; two pods asked for a device of it 2 minutes before." $node
  rm -f "$LAB"/manifests/dev-*.yaml "$LAB/hang"; kill $plug
fi
if wanted registration; then
  fresh; "$here/hang.py" socket "$LAB/root/plugins_registry/hung.sock" & plug=$!
  sleep 90
  diagnose registration "A socket in plugins_registry that takes connections and never answers, for 1.5 minutes." $node --series 4 --every 20s
  kill $plug; rm -f "$LAB/root/plugins_registry/hung.sock"
fi
if wanted fuse; then
  fresh; rm -f "$LAB/hang"; "$here/hang.py" fuse "$LAB/mnt" "$LAB/hang" & plug=$!
  sleep 2; volume="volumes: [{name: v, hostPath: {path: $LAB/mnt, type: Directory}}]"
  pod vol-1 'volumeMounts: [{name: v, mountPath: /v}]' "$volume"; sleep 30
  touch "$LAB/hang"
  for i in 2 3 4 5 6; do pod vol-$i 'volumeMounts: [{name: v, mountPath: /v}]' "$volume"; done; sleep 120
  diagnose fuse "A FUSE mount that answers nothing more; five pods with a hostPath volume on it came 2 minutes before." $node
  kill -9 $plug; umount -f -l "$LAB/mnt" || true; rm -f "$LAB"/manifests/vol-*.yaml "$LAB/hang"
fi
if wanted cgroups; then
  fresh; tops=$(find /sys/fs/cgroup -maxdepth 3 -type d -name kubepods)
  for k in $tops; do for i in $(seq 700); do mkdir -p "$k/leak-$i"; done; done; sleep 120
  diagnose cgroups "700 empty cgroups made below kubepods and never removed, 2 minutes before." $node --series 4 --every 20s --cpu 10
  for k in $tops; do for i in $(seq 700); do rmdir "$k/leak-$i" || true; done; done
fi
if wanted etcd; then
  fresh; kill -STOP "$(pid etcd)"; sleep 60
  diagnose etcd "etcd stopped with SIGSTOP, 1 minute before." $node
  diagnose etcd-direct "The same, asked without the API server." --direct 10.88.0.2 --certificate-authority "$LAB/pki/ca.crt" \
    --client-certificate "$LAB/pki/admin.crt" --client-key "$LAB/pki/admin.key"
  kill -CONT "$(pid etcd)"; sleep 10
fi
for version in 1.36.1 1.36.3; do
  wanted leak-$version || continue
  kubelet=kubelet-$version; [ $version = 1.36.1 ] && kubelet=kubelet
  fresh $kubelet; lab pods 40; sleep 30
  diagnose leak-$version "kubelet $version, 40 pods synced every second, nothing done to it." $node --series 10 --every 45s
done
echo "diagnose: the transcript is $LAB/diagnose.md"
