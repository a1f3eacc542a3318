#!/bin/sh
# Builds kube-apiserver and etcd, for the tests against a real API server, and prints the folder that has them. What was
# built is kept in the user's cache under a name that the module's content decides, so that it is built only once.
set -eu
cd "$(dirname "$0")"
version=$(awk '$1 == "k8s.io/kubernetes" { print $2 }' go.mod)
minor=$(echo "$version" | cut -d. -f2)
bin=${XDG_CACHE_HOME:-$HOME/.cache}/brownout/kubetest/$version-$(cat go.mod go.sum build.sh | sha256sum | cut -c1-12)

if ! [ -x "$bin/kube-apiserver" ] || ! [ -x "$bin/etcd" ]; then
    command -v go >/dev/null || { echo "kubetest: go is not on PATH; see tools/kubetest/go.mod for its version" >&2; exit 1; }
    echo "kubetest: building kube-apiserver $version and etcd; 5 minutes of processor time, once" >&2
    mkdir -p "$bin"
    # Without these values /version answers a placeholder, and whoever looks at the minor version is misled.
    about=k8s.io/component-base/version
    stamp="-X $about.gitVersion=$version -X $about.gitMajor=1 -X $about.gitMinor=$minor"
    export CGO_ENABLED=0 GOTOOLCHAIN=local
    build() { # built beside its place first, so that an interrupted build leaves no half file
        nice -n 19 go build -o "$bin/.$1" -ldflags "-s -w $3" "$2" && mv "$bin/.$1" "$bin/$1"
    }
    build etcd go.etcd.io/etcd/server/v3 "" >&2
    build kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver "$stamp" >&2
fi
echo "$bin"
