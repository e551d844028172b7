import type { Clock } from '../../../base/clock.ts';
import type { HlsMuxer, MediaPlaylist } from '../contracts/hls-muxer.ts';

/** Delivery directives. */
interface Asked {
  readonly msn: number | undefined;
  readonly part: number | undefined;
  readonly skip: 'no' | 'yes' | 'v2';
}

const firstNumberOf = ({ segments, running }: MediaPlaylist): number => segments[0]?.number ?? running?.number ?? 0;

/**
 * The playlists of a session that another server had before. Its last number is not known, and numbers do not decrease (RFC 8216 §6.2.2). So
 * they begin at the time in seconds: segments last longer, and a third server begins with a higher one.
 */
export class Renumbering {
  /** Added to the muxer's numbers. */
  readonly shift: number;

  constructor(shift: number) {
    this.shift = shift;
  }

  static of({ renditions: [leading] }: HlsMuxer, clock: Clock): Renumbering {
    const first = leading?.playlist ? firstNumberOf(leading.playlist) : 0;
    return new Renumbering(Math.max(0, Math.floor(clock.wallMs() / 1_000) - first));
  }

  /** What a player asks for, in the muxer's numbers. With those of the other server it wants what there is now, all of it. */
  own(directives: Asked, playlist: MediaPlaylist | undefined): Asked {
    if (this.shift === 0 || directives.msn === undefined) {
      return directives;
    }
    const msn = directives.msn - this.shift;
    return playlist && msn < firstNumberOf(playlist)
      ? { msn: undefined, part: undefined, skip: 'no' }
      : { ...directives, msn };
  }

  /** A playlist in the player's numbers. What it had before is another timeline. */
  shown(playlist: string): string {
    if (this.shift === 0) {
      return playlist;
    }
    const add = (_: string, tag: string, number: string) => `${tag}${Number(number) + this.shift}`;
    const text = playlist
      .replace(/^(#EXT-X-(?:MEDIA|DISCONTINUITY)-SEQUENCE:)(\d+)/gm, add)
      .replace(/(,LAST-MSN=)(\d+)/g, add);
    return text.includes('#EXT-X-DISCONTINUITY-SEQUENCE:')
      ? text
      : text.replace(/^#EXT-X-MEDIA-SEQUENCE:.*\n/m, `$&#EXT-X-DISCONTINUITY-SEQUENCE:${this.shift}\n`);
  }
}

export const NO_RENUMBERING = new Renumbering(0);
