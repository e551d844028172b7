import { readlinkSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * The box's time zone, IANA name. Node's own answer costs 7 MB of memory (ICU loads every language): used only if
 * the system has no link.
 */
export function timeZoneName(link = '/etc/localtime', set = process.env['TZ']): string {
  return (set ? undefined : linkedZone(link)) ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
}

function linkedZone(link: string): string | undefined {
  try {
    let file = link;
    // In the image the link leads through a second one, which is writable.
    for (let links = 0; links < 4; links += 1) {
      const target = readlinkSync(file);
      const [, name] = /\/zoneinfo\/((?:[A-Z][\w+-]*\/)*[A-Z][\w+-]*)$/.exec(target) ?? [];
      if (name !== undefined) {
        return name;
      }
      file = resolve(dirname(file), target);
    }
  } catch {
    // A copy of the zone file, or no file.
  }
  return undefined;
}
