#!/bin/sh
# Removes what install.sh installed. Configuration, users and recordings stay.
set -eu

program="$(readlink -f /usr/lib/perch || echo /usr/lib/perch)"
/etc/init.d/perch stop || true
/etc/init.d/perch disable || true
rm -rf "$program/agent" "$program/webui" "$program/node" "$program/run"
if [ -L /usr/lib/perch ]; then
	rm /usr/lib/perch
else
	rmdir /usr/lib/perch
fi
rm -f /etc/init.d/perch /etc/hotplug.d/block/95-perch /etc/hotplug.d/mount/95-perch /lib/upgrade/keep.d/perch \
	/etc/sysctl.d/30-perch.conf /lib/functions/perch.sh /usr/libexec/perch-start /usr/bin/perch \
	/www/luci-static/resources/view/perch.js /usr/share/luci/menu.d/luci-app-perch.json /usr/share/rpcd/acl.d/luci-app-perch.json
rm -rf /usr/share/perch
echo 'Perch is removed. /etc/config/perch, /etc/perch and the data folder with the recordings are still there.'
