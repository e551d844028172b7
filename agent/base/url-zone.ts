/** In a URL after RFC 6874, `http://[fe80::1%25eth0]/`; many write the `%` alone. */
const ZONED = /^([^/]*\/\/(?:[^/]*@)?\[fe[89ab][\da-f:.]*)%(?:25)?([\w.~-]{1,32})\]/i;

/** The URL without the zone of its link-local host, which says on which of our networks it is: `URL` knows none. */
export const withoutZone = (url: string): string => url.replace(ZONED, '$1]');

/** Undefined where there is none. */
export const zoneOf = (url: string): string | undefined => ZONED.exec(url)?.[2];

/** The text of a URL with a link-local host, with its zone. */
export const zonedUrl = (url: URL, zone: string | undefined): string =>
  zone === undefined ? url.href : url.href.replace(/^([^[]*\[[^\]]*)\]/, `$1%25${zone}]`);
