import { randomBytes } from 'node:crypto';
import { putBounded } from '../../../base/bounded-map.ts';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import type { AudioForms } from '../../../stream/contracts.ts';
import type { Stream } from '../../../stream/stream.ts';
import type { HlsMuxer, HlsVariant, PlaylistEnd } from '../contracts/hls-muxer.ts';
import { HlsDirectory } from '../directory/hls-directory.ts';
import { adviceFor, containerOf, leftOutOfHls } from '../muxing/muxable.ts';
import { Muxer } from '../muxing/muxer.ts';
import { TsHlsMuxer } from '../muxing/ts-muxer.ts';
import type { HlsMuxerItem } from '../sessions/session-kinds.ts';
import { HlsSessions } from '../sessions/sessions.ts';
import { ViewerLog } from '../sessions/viewer-log.ts';

export interface HlsOptions {
  readonly variant: HlsVariant;
  readonly partDurationMs: number;
  readonly segmentCount: number;
  readonly segmentDurationMs: number;
  readonly segmentMaxBytes: number;
  /** A muxer without a request for this long is closed. */
  readonly closeAfterMs: number;
  /** Muxers start with their streams (see `streamOpened`) and stay open, except those of on-demand sources. */
  readonly alwaysRemux?: boolean;
  /** A CDN that sends it as a Bearer token needs no session and may cache responses; empty: off. */
  readonly cdnSecret?: string;
  /** Absolute: segments are also stored here; empty: off. */
  readonly directory?: string;
}

/** `flac`: FLAC instead of Opus, for players without Opus. */
export type SoundForm = 'plain' | 'flac';
const FORMS: readonly SoundForm[] = ['plain', 'flac'];

export interface StreamLookup {
  /**
   * @param query of the viewer's URL, which the source may use
   * @throws PerchError notFound without a stream, badInput if not configured, timeout if an on-demand source does not start, exhausted at
   * the reader limit
   */
  open(name: string, query: string): Promise<Stream>;
  /** All streams, with the names of their paths. */
  openStreams?(): Iterable<readonly [name: string, stream: Stream]>;
}

/** Limit of the wait for the first segment: key frames are rarely further apart. */
const FIRST_SEGMENT_TIMEOUT_MS = 20_000;
/** A player continues with the path's next stream if that begins within this time; hls.js waits 10 s for a playlist. */
const NEXT_STREAM_MS = 8_000;
const SLOWEST_CHECK_MS = 20_000;
const FASTEST_CHECK_MS = 1_000;
/** A player that cannot play a stream retries, and its muxer fails each time: logged once in this interval. */
const FAILURE_LOG_MS = 600_000;

/** A path's muxer and the path's stream; the muxer may read a derived one. */
export interface OpenMuxer {
  readonly muxer: HlsMuxer;
  readonly origin: Stream;
}

interface Entry extends OpenMuxer {
  readonly createdMs: number;
  lastRequestMs: number;
  lastRequestMonoMs: number;
  /** Why it is closed, if not by the end of the stream. */
  endReason?: string;
}

interface Remembered {
  readonly longestGroupMs: number;
  readonly end: PlaylistEnd;
}

/** One muxer per path with HLS viewers, and another if players need different audio. */
export class HlsServer {
  readonly sessions: HlsSessions;
  readonly clock: Clock;
  readonly options: HlsOptions;
  readonly #paths: StreamLookup;
  readonly #log: Logger;
  readonly #audioForms: AudioForms | undefined;
  /** Muxers by audio form, then path. */
  readonly #entries: Readonly<Record<SoundForm, Map<string, Entry>>> = { plain: new Map(), flac: new Map() };
  /** What the next stream of a path continues: it comes from the same camera, and players may have the last playlist. */
  readonly #remembered = new Map<string, Remembered>();
  /** Settled by the next stream of a path. */
  readonly #awaited = new Map<string, PromiseWithResolvers<void>>();
  readonly #warned = new WeakSet<Stream>();
  /** When a failure of its muxers was last logged, monotonic. */
  readonly #failures = new WeakMap<Stream, number>();
  readonly #directory: HlsDirectory | undefined;
  readonly #stopChecking: () => void;
  #alwaysRemux: boolean;
  #isClosed = false;

  /** @param audioForms undefined if Opus is not converted */
  constructor(options: HlsOptions, paths: StreamLookup, clock: Clock, log: Logger, audioForms?: AudioForms) {
    this.options = options;
    this.#alwaysRemux = options.alwaysRemux === true;
    this.#paths = paths;
    this.clock = clock;
    this.#log = log;
    this.#audioForms = audioForms;
    this.sessions = new HlsSessions(clock, new ViewerLog(log, clock), options.variant);
    const { directory, variant } = options;
    this.#directory = directory ? new HlsDirectory(directory, variant, log) : undefined;
    const checkMs = Math.min(SLOWEST_CHECK_MS, Math.max(FASTEST_CHECK_MS, options.closeAfterMs / 3));
    this.#stopChecking = clock.every(checkMs, () => this.#closeIdle());
    // A restarted server finds streams that its predecessor was notified of.
    this.#takeStreams();
  }

  /** Switched on, existing streams get muxers; switched off, unused muxers close as usual. */
  setAlwaysRemux(isOn: boolean): void {
    this.#alwaysRemux = isOn;
    this.#takeStreams();
  }

  #takeStreams(): void {
    for (const [name, stream] of this.#paths.openStreams?.() ?? []) {
      this.streamOpened(name, stream);
    }
  }

  /** The path's muxer once it has something to play; created if needed. */
  async open(name: string, query = '', form: SoundForm = 'plain'): Promise<OpenMuxer> {
    // All HLS viewers are one reader of the path.
    const known = FORMS.map((other) => this.#entries[other].get(name)?.origin).find((origin) => origin !== undefined);
    const origin = known ?? (await this.#paths.open(name, query));
    const read = form === 'flac' ? ((await this.#audioForms?.open(origin, 'flac')) ?? origin) : origin;
    if (this.#isClosed) {
      throw new PerchError('unavailable', 'the HLS server is shutting down');
    }
    if (origin.isClosed) {
      // The path may already have another stream and its muxer, which must stay.
      throw new PerchError('notFound', `the stream on path '${name}' has ended`, { path: name });
    }
    const entry = this.#entryOf(name, origin, read);
    this.#touch(entry);
    await this.#untilReady(name, entry.muxer);
    this.#touch(entry);
    return entry;
  }

  /** The path's muxer; counts as a request. */
  find(name: string, form: SoundForm = 'plain'): OpenMuxer | undefined {
    // Without Opus all viewers get the plain one.
    const entry = this.#entries[form].get(name) ?? this.#entries.plain.get(name);
    if (entry) {
      this.#touch(entry);
    }
    return entry;
  }

  /** Like `open`, for a player that has played this path: its stream may have ended a moment ago, and begin again. */
  async reopen(name: string, query: string, form: SoundForm): Promise<OpenMuxer> {
    try {
      return await this.open(name, query, form);
    } catch (error) {
      if (!(error instanceof PerchError && error.code === 'notFound')) {
        throw error;
      }
    }
    await this.#nextStream(name);
    return this.open(name, query, form);
  }

  /** Waits for the path's next stream, but not for long. */
  async #nextStream(name: string): Promise<void> {
    const awaited = this.#awaited.get(name) ?? Promise.withResolvers<void>();
    this.#awaited.set(name, awaited);
    const stop = new AbortController();
    await Promise.race([awaited.promise, this.clock.sleep(NEXT_STREAM_MS, stop.signal)]);
    stop.abort();
    if (this.#awaited.get(name) === awaited) {
      this.#awaited.delete(name);
    }
  }

  /** With `alwaysRemux`, creates the muxer at once. */
  streamOpened(name: string, origin: Stream): void {
    this.#awaited.get(name)?.resolve();
    this.#awaited.delete(name);
    if (!this.#alwaysRemux || origin.isOnDemand || this.#isClosed) {
      return;
    }
    try {
      this.#entryOf(name, origin, origin);
    } catch (error) {
      this.#log.warn({ path: name, cause: explain(error) }, 'stream cannot be muxed to HLS');
    }
  }

  /** A path's muxers are one item. */
  list(): HlsMuxerItem[] {
    const names = new Set(FORMS.flatMap((form) => [...this.#entries[form].keys()]));
    const items = [...names].map((path) => {
      const entries = FORMS.flatMap((form) => this.#entries[form].get(path) ?? []);
      const outboundBytes = entries.reduce((sum, { muxer }) => sum + muxer.bytesSent, 0);
      return {
        path,
        created: new Date(Math.min(...entries.map((entry) => entry.createdMs))).toISOString(),
        lastRequest: new Date(Math.max(...entries.map((entry) => entry.lastRequestMs))).toISOString(),
        outboundBytes,
        outboundFramesDiscarded: entries.reduce((sum, { muxer }) => sum + muxer.framesDiscarded, 0),
        bytesSent: outboundBytes,
      };
    });
    return items.sort((a, b) => (a.created < b.created ? -1 : 1));
  }

  /** Resolves when the files in `directory` are removed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopChecking();
    this.sessions.close();
    for (const { resolve } of this.#awaited.values()) {
      resolve();
    }
    for (const entry of this.#all()) {
      this.#closeFor(entry, 'the server is closing');
    }
    await this.#directory?.close();
  }

  #all(): Entry[] {
    return FORMS.flatMap((form) => [...this.#entries[form].values()]);
  }

  /** @param read the origin, or a stream derived from it */
  #entryOf(name: string, origin: Stream, read: Stream): Entry {
    const entries = this.#entries[read === origin ? 'plain' : 'flac'];
    const known = entries.get(name);
    if (known?.origin === origin) {
      return known;
    }
    if (known) {
      this.#closeFor(known, 'the path has a new stream');
    }
    const muxer = this.#makeMuxer(name, origin, read, (cause) => this.#forget(name, muxer, read !== origin, cause));
    const nowMs = this.clock.wallMs();
    const entry: Entry = {
      muxer,
      origin,
      createdMs: nowMs,
      lastRequestMs: nowMs,
      lastRequestMonoMs: this.clock.monoMs(),
    };
    entries.set(name, entry);
    this.#log[this.#hasFailed(origin) ? 'debug' : 'info'](this.#factsOf(name, read !== origin), 'HLS muxer started');
    this.#tellLeftOut(name, origin);
    try {
      if (read === origin) {
        this.#directory?.opened(name, muxer);
      }
      muxer.start();
    } catch (error) {
      muxer.close();
      throw error;
    }
    return entry;
  }

  #makeMuxer(name: string, origin: Stream, read: Stream, onClosed: (cause: unknown) => void): HlsMuxer {
    const { variant, segmentCount, segmentDurationMs, partDurationMs, segmentMaxBytes } = this.options;
    const prefix = randomBytes(6).toString('hex');
    const last = this.#remembered.get(name);
    const longestGroupMs = Math.max(last?.longestGroupMs ?? 0, origin.longestGroupMs);
    const known = { ...(longestGroupMs > 0 ? { longestGroupMs } : {}), ...(last ? { continues: last.end } : {}) };
    const options = {
      prefix,
      variant,
      segmentCount,
      segmentDurationMs,
      partDurationMs,
      segmentMaxBytes,
      ...known,
      playerCount: () => this.sessions.count,
    };
    return variant === 'mpegts'
      ? new TsHlsMuxer(name, read, options, onClosed)
      : new Muxer(name, read, options, onClosed);
  }

  /** Warns of tracks that HLS omits, once per stream. */
  #tellLeftOut(name: string, origin: Stream): void {
    const codecs = leftOutOfHls(origin, containerOf(this.options.variant));
    if (codecs.length > 0 && !this.#warned.has(origin)) {
      this.#warned.add(origin);
      const advice = adviceFor(origin, containerOf(this.options.variant));
      this.#log.warn({ path: name, codecs, advice }, 'HLS omits tracks that players do not support');
    }
  }

  /** @param isFlac the muxer with FLAC instead of Opus */
  #forget(name: string, muxer: HlsMuxer, isFlac: boolean, cause: unknown): void {
    const entries = this.#entries[isFlac ? 'flac' : 'plain'];
    const entry = entries.get(name);
    const isKnown = entry?.muxer === muxer;
    if (isKnown) {
      entries.delete(name);
      this.#remember(name, entry);
    }
    const reason = (isKnown ? entry.endReason : undefined) ?? 'the stream has ended';
    this.sessions.endOf(muxer, cause === undefined ? reason : 'the muxer has failed');
    this.#directory?.closed(muxer);
    const facts = { ...this.#factsOf(name, isFlac), sentBytes: muxer.bytesSent };
    const isTold = isKnown && this.#hasFailed(entry.origin);
    if (cause === undefined) {
      this.#log[isTold ? 'debug' : 'info']({ ...facts, reason }, 'HLS muxer ended');
    } else if (cause instanceof PerchError) {
      this.#log[isTold ? 'debug' : 'warn']({ ...facts, cause: explain(cause) }, 'HLS muxer failed');
    } else {
      this.#log.error({ ...facts, err: cause }, 'HLS muxer failed');
    }
    if (cause !== undefined && isKnown && !isTold) {
      this.#failures.set(entry.origin, this.clock.monoMs());
    }
  }

  /** Whether a failure was logged recently. */
  #hasFailed(origin: Stream): boolean {
    const loggedMs = this.#failures.get(origin);
    return loggedMs !== undefined && this.clock.monoMs() - loggedMs < FAILURE_LOG_MS;
  }

  #factsOf(path: string, isFlac: boolean): object {
    return { path, variant: this.options.variant, ...(isFlac ? { sound: 'flac' } : {}) };
  }

  #closeFor(entry: Entry, reason: string): void {
    entry.endReason = reason;
    entry.muxer.close();
  }

  #remember(name: string, { origin, muxer }: Entry): void {
    const last = this.#remembered.get(name);
    // Replaces the older length, because the camera's GOP length may have been changed.
    const longestGroupMs = origin.longestGroupMs || (last?.longestGroupMs ?? 0);
    const { playlistEnd: end } = muxer;
    const isFurther = end.nextNumber > (last?.end.nextNumber ?? 0);
    putBounded(this.#remembered, name, { longestGroupMs, end: isFurther || !last ? end : last.end }, 1_000);
  }

  async #untilReady(name: string, muxer: HlsMuxer): Promise<void> {
    const stop = new AbortController();
    const late = this.clock.sleep(FIRST_SEGMENT_TIMEOUT_MS, stop.signal).then(() => {
      const text = `path '${name}' has had no key frame for ${FIRST_SEGMENT_TIMEOUT_MS / 1000} s`;
      throw new PerchError('timeout', text, { path: name });
    });
    // It may reject after the race is over, without a handler.
    late.catch(() => {});
    try {
      await Promise.race([muxer.ready, late]);
    } finally {
      stop.abort();
    }
  }

  #touch(entry: Entry): void {
    entry.lastRequestMs = this.clock.wallMs();
    entry.lastRequestMonoMs = this.clock.monoMs();
  }

  #closeIdle(): void {
    const { closeAfterMs } = this.options;
    const nowMs = this.clock.monoMs();
    for (const entry of this.#all()) {
      const { origin, lastRequestMonoMs } = entry;
      const isLasting = this.#alwaysRemux && !origin.isOnDemand;
      if (!isLasting && nowMs - lastRequestMonoMs >= closeAfterMs) {
        this.#closeFor(entry, `no request for ${closeAfterMs / 1000} s`);
      }
    }
  }
}
