import { readlinkSync } from 'node:fs';

/**
 * The machine's time zone, IANA name. Node's own answer costs 7 MB for as long as it runs (ICU looks at each language that
 * there is), so it is asked only where the system does not say it by its link.
 */
export function timeZoneName(link = '/etc/localtime', set = process.env['TZ']): string {
  return (set ? undefined : linkedZone(link)) ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
}

function linkedZone(link: string): string | undefined {
  try {
    const [, name] = /\/zoneinfo\/((?:[A-Z][\w+-]*\/)*[A-Z][\w+-]*)$/.exec(readlinkSync(link)) ?? [];
    return name;
  } catch {
    // A copy of the zone's file, or none at all.
    return undefined;
  }
}
