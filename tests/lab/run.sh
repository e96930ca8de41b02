#!/usr/bin/env bash
# Runs the tests of tests/lab against a real node on this machine: brings it up, plays every case, takes it down.
#
#   apt-get install etcd-server containerd runc busybox-static iproute2 openssl curl
#   BIN=DIR tests/lab/run.sh        as root; DIR holds kubelet, kube-apiserver and kubectl. What is missing is built, which
#                                   takes Go, a C compiler and minutes: tests/lab/build.sh VERSION DIR COMMAND
#   KUBEPROF=FILE                   a kubeprof to try in place of the one that is built here
#
# The transcript is $LAB/transcript.txt; tests/lab/transcript.txt is a short one that was kept. Without a lab, `cargo test` says that it skipped these tests, and why.
set -euo pipefail
here=$(realpath "$(dirname "$0")")
export LAB=${LAB:-${TMPDIR:-/tmp}/kubeprof-lab} BIN=${BIN:-${TMPDIR:-/tmp}/kubeprof-lab/bin}
mkdir -p "$BIN"
[ -x "$BIN/kubelet" ] || "$here/build.sh" 1.36.1 "$BIN" kubelet
[ -x "$BIN/kube-apiserver" ] || "$here/build.sh" 1.36.3 "$BIN" kube-apiserver
[ -x "$BIN/kubectl" ] || "$here/build.sh" 1.36.3 "$BIN" kubectl
"$here/lab.sh" up
trap '"$here/lab.sh" down' EXIT
cd "$here/../.."
KUBEPROF_LAB=$LAB cargo test --test lab -- --nocapture
