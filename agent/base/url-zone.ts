/** RFC 6874, `http://[fe80::1%25eth0]/`; a plain `%` is common. */
const ZONED = /^([^/]*\/\/(?:[^/]*@)?\[fe[89ab][\da-f:.]*)%(?:25)?([\w.~-]{1,32})\]/i;

/** Removes the zone of a link-local host, which names the network interface: `URL` does not support it. */
export const withoutZone = (url: string): string => url.replace(ZONED, '$1]');

export const zoneOf = (url: string): string | undefined => ZONED.exec(url)?.[2];

/** The URL with a zone added to its link-local host. */
export const zonedUrl = (url: URL, zone: string | undefined): string =>
  zone === undefined ? url.href : url.href.replace(/^([^[]*\[[^\]]*)\]/, `$1%25${zone}]`);
