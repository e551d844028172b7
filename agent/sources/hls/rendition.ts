import { createDecipheriv } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { HttpClient, HttpReply } from '../../transports/http/http-client.ts';
import { type MediaPlaylist, parsePlaylist, type Resource, type Segment, type SegmentKey } from './playlist.ts';
import {
  hasRestarted,
  isCut,
  isLost,
  type NextFile,
  nextFile,
  type Position,
  startOf,
  withTimelinesOf,
} from './position.ts';

const BLOCK_BYTES = 16;

/** A whole segment, in AES-128 with cipher block chaining and padding: RFC 8216 §5.2. @throws PerchError */
function decryptSegment(bytes: Uint8Array, key: Uint8Array, { iv }: SegmentKey, sequence: number): Uint8Array {
  const start = iv ?? sequenceVector(sequence);
  if (key.length !== BLOCK_BYTES || start.length !== BLOCK_BYTES) {
    const message = `a key of ${key.length} and a vector of ${start.length} bytes, AES-128 needs ${BLOCK_BYTES} of both`;
    throw new PerchError('unsupported', message);
  }
  try {
    const decipher = createDecipheriv('aes-128-cbc', key, start);
    return Buffer.concat([decipher.update(bytes), decipher.final()]);
  } catch (cause) {
    throw new PerchError('badInput', 'a segment cannot be decrypted: another key, or damaged', {}, cause);
  }
}

function sequenceVector(sequence: number): Uint8Array {
  const vector = Buffer.alloc(BLOCK_BYTES);
  vector.writeBigUInt64BE(BigInt(sequence), BLOCK_BYTES - 8);
  return vector;
}

const MAX_SEGMENT_BYTES = 64 << 20;
/** Limit of segments in a row that cannot be loaded. */
const MAX_FAILURES = 3;
/** A playlist without a new segment for this many times its target duration has stopped. */
const MAX_STALE_TARGETS = 5;

/** A segment or a part of one, in the order of the playlist. */
export interface Chunk {
  readonly bytes: Uint8Array;
  /** Bytes of its initialization segment, or undefined for MPEG-TS. The same object until that changes. */
  readonly init: Uint8Array | undefined;
  readonly timeline: number;
  /** Unix milliseconds of its first unit, by the server, or undefined if not given. */
  readonly wallMs: number | undefined;
}

/** Loads a playlist. @throws PerchError */
export async function loadPlaylist(client: HttpClient, url: string, signal: AbortSignal, timeoutMs?: number) {
  const headers = { Accept: 'application/vnd.apple.mpegurl, */*', 'Accept-Encoding': 'gzip' };
  const limits = { headers, maxBytes: 4 << 20, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
  const reply = await client.request(url, limits, signal);
  requireOk(reply, url);
  return { url: reply.url, playlist: parsePlaylist(reply.body.toString('utf8'), reply.url) };
}

/** One media playlist and its segments: a variant, or audio of its own. */
export class Rendition {
  readonly #client: HttpClient;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #timeoutMs: number;
  #url: string;
  #playlist: MediaPlaylist | undefined;
  #loadedMs = 0;
  #changedMs = 0;
  #init: { readonly key: string; readonly bytes: Uint8Array } | undefined;
  /** Key of the last encrypted segment, or undefined if there is none yet, or it failed to decrypt. */
  #key: { readonly url: string; readonly bytes: Uint8Array } | undefined;
  /** The playlist's URL is the configured one. Other URLs come from a multivariant playlist, which may have changed them since. */
  readonly #isConfigured: boolean;
  /** The last version of the playlist was not used, because its end was missing. */
  #wasCut = false;
  /** The playlist could not be loaded lately. */
  #isMissing = false;
  /** Failures in a row; before the first success none is tolerated. */
  #failures = MAX_FAILURES;

  /** @param playlist if it is loaded already, with its URL */
  constructor(
    client: HttpClient,
    url: string,
    playlist: MediaPlaylist | undefined,
    timeoutMs: number,
    clock: Clock,
    log: Logger,
  ) {
    this.#client = client;
    this.#url = url;
    this.#playlist = playlist;
    this.#isConfigured = playlist !== undefined;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#log = log;
    this.#loadedMs = clock.monoMs();
    this.#changedMs = this.#loadedMs;
  }

  /** How far from the end a live stream is played, in milliseconds, or undefined if not live. */
  get liveMs(): number | undefined {
    const { isEnded, isVod, targetSeconds, partHoldBackSeconds } = this.#playlist ?? {};
    if (isEnded || isVod || targetSeconds === undefined) {
      return undefined;
    }
    return 1_000 * (partHoldBackSeconds || 3 * targetSeconds);
  }

  /** Loads chunks until the playlist ends. @throws PerchError */
  async *chunks(signal: AbortSignal): AsyncGenerator<Chunk, void> {
    let playlist = this.#playlist ?? (await this.#load(undefined, signal));
    let next = startOf(playlist);
    let current = playlist;
    for (;;) {
      if (next && (isLost(playlist, next) || hasRestarted(current, playlist))) {
        this.#log.warn({ wanted: next.sequence }, 'HLS playlist has moved on, playback continues near its end');
        next = undefined;
      }
      current = playlist;
      next ??= startOf(playlist);
      const found = next && nextFile(playlist, next);
      if (found) {
        next = found.after;
        const chunk = await this.#loadChunk(found, signal);
        if (chunk) {
          yield chunk;
        }
        continue;
      }
      if (playlist.isEnded) {
        return;
      }
      const hinted = next && (await this.#loadHint(playlist, signal));
      if (hinted && next) {
        next = { sequence: next.sequence, part: next.part + 1 };
        yield hinted;
      }
      playlist = await this.#load(next, signal);
    }
  }

  /** Loads the next version of the playlist; a server that can block answers when it has `next`. */
  async #load(next: Position | undefined, signal: AbortSignal): Promise<MediaPlaylist> {
    const before = this.#playlist;
    let url = this.#url;
    let timeoutMs = this.#timeoutMs;
    if (before?.canBlock && next) {
      const wanted = new URL(url);
      wanted.searchParams.set('_HLS_msn', String(next.sequence));
      if (before.partSeconds > 0) {
        wanted.searchParams.set('_HLS_part', String(next.part));
      }
      url = wanted.href;
      timeoutMs += 3_000 * before.targetSeconds;
    }
    if (before) {
      await this.#pause(before, signal);
    }
    this.#loadedMs = this.#clock.monoMs();
    try {
      const loaded = (await loadPlaylist(this.#client, url, signal, timeoutMs)).playlist;
      if (loaded.kind !== 'media') {
        throw new PerchError('badInput', 'a variant of the playlist is not a media playlist');
      }
      // A second cut playlist in a row is what the server has now, and is used, unless it has no segments.
      this.#wasCut = isCut(before, loaded) && (!this.#wasCut || loaded.segments.length === 0);
      const playlist = before && this.#wasCut ? before : withTimelinesOf(before, loaded);
      if (hasRestarted(before, playlist)) {
        // After a restart of the server, other files may have the same names.
        this.#init = undefined;
        this.#key = undefined;
      }
      this.#noteChange(before, playlist);
      this.#playlist = playlist;
      this.#isMissing = false;
      return playlist;
    } catch (cause) {
      if (before && !signal.aborted && this.#mayBeBack(before, cause)) {
        return before;
      }
      throw cause;
    }
  }

  /** Whether to request a missing playlist again. It gets as much time as a playlist without a new segment. */
  #mayBeBack(before: MediaPlaylist, cause: unknown): boolean {
    const code = cause instanceof PerchError ? cause.code : undefined;
    const isPassing = code === 'unavailable' || code === 'badInput' || code === 'timeout';
    if (!isPassing || !this.#isConfigured || this.#clock.monoMs() - this.#changedMs > this.#patienceMs(before)) {
      return false;
    }
    if (!this.#isMissing) {
      this.#isMissing = true;
      this.#log.warn({ reason: explain(cause) }, 'HLS playlist cannot be loaded, retrying');
    }
    return true;
  }

  #patienceMs({ targetSeconds }: MediaPlaylist): number {
    return Math.max(this.#timeoutMs, MAX_STALE_TARGETS * 1_000 * targetSeconds);
  }

  /** RFC 8216 §6.3.4: the target duration after a change, half of it otherwise. A server that blocks needs no pause. */
  async #pause({ canBlock, targetSeconds, partSeconds }: MediaPlaylist, signal: AbortSignal): Promise<void> {
    const isChanged = this.#changedMs >= this.#loadedMs;
    const usualMs = 1_000 * (partSeconds || targetSeconds);
    const pauseMs = canBlock && isChanged ? 0 : Math.max(100, isChanged ? usualMs : usualMs / 2);
    const leftMs = this.#loadedMs + pauseMs - this.#clock.monoMs();
    if (leftMs > 0) {
      await this.#clock.sleep(leftMs, signal);
    }
    signal.throwIfAborted();
  }

  #noteChange(before: MediaPlaylist | undefined, after: MediaPlaylist): void {
    const nowMs = this.#clock.monoMs();
    const endOf = (playlist: MediaPlaylist | undefined) => {
      const last = playlist?.segments.at(-1);
      return last && `${last.sequence} ${last.parts.length} ${last.file?.url}`;
    };
    if (endOf(before) !== endOf(after)) {
      this.#changedMs = nowMs;
      return;
    }
    if (!after.isEnded && nowMs - this.#changedMs > this.#patienceMs(after)) {
      const message = `the playlist has had nothing new for ${Math.round((nowMs - this.#changedMs) / 1000)} s`;
      throw new PerchError('timeout', message);
    }
  }

  /** The loaded file, or undefined if it cannot be loaded and playback continues after it. @throws PerchError after several failures in a row */
  async #loadChunk({ file, segment, isFirst }: NextFile, signal: AbortSignal): Promise<Chunk | undefined> {
    const { init, timeline } = segment;
    const wallMs = isFirst ? segment.wallMs : undefined;
    try {
      const bytes = await this.#decrypted(segment, await this.#loadFile(file, MAX_SEGMENT_BYTES, signal), signal);
      const chunk = { bytes, init: init && (await this.#loadInit(segment, signal)), timeline, wallMs };
      this.#failures = 0;
      return chunk;
    } catch (cause) {
      this.#failures += 1;
      if (signal.aborted || !(cause instanceof PerchError) || this.#failures > MAX_FAILURES) {
        throw cause;
      }
      this.#log.warn({ reason: explain(cause) }, 'HLS segment cannot be loaded and is left out');
      return undefined;
    }
  }

  /** The part that the server announced, or undefined if it has another URL, which is in the next playlist. */
  async #loadHint(playlist: MediaPlaylist, signal: AbortSignal): Promise<Chunk | undefined> {
    const { hint, canBlock, segments, targetSeconds } = playlist;
    const segment = segments.at(-1);
    if (!hint || !canBlock || !segment) {
      return undefined;
    }
    try {
      const timeoutMs = this.#timeoutMs + 1_000 * targetSeconds;
      const bytes = await this.#loadFile(hint, MAX_SEGMENT_BYTES, signal, timeoutMs);
      const init = segment.init && (await this.#loadInit(segment, signal));
      return { bytes, init, timeline: segment.timeline, wallMs: undefined };
    } catch (cause) {
      if (signal.aborted || !(cause instanceof PerchError)) {
        throw cause;
      }
      return undefined;
    }
  }

  async #loadInit(segment: Segment, signal: AbortSignal): Promise<Uint8Array> {
    const init = segment.init as Resource;
    const key = `${init.url} ${init.range?.offset} ${init.range?.length}`;
    if (this.#init?.key !== key) {
      const bytes = await this.#loadFile(init, 1 << 20, signal);
      // RFC 8216 §4.3.2.5: an encrypted initialization segment has its own vector. ffmpeg leaves it in the clear.
      const isClear = !segment.key?.iv || bytes.subarray(4, 8).toString('latin1') === 'ftyp';
      this.#init = { key, bytes: isClear ? bytes : await this.#decrypted(segment, bytes, signal) };
    }
    return this.#init.bytes;
  }

  async #decrypted(segment: Segment, bytes: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const { key, sequence } = segment;
    if (!key) {
      return bytes;
    }
    const kept = this.#key?.url === key.url ? this.#key : undefined;
    // A key has 16 bytes.
    this.#key = kept ?? { url: key.url, bytes: await this.#loadFile({ url: key.url }, 256, signal) };
    try {
      return decryptSegment(bytes, this.#key.bytes, key, sequence);
    } catch (cause) {
      this.#key = undefined;
      if (!kept) {
        throw cause;
      }
      // The server may have another key at this URL by now.
      return this.#decrypted(segment, bytes, signal);
    }
  }

  async #loadFile({ url, range }: Resource, maxBytes: number, signal: AbortSignal, timeoutMs = this.#timeoutMs) {
    const { offset = 0, length = 0 } = range ?? {};
    const headers = range ? { Range: `bytes=${offset}-${offset + length - 1}` } : {};
    const reply = await this.#client.request(url, { headers, maxBytes, timeoutMs }, signal);
    requireOk(reply, url);
    // A server without ranges sends the whole file.
    return range && reply.status === 200 ? reply.body.subarray(offset, offset + length) : reply.body;
  }
}

function requireOk({ status }: HttpReply, url: string): void {
  if (status !== 200 && status !== 206) {
    const { protocol, host, pathname, username } = new URL(url);
    const isRefused = (status === 401 || status === 403) && username !== '';
    const message = `${protocol}//${host}${pathname.slice(0, 200)} answers ${status}`;
    throw isRefused
      ? new PerchError('unauthorized', message, { status, absence: status === 401 ? 'password' : 'forbidden' })
      : new PerchError('unavailable', message, { status });
  }
}
