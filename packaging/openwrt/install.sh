#!/bin/sh
# shellcheck shell=dash
# Installs Perch on OpenWrt with opkg or apk: ./install.sh [--to FOLDER]
set -eu

here="$(cd "$(dirname "$0")" && pwd -P)"
# shellcheck source=/dev/null
. "$here/root/lib/functions/perch.sh"

fail() {
	echo "install.sh: $*" >&2
	exit 1
}

owner_of() {
	# shellcheck disable=SC2012 # a router has no stat, and the name has no other signs
	ls -nd "$1" | awk '{ print $3 }'
}

to=''
case "${1-}" in
--to) to="${2-}" ;;
'') ;;
*) fail 'usage: ./install.sh [--to FOLDER], where FOLDER is on a USB disk or NVMe, such as /mnt/sda1/perch' ;;
esac
[ "$(id -u)" = 0 ] || fail 'only root may install'
[ "$(uname -m)" = @MACHINE@ ] || fail "this archive is for @MACHINE@, and this router is $(uname -m)"
[ -f /etc/rc.common ] || fail 'this is not OpenWrt'
if [ "${1-}" = --to ]; then
	case "$to" in
	*[!A-Za-z0-9/._-]* | */../* | */..) fail "$to: letters, digits, dots and dashes only, please" ;;
	/*) ;;
	*) fail "$to is not a whole path such as /mnt/sda1/perch" ;;
	esac
	[ -n "$(perch_disk_of "$to")" ] || fail "no disk is mounted at $to"
	# The owner of a program's folder can replace the program, and files put into the folder follow its links.
	if [ -d "$to" ] && [ "$(owner_of "$to")" != 0 ]; then
		fail "$to does not belong to root, as Perch's data do: take another folder, such as $to-program"
	fi
	# The owner of a folder above can replace it by a link.
	service="$(id -u perch 2> /dev/null || echo none)"
	above="${to%/*}"
	while [ -n "$above" ]; do
		if [ -d "$above" ] && [ "$(owner_of "$above")" = "$service" ]; then
			fail "$above belongs to Perch's service: take a folder that is not below it"
		fi
		above="${above%/*}"
	done
elif [ -L /usr/lib/perch ]; then
	# Files already on a disk stay there.
	to="$(readlink /usr/lib/perch)"
	[ -d "$to" ] || fail "the disk with $to is not mounted"
fi
program="${to:-/usr/lib/perch}"

free_kb() {
	local at="$1"
	while [ ! -d "$at" ]; do
		at="$(dirname "$at")"
	done
	df -kP "$at" | awk 'END { print $4 }'
}
# What an installation replaces in a folder; the data there stay.
parts_of() {
	echo "$1/agent $1/webui $1/node $1/run"
}

needed="$(du -sk "$here/root/usr/lib/perch" | cut -f1)"
# shellcheck disable=SC2046 # the folder's name has no spaces
before="$(du -sk $(parts_of "$program") 2> /dev/null | awk '{ kb += $1 } END { print kb + 0 }')"
free="$(free_kb "$program")"
if [ "$((free + before))" -lt "$((needed + 4096))" ]; then
	fail "$program needs $((needed / 1024)) MB and has $((free / 1024)): mount a USB disk or NVMe, then ./install.sh --to /mnt/sda1/perch"
fi

# OpenWrt's functions use variables that are not set.
set +u
# shellcheck source=/dev/null
. /lib/functions.sh
if [ -x /etc/init.d/perch ]; then
	/etc/init.d/perch stop || true
fi

if [ -n "$to" ] && [ ! -L /usr/lib/perch ]; then
	rm -rf /usr/lib/perch
fi
mkdir -p "$program"
# shellcheck disable=SC2046 # the folder's name has no spaces
rm -rf $(parts_of "$program")
cp -a "$here/root/usr/lib/perch/." "$program/"
if [ -n "$to" ]; then
	mkdir -p /usr/lib
	ln -sfn "$to" /usr/lib/perch
fi

# An installation that ended early has left the router's configuration there.
[ ! -e /etc/perch-config.kept ] || mv /etc/perch-config.kept /etc/config/perch
had_config=''
[ ! -e /etc/config/perch ] || had_config=yes
# Not in /tmp, where any user may have created this name.
if [ -n "$had_config" ]; then
	cp -p /etc/config/perch /etc/perch-config.new
	sync
	mv /etc/perch-config.new /etc/perch-config.kept
fi
(cd "$here/root" && tar -cf - etc lib usr/bin usr/libexec usr/share www) | tar -xf - -C /
if [ -n "$had_config" ]; then
	mv /etc/perch-config.kept /etc/config/perch
elif [ -n "$to" ]; then
	sed -i "s|option data .*|option data '$to/data'|" /etc/config/perch
fi
if [ -n "$to" ]; then
	# The program is on the disk: links to it survive an upgrade of the router.
	(cd "$here/root" && find etc lib usr/bin usr/libexec usr/share www -type f) | sed 's|^|/|' >> /lib/upgrade/keep.d/perch
	printf '%s\n' /usr/lib/perch /etc/rc.d/S95perch /etc/rc.d/K05perch >> /lib/upgrade/keep.d/perch
fi
cp "$here/uninstall.sh" /usr/share/perch/uninstall.sh

group="$(group_add_next perch)"
user_exists perch || user_add perch "" "${group:-$(sed -n 's/^perch:[^:]*:\([0-9]*\):.*/\1/p' /etc/group)}"
perch_pack_page
perch_raise_buffers
perch_refresh_luci
/etc/init.d/perch enable
/etc/init.d/perch start
port="$(sed -n "s/^.*option port '\([0-9]*\)'.*/\1/p" /etc/config/perch)"
echo "Perch is installed. Its page is at port ${port:-8080} of this router; its log: logread -e perch"
if grep -q "option data '/etc/perch/data'" /etc/config/perch && ! grep -q "option recordings '/" /etc/config/perch; then
	# Below the program's folder, which stays root's.
	echo "Nothing is recorded without a disk: uci set perch.main.data=${to:-/mnt/sda1/perch}/data; uci commit perch; reload_config"
fi
