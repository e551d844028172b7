import { redact } from '../../base/log.ts';

/** Stands for the secret part of a destination in answers. */
export const HIDDEN_PART = '***';
/** What follows the application of an RTMP URL is the stream key. */
const RTMP_KEY = /^rtmps?:\/\/[^/\s]+\/[^/?#\s]+(?:[/?#](\S+))?/i;
/** The query of an SRT URL, which may have `streamid` and `passphrase`. */
const SRT_QUERY = /^srt:\/\/[^?\s]*\?(\S+)/i;
/** Services put keys in the path, such as Cloudflare; names of paths are shorter. */
const WHIP_KEY = /^whips?:\/\/[^/\s]+\/(?:[^/?\s]{0,15}\/)*([^/?\s]{16,})/i;
const SECRETS = [RTMP_KEY, SRT_QUERY, WHIP_KEY];

/** Where the stream key of a destination is. User and password are not part of it. */
export function keyRangeOf(dest: string): readonly [start: number, end: number] | undefined {
  for (const pattern of SECRETS) {
    const found = new RegExp(pattern.source, `${pattern.flags}d`).exec(dest);
    if (found?.indices?.[1]) {
      return found.indices[1];
    }
  }
  return undefined;
}

/** A destination without user, password and stream key. */
export function shownDestination(dest: string): string {
  const [start, end] = keyRangeOf(dest) ?? [0, 0];
  return redact(end > 0 ? `${dest.slice(0, start)}${HIDDEN_PART}${dest.slice(end)}` : dest);
}
