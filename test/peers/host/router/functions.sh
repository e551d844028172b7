# shellcheck shell=dash disable=SC1090,SC2034
# What OpenWrt's /lib/functions.sh gives to init scripts and packages, as far as Perch asks for it.
config_load() {
	[ ! -e "/etc/config/$1" ] || . "/etc/config/$1"
}
config() {
	SECTION="$2"
}
option() {
	eval "CONFIG_${SECTION}_$1=\"\$2\""
}
config_get() {
	eval "$1=\"\${CONFIG_$2_$3:-\${4-}}\""
}
config_get_bool() {
	local value
	config_get value "$2" "$3" "${4-}"
	case "$value" in
	1 | on | true | yes | enabled) eval "$1=1" ;;
	*) eval "$1=0" ;;
	esac
}

# Like OpenWrt's, it reads a variable that is not set on a router.
user_exists() {
	grep -qs "^$1:" "${IPKG_INSTROOT}/etc/passwd"
}
group_add_next() {
	grep -qs "^$1:" /etc/group || echo "$1:x:65536:" >> /etc/group
	sed -n "s/^$1:x:\([0-9]*\):.*/\1/p" /etc/group
}
user_add() {
	echo "$1:x:${2:-65536}:$3:$1:/var/run/$1:/bin/false" >> /etc/passwd
}

package_of() {
	basename "${1%.*}"
}
init_scripts_of() {
	grep '^/etc/init.d/.' "/usr/lib/opkg/info/$1.list"
}
default_postinst() {
	local package init wanted
	package="$(package_of "$1")"
	wanted="$(sed -n 's/^Require-User: *//p' "/usr/lib/opkg/info/$package.control")"
	if [ -n "$wanted" ]; then
		user_exists "${wanted%:*}" || user_add "${wanted%:*}" '' "$(group_add_next "${wanted#*:}")"
	fi
	for init in $(init_scripts_of "$package"); do
		[ "$PKG_UPGRADE" = 1 ] || "$init" enable
		"$init" start
	done
}
default_prerm() {
	local init
	for init in $(init_scripts_of "$(package_of "$1")"); do
		[ "$PKG_UPGRADE" = 1 ] || "$init" disable
		"$init" stop
	done
}
