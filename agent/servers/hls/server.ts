import { randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Stream } from '../../stream/stream.ts';
import { leftOutOfHls } from './muxing/muxable.ts';
import { Muxer } from './muxing/muxer.ts';

export interface HlsOptions {
  readonly segmentCount: number;
  readonly segmentDurationMs: number;
  readonly segmentMaxBytes: number;
  /** A muxer that nobody has asked for anything for this long is closed. */
  readonly closeAfterMs: number;
  /** Muxers begin with their streams (see `streamOpened`) and do not close while these last; those of sources on demand as ever. */
  readonly alwaysRemux?: boolean;
}

/** Where streams come from. */
export interface StreamLookup {
  /**
   * @param query of the viewer's address: it may say something about the source
   * @throws PerchError notFound while the path has no stream, badInput when it is not configured, timeout when its source on
   * demand does not come, exhausted when it has as many readers as are allowed
   */
  open(name: string, query: string): Promise<Stream>;
}

/** A muxer as MediaMTX's API shows it. */
export interface HlsMuxerItem {
  readonly path: string;
  /** RFC 3339. */
  readonly created: string;
  readonly lastRequest: string;
  readonly outboundBytes: number;
  readonly outboundFramesDiscarded: number;
  readonly bytesSent: number;
}

/** Key frames are hardly ever further apart; a stream without any is not waited for longer. */
const FIRST_SEGMENT_TIMEOUT_MS = 20_000;
const SLOWEST_CHECK_MS = 20_000;
const FASTEST_CHECK_MS = 1_000;

interface Entry {
  readonly muxer: Muxer;
  /** The stream that the path gave; the muxer reads its storable form. */
  readonly origin: Stream;
  readonly createdMs: number;
  lastRequestMs: number;
  lastRequestMonoMs: number;
}

/** One muxer for each path that somebody watches over HLS. */
export class HlsServer {
  readonly #options: HlsOptions;
  readonly #paths: StreamLookup;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #entries = new Map<string, Entry>();
  readonly #told = new WeakSet<Stream>();
  readonly #stopChecking: () => void;
  #isClosed = false;

  constructor(options: HlsOptions, paths: StreamLookup, clock: Clock, log: Logger) {
    this.#options = options;
    this.#paths = paths;
    this.#clock = clock;
    this.#log = log;
    const checkMs = Math.min(SLOWEST_CHECK_MS, Math.max(FASTEST_CHECK_MS, options.closeAfterMs / 3));
    this.#stopChecking = clock.every(checkMs, () => this.#closeIdle());
  }

  /** The path's muxer as soon as it has something to play; made when there is none. */
  async open(name: string, query = ''): Promise<Muxer> {
    // All who watch over HLS are one reader of the path: it is asked once.
    const origin = this.#entries.get(name)?.origin ?? (await this.#paths.open(name, query));
    if (this.#isClosed) {
      throw new PerchError('unavailable', 'the HLS server is shutting down');
    }
    const entry = this.#entryOf(name, origin);
    this.#touch(entry);
    await this.#untilReady(name, entry.muxer);
    this.#touch(entry);
    return entry.muxer;
  }

  /** The path's muxer if it has one; this is a sign of life of whoever asks. */
  find(name: string): Muxer | undefined {
    const entry = this.#entries.get(name);
    if (entry) {
      this.#touch(entry);
    }
    return entry?.muxer;
  }

  /** With `alwaysRemux` a path's new stream gets its muxer at once. */
  streamOpened(name: string, origin: Stream): void {
    if (!this.#options.alwaysRemux || origin.isOnDemand || this.#isClosed) {
      return;
    }
    try {
      this.#entryOf(name, origin);
    } catch (error) {
      this.#log.warn({ path: name, cause: explain(error) }, 'stream cannot be muxed to HLS');
    }
  }

  list(): HlsMuxerItem[] {
    const items = [...this.#entries].map(([path, entry]) => ({
      path,
      created: new Date(entry.createdMs).toISOString(),
      lastRequest: new Date(entry.lastRequestMs).toISOString(),
      outboundBytes: entry.muxer.bytesSent,
      outboundFramesDiscarded: 0,
      bytesSent: entry.muxer.bytesSent,
    }));
    return items.sort((a, b) => (a.created < b.created ? -1 : 1));
  }

  close(): void {
    this.#isClosed = true;
    this.#stopChecking();
    for (const { muxer } of [...this.#entries.values()]) {
      muxer.close();
    }
  }

  #entryOf(name: string, origin: Stream): Entry {
    const known = this.#entries.get(name);
    if (known?.origin === origin) {
      return known;
    }
    known?.muxer.close();
    const { segmentCount, segmentDurationMs, segmentMaxBytes } = this.#options;
    const prefix = randomBytes(6).toString('hex');
    const muxer = new Muxer(
      name,
      origin,
      { prefix, variant: 'fmp4', segmentCount, segmentDurationMs, partDurationMs: 200, segmentMaxBytes },
      (cause) => this.#forget(name, muxer, cause),
    );
    const nowMs = this.#clock.wallMs();
    const entry = { muxer, origin, createdMs: nowMs, lastRequestMs: nowMs, lastRequestMonoMs: this.#clock.monoMs() };
    this.#entries.set(name, entry);
    this.#log.debug({ path: name }, 'HLS muxer opened');
    this.#tellLeftOut(name, origin);
    try {
      muxer.start();
    } catch (error) {
      muxer.close();
      throw error;
    }
    return entry;
  }

  /** Said once for each stream, however often it is asked for. */
  #tellLeftOut(name: string, origin: Stream): void {
    const codecs = leftOutOfHls(origin);
    if (codecs.length > 0 && !this.#told.has(origin)) {
      this.#told.add(origin);
      this.#log.warn({ path: name, codecs }, 'HLS goes without tracks that players do not take');
    }
  }

  #forget(name: string, muxer: Muxer, cause: unknown): void {
    if (this.#entries.get(name)?.muxer === muxer) {
      this.#entries.delete(name);
    }
    if (cause === undefined) {
      this.#log.debug({ path: name }, 'HLS muxer closed');
    } else if (cause instanceof PerchError) {
      this.#log.warn({ path: name, cause: explain(cause) }, 'HLS muxer failed');
    } else {
      this.#log.error({ path: name, err: cause }, 'HLS muxer failed');
    }
  }

  async #untilReady(name: string, muxer: Muxer): Promise<void> {
    const stop = new AbortController();
    const late = this.#clock.sleep(FIRST_SEGMENT_TIMEOUT_MS, stop.signal).then(() => {
      const text = `path '${name}' has had no key frame for ${FIRST_SEGMENT_TIMEOUT_MS / 1000} s`;
      throw new PerchError('timeout', text, { path: name });
    });
    // Loses the race by design once it is over.
    late.catch(() => {});
    try {
      await Promise.race([muxer.ready, late]);
    } finally {
      stop.abort();
    }
  }

  #touch(entry: Entry): void {
    entry.lastRequestMs = this.#clock.wallMs();
    entry.lastRequestMonoMs = this.#clock.monoMs();
  }

  #closeIdle(): void {
    const { alwaysRemux, closeAfterMs } = this.#options;
    const nowMs = this.#clock.monoMs();
    for (const { muxer, origin, lastRequestMonoMs } of [...this.#entries.values()]) {
      const isLasting = alwaysRemux && !origin.isOnDemand;
      if (!isLasting && nowMs - lastRequestMonoMs >= closeAfterMs) {
        muxer.close();
      }
    }
  }
}
