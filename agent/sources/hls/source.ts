import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { Failure } from '../../base/failure.ts';
import type { Logger } from '../../base/log.ts';
import { runInput } from '../../base/time/run-input.ts';
import type { UnitSink } from '../../media/payload/depacketizer.ts';
import type { Source, StreamSink } from '../../stream/contracts.ts';
import { DemuxedTrack } from '../../stream/ingest/demuxed-track.ts';
import { StreamWriter } from '../../stream/ingest/stream-writer.ts';
import { Timeline } from '../../stream/ingest/timeline.ts';
import { TimedUnits } from '../../stream/ingest/ts-input.ts';
import { HttpClient } from '../../transports/http/http-client.ts';
import { type FoundTrack, SegmentDecoder } from './decoder.ts';
import { Playout, type PlayoutSink, type PlayoutTrack } from './playout.ts';
import { type Chunk, loadPlaylist, Rendition } from './rendition.ts';

interface HlsSourceOptions {
  /** Name of the path. */
  readonly name: string;
  readonly url: string;
  /** SHA-256 of the server's certificate in hex; empty: it needs a trusted issuer. */
  readonly fingerprint: string;
  readonly readTimeoutMs: number;
  readonly audio: boolean;
  /** Wall time of samples is the server's (EXT-X-PROGRAM-DATE-TIME). */
  readonly usesSenderClock: boolean;
}

/** A stream that a server offers as HLS: RFC 8216, with low latency as its second edition has it. */
export class HlsSource implements Source {
  readonly type = 'hlsSource';
  readonly #options: HlsSourceOptions;
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(options: HlsSourceOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
  }

  async run(sink: StreamSink, signal: AbortSignal): Promise<void> {
    const { name, url, fingerprint, readTimeoutMs: timeoutMs } = this.#options;
    const peer = { noun: 'server', path: name } as const;
    const client = new HttpClient({ url, peer, fingerprint, timeoutMs });
    const over = new AbortController();
    const abort = () => over.abort();
    signal.addEventListener('abort', abort);
    try {
      signal.throwIfAborted();
      const session = new HlsSession(this.#options, sink, this.#clock, this.#log);
      await session.play(await this.#openRenditions(client, over.signal), over.signal);
    } catch (cause) {
      if (!signal.aborted) {
        throw cause;
      }
    } finally {
      signal.removeEventListener('abort', abort);
      over.abort();
      client.close();
    }
  }

  async #openRenditions(client: HttpClient, signal: AbortSignal): Promise<readonly Rendition[]> {
    const { url, audio, readTimeoutMs } = this.#options;
    const first = await loadPlaylist(client, url, signal);
    const { playlist } = first;
    const log = this.#log;
    const open = (from: string) => new Rendition(client, from, undefined, readTimeoutMs, this.#clock, log);
    if (playlist.kind === 'media') {
      return [new Rendition(client, first.url, playlist, readTimeoutMs, this.#clock, log)];
    }
    const separate = audio ? playlist.audio.filter((one) => one !== playlist.url) : [];
    return [open(playlist.url), ...separate.map(open)];
  }
}

/** Reports the server's clock to the track's timeline. */
const withClock = (units: UnitSink, { timeline }: DemuxedTrack): PlayoutSink => ({
  onUnit: (pts, dts, key, data) => units.onUnit(pts, dts, key, data),
  onTrack: (track) => units.onTrack(track),
  onDamage: (reason) => units.onDamage(reason),
  // Modulo 2^32, as the unit's own time.
  onWallTime: (dts, wallMs) => timeline.report(wallMs, dts >>> 0),
});

interface Playing {
  readonly rendition: Rendition;
  readonly decoder: SegmentDecoder;
  readonly chunks: AsyncGenerator<Chunk, void>;
}

/** One run: loads the segments of all renditions and plays them out to a stream. */
class HlsSession {
  readonly #options: HlsSourceOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #playout: Playout;
  readonly #timeline: Timeline;
  readonly #tracks: DemuxedTrack[] = [];
  readonly #writer: StreamWriter;
  readonly #offered: string[] = [];
  readonly #failure = new Failure();

  constructor(options: HlsSourceOptions, sink: StreamSink, clock: Clock, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
    this.#playout = new Playout(clock, this.#failure.fail);
    this.#timeline = new Timeline(clock, options.usesSenderClock);
    this.#writer = new StreamWriter(sink, this.#timeline, this.#tracks, options.name, log, 'sender');
  }

  /** Returns when the playlists have ended and everything is played. @throws PerchError */
  async play(renditions: readonly Rendition[], signal: AbortSignal): Promise<void> {
    const all = renditions.map((rendition): Playing => {
      const decoder = new SegmentDecoder((found) => this.#take(found));
      return { rendition, decoder, chunks: rendition.chunks(signal) };
    });
    // All tracks are known before playback starts, in the order of the renditions.
    const firsts = await Promise.all(all.map(({ chunks }) => chunks.next()));
    for (const [i, { value }] of firsts.entries()) {
      if (value) {
        all[i]?.decoder.take(value);
      }
    }
    if (this.#tracks.length === 0) {
      throw this.#nothingSupported();
    }
    const liveMs = Math.min(...renditions.map((one) => one.liveMs ?? Number.POSITIVE_INFINITY));
    this.#playout.maxAheadMs = liveMs + 1_000;
    this.#playout.start();
    const input = {
      check: () => this.#writer.check(this.#clock.monoMs()),
      close: () => this.#playout.stop(),
    };
    await Promise.race([runInput(input, this.#failure, this.#clock, signal), this.#playOut(all, signal)]);
  }

  async #playOut(all: readonly Playing[], signal: AbortSignal): Promise<void> {
    await Promise.all(all.map((playing) => this.#continue(playing, signal)));
    await this.#playout.drained(signal);
  }

  async #continue({ chunks, decoder }: Playing, signal: AbortSignal): Promise<void> {
    for await (const chunk of chunks) {
      decoder.take(chunk);
      await this.#playout.room(decoder.lastMs, signal);
    }
    decoder.end();
  }

  #take(found: readonly FoundTrack[]): readonly (PlayoutTrack | undefined)[] {
    this.#offered.push(...found.map(({ label }) => label));
    const unsupported = found.filter(({ isSupported }) => !isSupported).map(({ label }) => label);
    if (unsupported.length > 0) {
      this.#log.warn({ codecs: unsupported }, 'unsupported tracks of the HLS stream are left out');
    }
    return found.map(({ label, isVideo, isSupported, clockRate, track }) => {
      const isWanted = isSupported && (isVideo || this.#options.audio) && this.#tracks.length < 8;
      if (!isWanted) {
        return undefined;
      }
      const demuxed = new DemuxedTrack(label, isVideo, clockRate, this.#timeline, this.#writer, this.#clock);
      this.#tracks.push(demuxed);
      const units = new TimedUnits(demuxed);
      if (track) {
        units.onTrack(track);
      }
      return this.#playout.addTrack(this.#options.usesSenderClock ? withClock(units, demuxed) : units, clockRate);
    });
  }

  #nothingSupported(): PerchError {
    const { name, audio } = this.#options;
    const offer = this.#offered.join(', ') || 'nothing';
    const reason = audio ? 'none of which is supported' : 'of which nothing is left without audio (audio: no)';
    const message = `the HLS stream of path '${name}' offers ${offer}, ${reason}`;
    return new PerchError('unsupported', message, { path: name });
  }
}
