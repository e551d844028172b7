import type { Clock } from '../../../base/clock.ts';
import type { HlsMuxer, MediaPlaylist } from '../contracts/hls-muxer.ts';

/** Delivery directives. */
interface Asked {
  readonly msn: number | undefined;
  readonly part: number | undefined;
  readonly skip: 'no' | 'yes' | 'v2';
}

/** Another server that has the session after this one begins with a higher sequence, unless it has it within this time. */
const SAME_S = 5;
/** hls.js 1.7 goes through all of them: billions would take a minute. */
const MAX_DISCONTINUITIES = 65_536;

const firstNumberOf = ({ segments, running }: MediaPlaylist): number => segments[0]?.number ?? running?.number ?? 0;

/**
 * The playlists of a session that another server had before. hls.js waits for ever behind a number left out: they begin with the segment that
 * the player asks for.
 */
export class Renumbering {
  /** Added to the muxer's numbers. */
  readonly #shift: number;
  /** Added to the muxer's discontinuities; 0: nothing is changed. */
  readonly #discontinuities: number;

  /** @param discontinuities another number than the other server has had */
  constructor(shift: number, discontinuities: number) {
    this.#shift = shift;
    this.#discontinuities = discontinuities;
  }

  /** @param next number of the segment that the player asks for; undefined: it takes any that is higher */
  static of({ renditions: [leading] }: HlsMuxer, next: number | undefined, clock: Clock): Renumbering {
    const first = leading?.playlist ? firstNumberOf(leading.playlist) : 0;
    // A segment lasts a second or more, so no server has come as far as that.
    const wallS = Math.max(0, Math.floor(clock.wallMs() / 1_000));
    return new Renumbering((next ?? wallS) - first, 1 + (Math.floor(wallS / SAME_S) % MAX_DISCONTINUITIES));
  }

  get isOn(): boolean {
    return this.#discontinuities > 0;
  }

  /** What a player asks for, in the muxer's numbers. With those of the other server it wants all that there is now. */
  own(directives: Asked, playlist: MediaPlaylist | undefined): Asked {
    if (!this.isOn || directives.msn === undefined) {
      return directives;
    }
    const msn = directives.msn - this.#shift;
    return playlist && msn <= firstNumberOf(playlist)
      ? { msn: undefined, part: undefined, skip: 'no' }
      : { ...directives, msn };
  }

  /** A playlist in the player's numbers. What the player had before is on another timeline. */
  shown(playlist: string): string {
    if (!this.isOn) {
      return playlist;
    }
    const text = playlist.replace(
      /^(#EXT-X-MEDIA-SEQUENCE:|#EXT-X-RENDITION-REPORT:.*,LAST-MSN=)(\d+)/gm,
      (_, before: string, number: string) => `${before}${Number(number) + this.#shift}`,
    );
    const [line = '', count = '0'] = /^#EXT-X-DISCONTINUITY-SEQUENCE:(\d+)\n/m.exec(text) ?? [];
    const sequence = `#EXT-X-DISCONTINUITY-SEQUENCE:${Number(count) + this.#discontinuities}\n`;
    return text.replace(line, '').replace(/^#EXT-X-MEDIA-SEQUENCE:.*\n/m, `$&${sequence}`);
  }
}

export const NO_RENUMBERING = new Renumbering(0, 0);
