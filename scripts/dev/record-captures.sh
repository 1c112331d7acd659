#!/usr/bin/env bash
# Records the captures of examples/captures from real traffic between two network namespaces of this machine: curl and Python's
# HTTP server over IPv4 and IPv6, dig and a small DNS server, ping, VLAN 100, VLAN 30 inside service VLAN 200, IPv4 and IPv6 fragments.
# Needs root (namespaces) and the packages iputils-ping bind9-dnsutils tshark tcpdump curl python3; nothing outside the two
# namespaces is touched. The files differ from run to run in ports, sequence numbers and times: after a new recording, the numbers
# that tests/e2e expects have to be counted again (tests/e2e/README.md).
#
#   scripts/dev/record-captures.sh [DIRECTORY]     default: examples/captures
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
out=${1:-$here/examples/captures}
client=skep-client server=skep-server
work=$(mktemp -d)
started=()

cleanup() {
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  ip netns del "$client" 2>/dev/null || true
  ip netns del "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

for tool in ip tcpdump dumpcap ping dig curl python3; do
  command -v "$tool" >/dev/null || { echo "record-captures: $tool is missing (apt-get install iputils-ping bind9-dnsutils tshark tcpdump curl)" >&2; exit 1; }
done
mkdir -p "$out"

in_client() { ip netns exec "$client" "$@"; }

# vlan_device NAMESPACE HOST NAME INTERFACE TAG...: the device with the addresses of its VLAN.
vlan_device() {
  local namespace=$1 host=$2 name=$3 interface=$4 mac
  shift 2
  ip netns exec "$namespace" "$here/scripts/dev/vlan_device.py" "$@" & started+=($!)
  for _ in $(seq 50); do ip -n "$namespace" link show "$name" >/dev/null 2>&1 && break; sleep 0.1; done
  mac=$(ip netns exec "$namespace" cat "/sys/class/net/$interface/address")
  ip -n "$namespace" link set "$name" address "$mac" mtu 1496
  ip -n "$namespace" link set "$name" up
  ip -n "$namespace" addr add "10.${name:1}.0.$host/24" dev "$name"
  ip -n "$namespace" addr add "fd00:${name:1}::$host/64" dev "$name" nodad
}

# Two namespaces joined by a veth pair; VLAN 100 over it, and VLAN 30 inside service VLAN 200.
make_network() {
  ip netns add "$client"
  ip netns add "$server"
  ip link add c0 netns "$client" address 02:00:00:00:00:01 type veth peer name s0 netns "$server" address 02:00:00:00:00:02
  local side interface host
  for side in "$client c0 1" "$server s0 2"; do
    read -r namespace interface host <<<"$side"
    local netns=(ip -n "$namespace")
    # Real frames on the wire: no segmentation and no checksums left to hardware that does not exist.
    ip netns exec "$namespace" ethtool -K "$interface" tso off gso off gro off tx off rx off rxvlan off txvlan off >/dev/null 2>&1 || true
    ip netns exec "$namespace" sh -c 'for dir in all default; do echo 0 >/proc/sys/net/ipv6/conf/$dir/router_solicitations; done'
    "${netns[@]}" link set lo up
    "${netns[@]}" link set "$interface" up
    "${netns[@]}" addr add "10.1.0.$host/24" dev "$interface"
    "${netns[@]}" addr add "fd00:1::$host/64" dev "$interface" nodad
    vlan_device "$namespace" "$host" v100 "$interface" 8100:100
    vlan_device "$namespace" "$host" q200 "$interface" 88a8:200 8100:30
  done
}

start_servers() {
  mkdir "$work/www"
  head -c 1500 /dev/urandom | base64 >"$work/www/page.html"
  head -c 9000 /dev/urandom | base64 >"$work/www/file.bin"
  ip netns exec "$server" python3 -m http.server --directory "$work/www" --bind :: 80 >/dev/null 2>&1 & started+=($!)
  ip netns exec "$server" python3 -m http.server --directory "$work/www" --bind :: 8080 >/dev/null 2>&1 & started+=($!)
  ip netns exec "$server" python3 "$here/scripts/dev/dns_server.py" 53 >/dev/null 2>&1 & started+=($!)
  for _ in $(seq 50); do
    in_client curl -s -o /dev/null http://10.1.0.2:8080/page.html && in_client dig +short +tries=1 +time=1 @10.1.0.2 one.example >/dev/null && return
    sleep 0.1
  done
  echo "record-captures: the servers did not come up" >&2
  exit 1
}

# record FILE COMMAND: what the client's interface sees while COMMAND runs there.
record() {
  local file=$1 pid
  shift
  echo "recording $file"
  in_client ip neigh flush all
  case $file in
    *.pcapng) ip netns exec "$client" dumpcap -q -i c0 -s 65535 -w "$work/$file" >/dev/null 2>"$work/log" & pid=$! ;;
    *) ip netns exec "$client" tcpdump -Z root -q -U --immediate-mode -n -i c0 -s "${snaplen:-65535}" -w "$work/$file" >/dev/null 2>"$work/log" & pid=$! ;;
  esac
  started+=("$pid")
  for _ in $(seq 50); do grep -qiE 'listening on|capturing on|^File:' "$work/log" && break; sleep 0.1; done
  sleep 0.3
  "$@"
  sleep 0.5
  kill "$pid"
  wait "$pid" || true
  mv "$work/$file" "$out/$file"
  chmod 644 "$out/$file"
}

get() { in_client curl -s -o /dev/null "$@" || true; }

traffic_http4() { get http://10.1.0.2/page.html; get http://10.1.0.2:8080/file.bin; get http://10.1.0.2:81/closed; }
traffic_http6() { get "http://[fd00:1::2]/page.html"; get "http://[fd00:1::2]:8080/page.html"; }
traffic_dns() {
  in_client dig +short @10.1.0.2 one.example two.example three.example >/dev/null
  in_client dig +short @fd00:1::2 one.example AAAA six.example AAAA >/dev/null
  in_client dig +short +tries=1 +time=1 @10.1.0.2 -p 5353 nobody.example >/dev/null || true
}
traffic_icmp() { in_client ping -q -c 4 -i 0.2 10.1.0.2; in_client ping -6 -q -c 3 -i 0.2 fd00:1::2; } >/dev/null
traffic_vlan() {
  in_client ping -q -c 2 -i 0.2 10.100.0.2
  in_client ping -6 -q -c 2 -i 0.2 fd00:100::2
  get http://10.100.0.2/page.html
  in_client dig +short @10.100.0.2 one.example
  in_client ping -q -c 2 -i 0.2 10.200.0.2
} >/dev/null
traffic_fragments() { in_client ping -q -c 2 -i 0.2 -s 4000 10.1.0.2; in_client ping -6 -q -c 2 -i 0.2 -s 3000 fd00:1::2; } >/dev/null
traffic_mixed() {
  traffic_icmp
  traffic_dns
  traffic_http4
  traffic_http6
  traffic_vlan
}

make_network
start_servers
sleep 2  # multicast listener reports of the new interfaces
record http4.pcap traffic_http4
record http6.pcapng traffic_http6
record dns.pcap traffic_dns
record icmp.pcap traffic_icmp
record vlan.pcap traffic_vlan
record fragments.pcap traffic_fragments
record mixed.pcapng traffic_mixed
snaplen=96 record snaplen96.pcap traffic_http4
ls -l "$out"
