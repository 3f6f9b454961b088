#!/bin/sh
# Installs parascope's programs on a node of a ParallelCluster.
#
# ParallelCluster runs this file on every node as root, at boot (OnNodeConfigured) or at an
# update (OnNodeUpdated), and ends a node on which it fails. Run so, it copies itself, writes
# one systemd unit, asks systemd to start it, and exits with 0 within a second, whatever
# happens. The unit runs the copy with --run: that fetches the programs, checks them, starts
# them, and tries again for as long as the node lives. docs/cluster.md describes it.
#
#   install.sh             install, and keep up to date
#   install.sh --replace   the same; exporters and a Prometheus that are there are stopped
#   install.sh --remove    stop and remove what was installed
#
# PARASCOPE_ROOT, _PERIOD, _BACKOFF, _QUICK, _TIMEOUT and _PROOF are for tests: the directory that
# stands for /, and seconds.

# Filled in by 'parascope cluster stage'.
bucket='@BUCKET@'
owner='@OWNER@'
region='@REGION@'
prefix='@PREFIX@'

root=${PARASCOPE_ROOT-}
period=${PARASCOPE_PERIOD:-900} # between two looks at the manifest; a random part is added
backoff=${PARASCOPE_BACKOFF:-5} # after a failure, doubled each time
limit=${PARASCOPE_TIMEOUT:-300} # of one call of the AWS CLI
proof=${PARASCOPE_PROOF:-60}    # in which a new version has to serve its page

home=$root/opt/parascope
run=$root/run/parascope-install
name=parascope-install
reason= # of the last failure, one of a fixed list
detail= # of it, for people

say() { printf 'parascope: %s\n' "$*"; }

# fail REASON TEXT notes why a pass ended.
fail() {
	reason=$1 detail=$2
	say "$detail"
	return 1
}

# plain TEXT… is true for words that are safe in a path, a label and a command.
plain() {
	for word; do
		case $word in
		'' | -* | .* | *..* | *[!A-Za-z0-9._+/-]*) return 1 ;;
		esac
	done
}

# failing FILE gives the last line of a command's errors, and the reason that it stands for.
failing() {
	text=$(tr -cd '[:print:]\n' <"$1" 2>/dev/null | sed '/^ *$/d' | tail -n 1 | cut -c 1-300)
	case $text in
	*'No space left'*) why=disk-full ;;
	*'Read-only file system'* | *'Permission denied'*) why=read-only ;;
	*AccessDenied* | *Forbidden* | *'(403)'*) why=denied ;;
	*NoSuchKey* | *NoSuchBucket* | *'Not Found'* | *'(404)'*) why=not-there ;;
	*) why=$2 ;;
	esac
}

# fact NAME is a value of ParallelCluster's description of this node.
fact() { sed -n "s/^$1=//p" "$root/etc/parallelcluster/cfnconfig" 2>/dev/null | tr -d "\"'" | head -n 1; }

# bounded SECONDS COMMAND… runs a command for so long at most.
bounded() {
	if command -v timeout >/dev/null 2>&1; then timeout "$@"; else
		shift
		"$@"
	fi
}

# write FILE writes standard input to a file, whole or not at all.
write() {
	mkdir -p "${1%/*}" && cat >"$1.new" && chmod "${2:-644}" "$1.new" && mv -f "$1.new" "$1" && return 0
	rm -f "$1.new"
	return 1
}

# same A B is true for two files with the same text.
same() { [ -f "$1" ] && [ -f "$2" ] && [ "$(cat "$1")" = "$(cat "$2")" ]; }

# place FILE FROM [MODE] writes a file unless it is the same; changed is then new or other.
place() {
	changed=
	! same "$1" "$2" || return 0
	is=new
	[ ! -f "$1" ] || is=other
	write "$1" "${3:-644}" <"$2" && changed=$is
}

# place_unit UNIT FROM writes a unit where it can be written, sets unit to its file, and has
# it started at boot: with the link that 'systemctl enable' makes.
place_unit() {
	for dir in "$root/etc/systemd/system" "$root/run/systemd/system"; do
		unit=$dir/$1
		place "$unit" "$2" && mkdir -p "$dir/multi-user.target.wants" && ln -sf "../$1" "$dir/multi-user.target.wants/$1" && return 0
	done 2>"$run/error"
	return 1
}

# ---- what ParallelCluster runs ----

unit_text() {
	cat <<END
# Written by parascope's install script.
[Unit]
Description=Installs and upgrades parascope's programs on this node
Documentation=https://github.com/parascope/parascope/blob/main/docs/cluster.md
After=network.target
StartLimitIntervalSec=0

[Service]
ExecStart=/bin/sh $1 --run
Restart=always
RestartSec=10
SyslogIdentifier=parascope-install
Nice=19
IOSchedulingClass=idle
OOMScoreAdjust=500
MemoryMax=512M
TasksMax=64
UMask=0022

[Install]
WantedBy=multi-user.target
END
}

# settle FROM puts this script and its unit where they outlive the boot; where that cannot
# be written, below /run. Changed says whether there is a unit that systemd must read.
settle() {
	script=''
	for dir in "$home/lib" "$run"; do
		if place "$dir/$name.sh" "$1" 755 2>/dev/null; then
			script=$dir/$name.sh
			break
		fi
	done
	[ -n "$script" ] && unit_text "${script#"$root"}" >"$run/unit" && place_unit "$name.service" "$run/unit"
}

# choose MODE says what the unit is to do: install, replace or remove.
choose() {
	printf '%s\n' "$1" | write "$run/mode" 2>/dev/null
	printf '%s\n' "$1" | write "$home/mode" 2>/dev/null || [ "$(cat "$run/mode" 2>/dev/null)" = "$1" ]
}

install() {
	mode=install
	for arg; do
		case $arg in
		--remove) mode=remove ;;
		--replace) mode=replace ;;
		*) say "argument $arg has no meaning and is left out" ;;
		esac
	done
	umask 022
	mkdir -p "$run" 2>/dev/null
	if ! choose "$mode"; then
		say "nothing installed: neither $home nor $run can be written to"
		return
	fi
	if ! settle "$0"; then
		say "nothing installed: no directory for the unit can be written to"
		return
	fi
	quick=${PARASCOPE_QUICK:-0.3}
	bounded "$quick" true 2>/dev/null || quick=1 # a timeout that knows whole seconds only
	[ "$changed" != other ] || bounded "$quick" systemctl daemon-reload >/dev/null 2>&1 </dev/null
	if bounded "$quick" systemctl --no-block restart "$name.service" >/dev/null 2>&1 </dev/null; then
		say "$name.service is starting; 'journalctl -u $name' shows what it does"
		return
	fi
	(
		exec >/dev/null 2>&1 </dev/null # here, or a shell keeps what ParallelCluster reads from open
		start_later
	) &
	if command -v systemctl >/dev/null 2>&1; then
		say "systemctl failed or gave no answer; $name.service is started when it answers, or at the next boot"
	else
		say "systemctl was not found; $name.service is started when there is one, or at the next boot"
	fi
}

# start_later goes on where systemd had no time: it is busy while a node boots.
start_later() {
	trap - EXIT
	tries=0
	until bounded 30 systemctl daemon-reload && bounded 30 systemctl --no-block restart "$name.service"; do
		tries=$((tries + 1))
		[ $tries -lt 60 ] || return
		sleep "$backoff"
	done
}

# ---- what the unit runs ----

# find_aws looks for the AWS CLI where ParallelCluster's images have it.
find_aws() {
	aws=$(command -v aws 2>/dev/null)
	[ -z "$aws" ] || return 0
	for f in "$root/usr/local/bin/aws" "$root/usr/bin/aws" "$root/usr/local/aws-cli/v2/current/bin/aws" \
		"$root"/opt/parallelcluster/pyenv/versions/*/envs/*/bin/aws "$root/snap/bin/aws"; do
		if [ -x "$f" ]; then
			aws=$f
			return 0
		fi
	done
	return 1
}

# fetch KEY FILE downloads an object, from the bucket's own region and from its owner only.
fetch() {
	bounded "$limit" "$aws" s3api get-object --region "$region" --bucket "$bucket" --expected-bucket-owner "$owner" --key "$1" \
		--cli-connect-timeout 10 --cli-read-timeout 60 "$2" >/dev/null 2>"$run/error" </dev/null
	status=$?
	[ $status != 0 ] || return 0
	if [ $status = 124 ] || [ $status = 143 ]; then
		fail timeout "s3://$bucket/$1: no answer within $limit s"
	else
		failing "$run/error" unreachable
		fail "$why" "s3://$bucket/$1: ${text:-the AWS CLI failed with $status}"
	fi
}

# who says which node this is and what it is for.
who() {
	case $(fact cfn_node_type) in
	HeadNode) role='head' ;;
	LoginNode) role=login ;;
	*) role=compute ;;
	esac
	cluster=$(fact stack_name)
	node=$(cat "$root/etc/parallelcluster/slurm_plugin/slurm_nodename" 2>/dev/null)
	[ -n "$node" ] || node=$(uname -n)
	node=${node%%.*}
	case $(uname -m) in
	x86_64) arch=amd64 ;;
	aarch64) arch=arm64 ;;
	*) arch=$(uname -m) ;;
	esac
	gpus=
	for f in "$root"/sys/bus/pci/devices/*/vendor; do
		[ "$(cat "$f" 2>/dev/null)" != 0x10de ] || gpus=yes
	done
	proxy=$(fact cfn_proxy)
	case $proxy in
	http*) export HTTPS_PROXY="$proxy" NO_PROXY=169.254.169.254,localhost,127.0.0.1 ;;
	esac
}

# read_manifest FILE decides which version this node is to have, and writes what belongs to
# it to FILE.files: NAME ARCHITECTURE SHA256 BYTES KEY.
read_manifest() {
	if [ "$(head -n 1 "$1")" != 'parascope 1' ] || [ "$(tail -n 1 "$1")" != end ]; then
		fail manifest "the manifest is not whole, or of a later parascope: its first line is not 'parascope 1', or its last is not 'end'"
		return 1
	fi
	wanted='' write_url='' write_region='' replace=''
	[ "$mode" != replace ] || replace=yes
	while read -r key a b _; do
		case $key in
		default) [ -n "$wanted" ] || wanted=$a ;;
		canary) case $a in "$node" | "$cluster/$node") wanted=$b ;; esac ;;
		remote-write) write_url=$a write_region=$b ;;
		replace) replace=yes ;;
		esac
	done <"$1"
	if ! plain "$wanted" || [ "$wanted" != "${wanted##*/}" ]; then
		wanted=''
		fail manifest 'the manifest names no version'
		return 1
	fi
	programs=parascope-node
	[ -z "$gpus" ] || programs="$programs parascope-nvml"
	[ "$role" != head ] || programs="$programs parascope-head"
	while read -r key version file a sum bytes object; do
		[ "$key" = file ] && [ "$version" = "$wanted" ] || continue
		case "$a: $programs " in
		"$arch:"*" $file "*) ;;
		any:*) [ "$file" = parascope-node.service ] || [ "$file" = $name.sh ] || continue ;;
		*) continue ;;
		esac
		if ! plain "$sum" "$bytes" "$object"; then
			fail manifest "the manifest's line of $file cannot be read"
			return 1
		fi
		printf '%s %s %s %s %s\n' "$file" "$a" "$sum" "$bytes" "$object"
	done <"$1" >"$1.files" || return 1
	for file in $programs; do
		grep -q "^$file " "$1.files" && continue
		fail no-program "version $wanted has no $file for $arch: its parascope was built for other machines ('make release' builds for both)"
		return 1
	done
	release=$wanted-$(sha256sum <"$1.files" | cut -c 1-12)
}

# download fetches a release into a directory of its own, checks every file, and gives the
# directory its name when it is whole.
download() {
	[ ! -d "$home/releases/$release" ] || return 0
	into=$home/new.$$
	mkdir -p "$into/bin" "$home/releases" 2>"$run/error" || {
		failing "$run/error" disk
		fail "$why" "$home: $text"
		return 1
	}
	while read -r file a sum bytes object; do
		fetch "$object" "$into/object" || return 1
		has=$(sha256sum <"$into/object" | cut -d ' ' -f 1)
		if [ "$has" != "$sum" ]; then
			size=$(wc -c <"$into/object" | tr -d ' ')
			fail digest "s3://$bucket/$object is not what the manifest says: $size bytes with SHA-256 $has, not $bytes with $sum"
			return 1
		fi
		case $a in
		any) cat "$into/object" >"$into/$file" ;;
		*) gzip -dc "$into/object" >"$into/bin/$file" && chmod 755 "$into/bin/$file" ;;
		esac 2>"$run/error" || {
			failing "$run/error" disk
			fail "$why" "$into/$file: $text"
			return 1
		}
		rm -f "$into/object"
	done <"$home/manifest.files" || return 1
	label "$into"
	mv "$into" "$home/releases/$release" 2>"$run/error" || {
		failing "$run/error" disk
		fail "$why" "$home/releases/$release: $text"
	}
}

# label PATH… gives files the SELinux types of their places: systemd may not run others.
label() {
	for f in "$root/sbin/restorecon" "$root/usr/sbin/restorecon"; do
		if [ -x "$f" ]; then
			bounded 30 "$f" -RF "$@" >/dev/null 2>&1
			return 0
		fi
	done
}

# current says which release is in force.
current() {
	target=$(readlink "$home/current" 2>/dev/null) || return 1
	printf '%s\n' "${target#releases/}"
}

# switch_to RELEASE puts a release in force.
switch_to() {
	rm -f "$home/current.new"
	ln -s "releases/$1" "$home/current.new" 2>"$run/error" &&
		{ mv -fT "$home/current.new" "$home/current" 2>/dev/null || { rm -f "$home/current" && mv -f "$home/current.new" "$home/current"; }; } && return 0
	failing "$run/error" disk
	fail "$why" "$home/current: $text"
}

# node_unit writes the unit of the release's node program, on the ports that are free for it.
node_unit() {
	look_for_others
	args=
	[ -z "$other_9100" ] || args=' --web.listen-address=127.0.0.1:9101'
	if [ -n "$other_9400" ]; then
		args="$args --gpu.listen-address=off"
	elif [ -n "$other_9100" ]; then
		args="$args --gpu.listen-address=:9400"
	fi
	sed "s|^ExecStart=.*|&$args|" "$home/current/parascope-node.service" >"$run/unit" 2>"$run/error" &&
		place_unit parascope-node.service "$run/unit" && return 0
	failing "$run/error" disk
	fail "$why" "parascope-node.service cannot be written: $text"
}

# listener PORT gives the process that listens on a port of this machine: PID NAME.
listener() {
	hex=$(printf ':%04X' "$1")
	cat "$root/proc/net/tcp" "$root/proc/net/tcp6" 2>/dev/null |
		awk -v p="$hex" '$4 == "0A" && substr($2, length($2) - 4) == p {found = 1} END {exit !found}' || return 1
	ss -Hltnp "sport = :$1" 2>/dev/null | sed -n 's/.*(("\([^"]*\)",pid=\([0-9]*\).*/\2 \1/p' | head -n 1 | grep . || echo '0 unknown'
}

told=
# look_for_others finds exporters that are not ours on our ports. They stay, unless they are
# to be replaced.
look_for_others() {
	other_9100='' other_9400=''
	for port in 9100 9400; do
		found=$(listener $port) || continue
		pid=${found%% *} process=$(printf %s "${found#* }" | tr -cd 'A-Za-z0-9._-')
		case $process in
		parascope-node) continue ;;
		unknown) ! systemctl is-active --quiet parascope-node.service 2>/dev/null || continue ;;
		esac
		if [ -n "$replace" ] && stop_other "$pid" "$process" "$port"; then
			continue
		fi
		[ $port = 9400 ] || other_9100=$process
		[ $port = 9100 ] || other_9400=$process
		case $told in
		*" $port $process "*) ;;
		*)
			told="$told $port $process "
			say "port $port belongs to $process, which is left as it is"
			;;
		esac
	done
}

# stop_other PID NAME PORT stops a process, and the service that would start it again.
stop_other() {
	[ "$1" -gt 1 ] || return 1
	service=$(sed -n 's|.*/system.slice/\([A-Za-z0-9@._-]*\.service\)$|\1|p' "$root/proc/$1/cgroup" 2>/dev/null | head -n 1)
	case $service in
	docker.service | containerd.service) return 1 ;;
	?*) bounded 30 systemctl disable --now "$service" >/dev/null 2>&1 ;;
	*) kill "$1" 2>/dev/null ;;
	esac
	for _ in 1 2 3 4 5; do
		if ! listener "$3" >/dev/null; then
			say "$2 on port $3 was stopped${service:+: $service}"
			return 0
		fi
		sleep 1
	done
	return 1
}

# page URL asks a page of this machine.
page() {
	if command -v curl >/dev/null 2>&1; then
		curl -fsS --noproxy '*' --max-time 5 -o /dev/null "$1" 2>/dev/null
	elif command -v wget >/dev/null 2>&1; then
		bounded 5 wget -q -O /dev/null "$1" 2>/dev/null
	else
		python3 -c 'import sys, urllib.request as u; u.build_opener(u.ProxyHandler({})).open(sys.argv[1], timeout=5).read(1)' "$1" 2>/dev/null
	fi
}

# proved URL waits until a page is served.
proved() {
	i=0
	until page "$1"; do
		i=$((i + 1))
		[ $i -lt "$proof" ] || return 1
		sleep 1
	done
}

# start restarts the programs of the release in force, and waits for their pages.
start() {
	node_unit || return 1
	if ! command -v systemctl >/dev/null 2>&1; then
		fail no-systemctl 'systemctl was not found: nothing can be started'
		return 1
	fi
	bounded 60 systemctl daemon-reload >/dev/null 2>&1
	start_node || return 1
	[ "$role" != head ] || start_head restart
}

# start_node restarts the node program, unless others have both of its ports.
start_node() {
	if [ -n "$other_9100" ] && [ -n "$other_9400" ]; then
		bounded 60 systemctl disable --now parascope-node.service >/dev/null 2>&1
		return 0
	fi
	bounded 60 systemctl restart parascope-node.service >/dev/null 2>&1
	port=9100
	[ -z "$other_9100" ] || port=9101
	proved "http://127.0.0.1:$port/metrics" && return 0
	fail no-page "parascope-node serves no page on port $port within $proof s"
}

# start_head [restart] has the head's program write its files, and starts it as they say.
start_head() {
	if [ -z "$write_url" ]; then
		fail no-workspace "the manifest names no workspace to send to: 'parascope cluster stage' writes it when the stack has one"
		return 1
	fi
	before=$(cat "$root/opt/prometheus/prometheus.yml" "$root/etc/systemd/system/prometheus.service" 2>/dev/null | sha256sum)
	if ! "$home/current/bin/parascope-head" setup --remote-write.url "$write_url" --remote-write.region "$write_region" \
		${replace:+--replace} ${root:+--root "$root"} >"$run/head" 2>"$run/error" </dev/null; then
		text=$(sed -n 's/^Error: //p' "$run/error" | tr -cd '[:print:]\n' | head -n 1 | cut -c 1-300)
		fail head-setup "parascope-head setup: ${text:-failed}"
		return 1
	fi
	after=$(cat "$root/opt/prometheus/prometheus.yml" "$root/etc/systemd/system/prometheus.service" 2>/dev/null | sha256sum)
	if [ "$before" = "$after" ] && [ "${1-}" != restart ] && systemctl is-active --quiet prometheus.service; then
		return 0
	fi
	label "$root/opt/prometheus"
	bounded 60 systemctl enable prometheus.service >/dev/null 2>&1
	bounded 60 systemctl daemon-reload >/dev/null 2>&1
	bounded 120 systemctl restart prometheus.service >/dev/null 2>&1
	if ! proved http://127.0.0.1:9090/-/ready; then
		fail no-page "prometheus.service does not answer on port 9090 within $proof s"
		return 1
	fi
}

# converge makes one pass: what the manifest says is what runs.
converge() {
	if ! find_aws; then
		fail no-aws-cli 'the AWS CLI was found neither in PATH nor where ParallelCluster installs it'
		return 1
	fi
	if ! { mkdir -p "$home" && rm -rf "$home"/new.* && touch "$home/manifest.new"; } 2>"$run/error"; then
		failing "$run/error" disk
		fail "$why" "$home cannot be written to: $text"
		return 1
	fi
	fetch "${prefix}manifest" "$home/manifest.new" || return 1
	mv -f "$home/manifest.new" "$home/manifest"
	read_manifest "$home/manifest" || return 1
	if [ "$(cat "$home/refused" 2>/dev/null)" = "$release" ]; then
		fail rolled-back "version $wanted was rolled back here: it served no page; another version is awaited"
		return 1
	fi
	old=$(current) || old=
	if [ "$old" = "$release" ]; then
		keep_running
		return
	fi
	download || return 1
	switch_to "$release" || return 1
	if start; then
		say "version $wanted runs"
		upgrade_self
		prune
		return 0
	fi
	if [ -z "$old" ] || [ "$reason" != no-page ]; then
		return 1
	fi
	say "version $wanted is rolled back to ${old%-*}"
	printf '%s\n' "$release" | write "$home/refused"
	if switch_to "$old" && start; then
		reason=rolled-back detail="version $wanted served no page, and ${old%-*} runs again"
	fi
	rm -rf "$home/releases/$release"
	return 1
}

# keep_running starts what does not run, and follows ports that were taken or set free.
keep_running() {
	node_unit || return 1
	runs=yes
	if [ -z "$other_9100" ] || [ -z "$other_9400" ]; then
		systemctl is-active --quiet parascope-node.service || runs=
	fi
	if [ -n "$changed" ] || [ -z "$runs" ]; then
		start
	elif [ "$role" = head ]; then
		start_head
	fi
}

# upgrade_self puts the release's own install script in the place of this one, when it says
# of itself that it works.
upgrade_self() {
	new=$home/current/$name.sh
	[ -f "$new" ] && ! same "$new" "$home/lib/$name.sh" || return 0
	if [ "$(sh "$new" --self-test 2>/dev/null)" = works ] && write "$home/lib/$name.sh" 755 <"$new"; then
		again=yes
	fi
}

# prune deletes releases but the one in force and the one before it.
prune() {
	for dir in "$home"/releases/*; do
		case ${dir##*/} in
		"$release" | "$old") ;;
		*) rm -rf "$dir" ;;
		esac
	done
}

# remove stops what was installed, and deletes it. What waits in the head's queue and the
# site's own jobs stay in /opt/prometheus.
remove() {
	units=parascope-node.service
	if grep -q 'parascope-head setup' "$root/etc/systemd/system/prometheus.service" 2>/dev/null; then
		units="$units prometheus.service"
		rm -f "$root/opt/prometheus/prometheus.yml"
	fi
	for u in $units $name.service; do
		[ "$u" = $name.service ] || bounded 120 systemctl stop "$u" >/dev/null 2>&1
		for dir in "$root/etc/systemd/system" "$root/run/systemd/system"; do
			rm -f "$dir/$u" "$dir/multi-user.target.wants/$u"
		done
	done
	rm -rf "$home"
	say 'removed'
	rm -rf "$run"
	bounded 60 systemctl daemon-reload >/dev/null 2>&1
	bounded 60 systemctl --no-block stop $name.service >/dev/null 2>&1
}

# publish writes the state as metrics, which parascope-node serves.
publish() {
	have=$(current) || have=
	{
		echo '# HELP parascope_install_info Version that is installed, and the one that the manifest names for this node.'
		echo '# TYPE parascope_install_info gauge'
		echo "parascope_install_info{version=\"${have%-*}\",wanted=\"${wanted-}\"} 1"
		echo '# HELP parascope_install_ok 1 if the last attempt found or made the wanted version running.'
		echo '# TYPE parascope_install_ok gauge'
		echo "parascope_install_ok $1"
		echo '# HELP parascope_install_failed_attempts Attempts that failed since the last one that did not.'
		echo '# TYPE parascope_install_failed_attempts gauge'
		echo "parascope_install_failed_attempts $failures"
		echo '# HELP parascope_install_last_attempt_timestamp_seconds Unix time of the last attempt.'
		echo '# TYPE parascope_install_last_attempt_timestamp_seconds gauge'
		echo "parascope_install_last_attempt_timestamp_seconds $(date +%s)"
		if [ "$1" = 0 ]; then
			echo '# HELP parascope_install_failure Why the last attempt failed.'
			echo '# TYPE parascope_install_failure gauge'
			echo "parascope_install_failure{reason=\"$reason\"} 1"
		fi
		if [ -n "${other_9100-}${other_9400-}" ]; then
			echo '# HELP parascope_install_other_exporter A process that is not ours on one of our ports.'
			echo '# TYPE parascope_install_other_exporter gauge'
			[ -z "$other_9100" ] || echo "parascope_install_other_exporter{port=\"9100\",process=\"$other_9100\"} 1"
			[ -z "$other_9400" ] || echo "parascope_install_other_exporter{port=\"9400\",process=\"$other_9400\"} 1"
		fi
	} | write "$run/parascope-install.prom" 2>/dev/null
}

# random N is a number from 0 to N.
random() { awk -v n="$1" -v s="$(od -An -N4 -tu4 /dev/urandom 2>/dev/null)" 'BEGIN {srand(s); print int(rand() * (n + 1))}'; }

# pass does what the mode says, once.
pass() {
	umask 022
	mkdir -p "$run"
	mode=$(cat "$run/mode" 2>/dev/null || cat "$home/mode" 2>/dev/null) || mode=install
	if [ "$mode" = remove ]; then
		remove
		exit 0
	fi
	reason='' detail='' again=''
	who
	settle "$0" && [ -n "$changed" ] && bounded 60 systemctl daemon-reload >/dev/null 2>&1
	if converge; then
		failures=0
		publish 1
		return 0
	fi
	failures=$((failures + 1))
	rm -rf "$home"/new.* 2>/dev/null
	publish 0
	return 1
}

# watch makes passes for as long as the node lives.
watch() {
	failures=0 pause=$backoff
	while :; do
		if pass; then
			pause=$backoff
			[ -z "$again" ] || exec /bin/sh "$home/lib/$name.sh" --run
			sleep $((period + $(random $((period / 3)))))
			continue
		fi
		if [ "$reason" = rolled-back ] || [ "$reason" = no-program ]; then
			pause=$period
		fi
		say "the next attempt is in about $pause s"
		sleep $((pause + $(random $((pause / 2)))))
		pause=$((pause * 2))
		[ $pause -le 300 ] || pause=300
	done
}

main() {
	case ${1-} in
	--run) watch ;;
	--once)
		failures=0
		pass
		;;
	--self-test) echo works ;;
	*)
		trap 'exit 0' EXIT HUP INT TERM
		trap '' PIPE
		install "$@"
		exit 0
		;;
	esac
}

main "$@"
