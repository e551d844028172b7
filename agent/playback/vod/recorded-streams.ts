import { PerchError } from '../../base/errors.ts';
import { formatRfc3339 } from '../read/rfc3339.ts';
import { etagOf } from '../read/send-ranged.ts';
import type { TableCache } from '../read/table-cache.ts';
import type { RecordedPeriods, ResourceAddress } from './recorded-period.ts';
import { type PlaylistFile, writeVodMultivariant, writeVodPlaylist } from './vod-playlist.ts';
import { VodResource } from './vod-resource.ts';

export const PLAYLISTS = {
  vod: 'index.m3u8',
  vodMedia: 'media.m3u8',
  rewind: 'rewind.m3u8',
  rewindMedia: 'rewind_stream.m3u8',
} as const;

export interface Period {
  readonly startUs: number;
  readonly durationUs: number;
}

/** State kept in the URL of a rewind playlist. */
export interface RewindPeriod {
  readonly startUs: number;
  /** Duration of the longest segment at the start: EXT-X-TARGETDURATION must not change. */
  readonly targetSeconds: number;
}

/** A growing recording was written within this time. */
const GROWING_MS = 60_000;
/** Clocks of cameras may be a little ahead. */
const FUTURE_US = 3_600_000_000;

export interface SentResource {
  readonly resource: VodResource;
  /** Quoted. undefined while the recording grows. */
  readonly etag: string | undefined;
}

/** Recordings as HLS: any period, and the live edge with its history. */
export class RecordedStreams {
  readonly #periods: RecordedPeriods;
  readonly #tables: TableCache;
  readonly #wallMs: () => number;

  constructor(periods: RecordedPeriods, tables: TableCache, wallMs: () => number) {
    this.#periods = periods;
    this.#tables = tables;
    this.#wallMs = wallMs;
  }

  async multivariant(path: string, period: Period): Promise<string> {
    const files = await this.#filesOf(path, period);
    const query = new URLSearchParams({
      start: formatRfc3339({ us: period.startUs, offsetMs: 0 }),
      duration: String(period.durationUs / 1e6),
    });
    return writeVodMultivariant(files, `${PLAYLISTS.vodMedia}?${query}`);
  }

  async media(path: string, period: Period): Promise<string> {
    const files = await this.#filesOf(path, period);
    const begin = files[0] ? beginUs(files[0]) : period.startUs;
    const offsetSeconds = (period.startUs - begin) / 1e6;
    return writeVodPlaylist(files, {
      isEnded: true,
      // Smaller start offsets are omitted.
      startOffsetSeconds: offsetSeconds >= 0.05 ? offsetSeconds : undefined,
      minTargetSeconds: 1,
    });
  }

  /** Fixes the start, so that the media playlist does not move. */
  async rewindMultivariant(path: string, backSeconds: number): Promise<string> {
    const startUs = Math.floor(this.#wallMs() * 1000 - backSeconds * 1e6);
    const files = await this.#upToNow(path, startUs);
    const query = new URLSearchParams({
      start: formatRfc3339({ us: startUs, offsetMs: 0 }),
      target: String(longestSeconds(files)),
    });
    return writeVodMultivariant(files, `${PLAYLISTS.rewindMedia}?${query}`);
  }

  async rewindMedia(path: string, { startUs, targetSeconds }: RewindPeriod): Promise<string> {
    const files = await this.#upToNow(path, startUs);
    return writeVodPlaylist(files, { isEnded: false, startOffsetSeconds: undefined, minTargetSeconds: targetSeconds });
  }

  async resource(path: string, address: ResourceAddress): Promise<SentResource> {
    const layout = await this.#periods.layoutOf(path, address);
    const tabled = await this.#tables.of(layout);
    const { file, sizeBytes, mtimeMs, isFinished } = layout;
    return {
      resource: new VodResource(layout, tabled, address.stepSeconds),
      etag: isFinished ? etagOf(JSON.stringify([file, sizeBytes, mtimeMs])) : undefined,
    };
  }

  async #filesOf(path: string, { startUs, durationUs }: Period): Promise<PlaylistFile[]> {
    return someOf(path, await this.#periods.between(path, startUs, startUs + durationUs));
  }

  /** The files up to the growing recording: later files must not be listed before its end. */
  async #upToNow(path: string, startUs: number): Promise<PlaylistFile[]> {
    const nowMs = this.#wallMs();
    const files = await this.#periods.between(path, startUs, nowMs * 1000 + FUTURE_US);
    const growing = files.findIndex(({ layout }) => !layout.isFinished && nowMs - layout.mtimeMs < GROWING_MS);
    return someOf(path, growing < 0 ? files : files.slice(0, growing + 1));
  }
}

function someOf(path: string, files: PlaylistFile[]): PlaylistFile[] {
  if (files.length === 0) {
    throw new PerchError('notFound', 'no recording segments found', { path });
  }
  return files;
}

const beginUs = ({ startUs, layout, from }: PlaylistFile): number =>
  startUs + (layout.cuts.startSeconds[from] ?? 0) * 1e6;

/** Duration of the longest segment, rounded up. */
function longestSeconds(files: readonly PlaylistFile[]): number {
  let longest = 0;
  for (const { layout, from, to } of files) {
    for (let i = from; i < to; i += 1) {
      longest = Math.max(longest, (layout.cuts.endSeconds[i] as number) - (layout.cuts.startSeconds[i] as number));
    }
  }
  return Math.max(1, Math.ceil(longest));
}
