#!/usr/bin/env bash
# Builds upstream Kubernetes binaries from their Go modules; needs Go, a C compiler and the module proxy (3 minutes cold each).
#
#   build.sh VERSION OUT COMMAND...     e.g.  build.sh 1.36.1 /usr/local/bin kubelet
#   SUFFIX=-1.36.1                      appended to the file's name
#   EXTRA='-s -w'                       stripped, as releases are
#   EXTRA='-linkmode=external -s -w'    linked by the C linker as releases up to 1.37 are (text base != .text)
#
# Versions known to be served: 1.34.0 ... 1.36.1, 1.36.3, 1.37.2. Paths in the result carry @version (k8s.io/kubernetes@v1.36.1/pkg/...), release builds do not.
set -euo pipefail
version=$1 out=$(realpath "$2"); shift 2
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
export GOFLAGS=-mod=mod CGO_ENABLED=1
go mod init lab >/dev/null 2>&1
upstream=$(go mod download -json "k8s.io/kubernetes@v$version" | sed -n 's/.*"GoMod": "\(.*\)",/\1/p')
go mod edit -require="k8s.io/kubernetes@v$version"
# In the repository the staging modules are "v0.0.0 => ./staging/..."; published they are v0.MINOR.PATCH.
for m in $(sed -n 's#^\t*\(k8s.io/[a-z0-9-]*\) => ./staging.*#\1#p' "$upstream"); do go mod edit -replace="$m=$m@v0.${version#1.}"; done
for command in "$@"; do
  case $command in
    kubelet) import='"context"' call='app.NewKubeletCommand(context.Background())' ;;
    kube-apiserver) import='' call='app.NewAPIServerCommand()' ;;
    kubectl) import='' call='cmd.NewDefaultKubectlCommand()' ;;
    *) echo "build.sh: knows kubelet, kube-apiserver and kubectl, not $command" >&2; exit 2 ;;
  esac
  package="\"k8s.io/kubernetes/cmd/$command/app\""
  [ "$command" != kubectl ] || package='"k8s.io/kubectl/pkg/cmd"'
  mkdir -p "$command"
  cat >"$command/main.go" <<G
package main

import (
	$import
	"os"

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	$package
)

func main() { os.Exit(cli.Run($call)) }
G
  stamp=k8s.io/component-base/version minor=${version#1.}
  go build -trimpath -ldflags "-X $stamp.gitVersion=v$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=${minor%.*} ${EXTRA:-}" -o "$out/$command${SUFFIX:-}" "./$command"
done
