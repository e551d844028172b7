# shellcheck shell=dash
# Shared by the scripts of Perch.

# Prints the device of the disk that holds a folder, or will when it is created; nothing for the root's flash or memory.
perch_disk_of() {
	local folder="$1" device at type rest best='' disk=''
	while [ ! -d "${folder:-/}" ]; do
		folder="${folder%/*}"
	done
	folder="$(cd "${folder:-/}" 2>/dev/null && pwd -P)/"
	while read -r device at type rest; do
		case "$folder" in
		"${at%/}"/*) ;;
		*) continue ;;
		esac
		# If two disks are mounted at the same place, the later one counts.
		[ "${#at}" -ge "${#best}" ] || continue
		best="$at"
		disk="$device"
		case "$at:$type" in
		/:* | /overlay:* | /rom:* | /boot:*) disk='' ;;
		*:overlay | *:tmpfs | *:ramfs | *:devtmpfs | *:squashfs | *:jffs2 | *:ubifs | *:proc | *:sysfs) disk='' ;;
		esac
	done < /proc/mounts
	echo "$disk"
}

# Prints the recordPath for a folder of recordings.
perch_record_path() {
	echo "$1/%path/%Y-%m-%d_%H-%M-%S-%f"
}

# Prints which part of the program is missing; nothing if none is.
perch_missing_program() {
	if [ ! -e /usr/lib/perch/run ]; then
		echo "the disk with Perch's program is not mounted ($(readlink /usr/lib/perch))"
	elif [ ! -x /usr/lib/perch/node/bin/node ] && ! command -v node > /dev/null; then
		echo "Node is missing: install perch-node, or mount its disk"
	fi
}

# Raises the limit of receive buffers now, as the next start of the router would. Keeps a higher limit.
perch_raise_buffers() {
	[ "$(cat /proc/sys/net/core/rmem_max 2> /dev/null || echo 4194304)" -ge 4194304 ] ||
		sysctl -e -p /etc/sysctl.d/30-perch.conf > /dev/null || true
}

# The page's scripts are sent gzipped. They are packed here, so that the package does not contain them twice.
perch_pack_page() {
	local file
	for file in /usr/lib/perch/webui/dist/*.js /usr/lib/perch/webui/dist/*.css; do
		[ ! -f "$file" ] || gzip -9 -c "$file" > "$file.gz"
	done
}

# Empties LuCI's caches of pages and rights, if LuCI is installed.
perch_refresh_luci() {
	rm -f /tmp/luci-indexcache*
	[ ! -x /etc/init.d/rpcd ] || /etc/init.d/rpcd reload || true
}
