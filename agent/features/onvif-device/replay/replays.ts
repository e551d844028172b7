import { randomInt } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import type { Track } from '../../../media/sample/track.ts';
import { hasRtp } from '../../../media/sdp/write.ts';
import type { MediaRange, MediaUnit } from '../../../playback/get/media-units.ts';
import type { Replay, ReplayLink, ReplayStart } from '../../../protocols/contract.ts';
import { markedUnits } from './marked-units.ts';
import { parsePlay, utcText } from './play-request.ts';
import { ReplayPackets } from './replay-packets.ts';
import { ReplayRun, type RunSettings } from './replay-run.ts';

/** Sessions that replay at the same time: each keeps about a megabyte. */
const MAX_REPLAYS = 16;
const MAX_OF_CLIENT = 8;

export interface ReplayDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly recordings: {
    newestTracks(path: string): Promise<readonly Track[]>;
    media(range: MediaRange): AsyncGenerator<MediaUnit, void>;
  };
}

/** Sessions of clients that play recordings by RTSP. */
export class Replays {
  readonly #deps: ReplayDeps;
  /** With the client of each. */
  readonly #open = new Map<ReplaySession, string>();

  constructor(deps: ReplayDeps) {
    this.#deps = deps;
  }

  get count(): number {
    return this.#open.size;
  }

  /** @throws PerchError notFound */
  async tracks(path: string): Promise<readonly Track[]> {
    const tracks = (await this.#deps.recordings.newestTracks(path)).filter(hasRtp);
    if (tracks.length === 0) {
      throw new PerchError('notFound', `path '${path}' has no recording that RTSP can carry`, { path });
    }
    return tracks;
  }

  /** @param client its user or address @throws PerchError exhausted */
  open(path: string, tracks: readonly Track[], link: ReplayLink, client: string): Replay {
    const ofClient = [...this.#open.values()].filter((other) => other === client).length;
    if (this.#open.size >= MAX_REPLAYS || ofClient >= MAX_OF_CLIENT) {
      const limit = ofClient >= MAX_OF_CLIENT ? `${MAX_OF_CLIENT} sessions of '${client}'` : `${MAX_REPLAYS} sessions`;
      throw new PerchError('exhausted', `${limit} play recordings, which is the limit`, { path });
    }
    const session: ReplaySession = new ReplaySession(this.#deps, path, tracks, link, () => this.#open.delete(session));
    this.#open.set(session, client);
    return session;
  }

  /** Ends what is being sent. */
  close(): void {
    for (const session of [...this.#open.keys()]) {
      session.close();
    }
  }
}

class ReplaySession implements Replay {
  readonly sent = { bytes: 0, rtpPackets: 0, rtcpPackets: 0 };
  readonly #deps: ReplayDeps;
  readonly #path: string;
  readonly #tracks: readonly Track[];
  readonly #link: ReplayLink;
  readonly #onClosed: () => void;
  readonly #channels: (readonly [number, number] | undefined)[];
  readonly #packets: ReplayPackets;
  readonly #wanted = new Set<number>();
  /** Number of the client's track for each track of a file. */
  readonly #numbers = new WeakMap<Track, number>();
  #run: ReplayRun | undefined;
  #isClosed = false;
  /** Playback time, microseconds: RTP begins at random (RFC 3550 §5.1). */
  #playedUs = randomInt(0, 2 ** 32);

  constructor(deps: ReplayDeps, path: string, tracks: readonly Track[], link: ReplayLink, onClosed: () => void) {
    this.#deps = deps;
    this.#path = path;
    this.#tracks = tracks;
    this.#link = link;
    this.#onClosed = onClosed;
    this.#channels = tracks.map(() => undefined);
    this.#packets = new ReplayPackets(tracks, this.#channels);
  }

  get isPlaying(): boolean {
    return this.#run?.isRunning === true;
  }

  setUp(track: number, channels: readonly [number, number]): number {
    this.#channels[track] = channels;
    this.#wanted.add(track);
    return this.#packets.ssrcOf(track);
  }

  async play(headers: { get(name: string): string | undefined }, cseq: number): Promise<ReplayStart | undefined> {
    const settings = this.#settingsFor(headers);
    this.pause();
    const stop = new AbortController();
    const { clock, log, recordings } = this.#deps;
    const { fromUs, toUs, frames } = settings;
    const wants = (track: Track) =>
      this.#wanted.has(this.#numberOf(track)) && (!frames.isKeysOnly || track.kind === 'video');
    const range = { path: this.#path, fromUs, toUs, isKeysOnly: frames.isKeysOnly, signal: stop.signal, wants };
    const units = markedUnits(spaced(recordings.media(range), frames.leastUs), (track) => this.#numberOf(track));
    const deps = {
      ...{ clock, link: this.#link, packets: this.#packets, tracks: this.#tracks, wanted: this.#wanted, cseq },
      log: log.child({ path: this.#path }),
      sent: (bytes: number, rtpPackets: number, rtcpPackets: number) => this.#count(bytes, rtpPackets, rtcpPackets),
    };
    const run = new ReplayRun(deps, settings, units, stop, this.#playedUs);
    this.#run = run;
    const firstUs = await run.prepare();
    if (firstUs === undefined || this.#isClosed) {
      run.stop();
      return undefined;
    }
    return {
      headers: [
        ['Range', `clock=${utcText(Math.max(fromUs, firstUs))}-${utcText(toUs)}`],
        ...(settings.scale === 1 ? [] : [['Scale', String(settings.scale)] as const]),
      ],
      tracks: [...this.#wanted].map((track) => ({
        track,
        sequence: this.#packets.sequenceOf(track),
        rtpTime: run.rtpTimeOfStart(track),
      })),
      begin: () => run.begin(),
    };
  }

  pause(): void {
    const run = this.#run;
    if (run) {
      this.#playedUs = run.playedUs;
      run.stop();
    }
  }

  close(): void {
    this.#isClosed = true;
    this.pause();
    this.#onClosed();
  }

  /** Without a range, a PLAY continues the former one. */
  #settingsFor(headers: { get(name: string): string | undefined }): RunSettings {
    const { fromUs, toUs, isPaced, scale, frames } = parsePlay(headers);
    const former = fromUs === undefined && toUs === undefined ? this.#run : undefined;
    const before = former?.settings;
    return {
      fromUs: fromUs ?? former?.positionUs ?? 0,
      toUs: toUs ?? before?.toUs ?? this.#deps.clock.wallMs() * 1000,
      isPaced: isPaced ?? before?.isPaced ?? true,
      scale: scale ?? before?.scale ?? 1,
      frames: frames ?? before?.frames ?? { isKeysOnly: false, leastUs: 0 },
    };
  }

  /** -1: the description has no such track, because the camera had other settings then. */
  #numberOf(track: Track): number {
    let number = this.#numbers.get(track);
    if (number === undefined) {
      number = this.#tracks.findIndex((one) => hasSameFormat(one, track));
      this.#numbers.set(track, number);
    }
    return number;
  }

  #count(bytes: number, rtpPackets: number, rtcpPackets: number): void {
    this.sent.bytes += bytes;
    this.sent.rtpPackets += rtpPackets;
    this.sent.rtcpPackets += rtcpPackets;
  }
}

/** Whether packets of both can have one payload type. Parameter sets may differ: they come with each key frame. */
function hasSameFormat(one: Track, other: Track): boolean {
  const isSame = one.codec === other.codec && one.clockRate === other.clockRate;
  return isSame && (!('channels' in one) || !('channels' in other) || one.channels === other.channels);
}

/** Leaves out pictures that follow the last one sooner. */
async function* spaced(units: AsyncGenerator<MediaUnit, void>, leastUs: number): AsyncGenerator<MediaUnit, void> {
  let lastUs = Number.NEGATIVE_INFINITY;
  for await (const unit of units) {
    if (leastUs === 0 || unit.dtsUs - lastUs >= leastUs || unit.dtsUs < lastUs) {
      lastUs = unit.dtsUs;
      yield unit;
    }
  }
}
