import { createHash } from 'node:crypto';
import { parseRtcp } from '../../agent/media/rtcp/parse.ts';
import { RtpHeader } from '../../agent/media/rtp/header.ts';
import { RtspCaller } from '../support/clients/rtsp-caller.ts';
import type { Codec } from './clip.ts';

const VIDEO = 0;
const AUDIO = 1;
/** Ticks of a millisecond, by track. */
const RATES = [90, 8] as const;

/** A picture as a reader of the RTSP server gets it. */
export interface ReadPicture {
  /** Media time, on the scale that the tracks share. */
  readonly ms: number;
  /** SHA-1 of the picture's slices. */
  readonly hash: string;
  /** Arrival of its last packet, by `performance.now()`. */
  readonly atMs: number;
}

/** A packet of sound. */
export interface ReadSound {
  readonly ms: number;
  /** The value of all its samples. */
  readonly code: number;
  readonly atMs: number;
}

/** Equal for a camera's picture and the reader's, whatever parameter sets and SEI are next to the slices. */
export function hashOf(codec: Codec, nals: readonly Uint8Array[]): string {
  const hash = createHash('sha1');
  for (const nal of nals) {
    if (codec.isSlice(codec.typeOf(nal))) {
      hash.update(nal);
    }
  }
  return hash.digest('hex').slice(0, 12);
}

/** Reads a path over TCP without the agent's own ingest: pictures end at the marker, whatever their times are. */
export class QuirkReader implements AsyncDisposable {
  readonly #caller: RtspCaller;
  readonly #codec: Codec;
  /** RTP times of one moment, by track, from the response to PLAY. */
  readonly #moments: readonly (number | undefined)[];

  static async open(port: number, path: string, codec: Codec): Promise<QuirkReader> {
    const caller = await RtspCaller.connect(port);
    const url = `rtsp://127.0.0.1:${port}/${path}`;
    const described = await caller.ask('DESCRIBE', url, [['Accept', 'application/sdp']]);
    if (described.status !== 200) {
      throw new Error(`DESCRIBE of ${path}: ${described.status}`);
    }
    const sdp = new TextDecoder().decode(described.body);
    const uris: string[] = [];
    for (const [track, kind] of ['video', 'audio'].entries()) {
      const [, control] = new RegExp(`m=${kind}[^]*?a=control:(\\S+)`).exec(sdp) ?? [];
      if (control !== undefined) {
        uris[track] = control.startsWith('rtsp:') ? control : `${url}/${control}`;
        const transport = `RTP/AVP/TCP;unicast;interleaved=${2 * track}-${2 * track + 1}`;
        await caller.ask('SETUP', uris[track], [['Transport', transport]]);
      }
    }
    const played = await caller.ask('PLAY', url, [['Range', 'npt=0-']]);
    const entries = (played.headers.get('RTP-Info') ?? '')
      .split(',')
      .map((entry) => new URLSearchParams(entry.replaceAll(';', '&')));
    const moments = uris.map((uri) => entries.find((entry) => entry.get('url') === uri)?.get('rtptime') ?? undefined);
    return new QuirkReader(
      caller,
      codec,
      moments.map((text) => (text === undefined ? undefined : Number(text))),
    );
  }

  constructor(caller: RtspCaller, codec: Codec, moments: readonly (number | undefined)[]) {
    this.#caller = caller;
    this.#codec = codec;
    this.#moments = moments;
  }

  get count(): number {
    return this.#caller.frames.length;
  }

  get hasSound(): boolean {
    return this.#moments.length > AUDIO;
  }

  get pictures(): ReadPicture[] {
    const { fragment, fragmentHeaderAt } = this.#codec;
    const header = new RtpHeader();
    const timeOf = this.#clock(VIDEO);
    const pictures: ReadPicture[] = [];
    let nals: Uint8Array[] = [];
    let fragments: Uint8Array[] = [];
    for (const { channel, payload, atMs } of this.#caller.frames) {
      if (channel !== 2 * VIDEO) {
        continue;
      }
      header.parse(payload, 0, payload.length);
      const body = payload.subarray(header.payloadStart, header.payloadEnd);
      if (this.#codec.typeOf(body) === fragment) {
        const flags = body[fragmentHeaderAt] as number;
        fragments = flags & 0x80 ? [this.#codec.headerOf(body)] : fragments;
        fragments.push(body.subarray(fragmentHeaderAt + 1));
        if (flags & 0x40) {
          nals.push(Uint8Array.from(Buffer.concat(fragments)));
        }
      } else {
        nals.push(body);
      }
      if (header.marker) {
        pictures.push({ ms: timeOf(header.timestamp), hash: hashOf(this.#codec, nals), atMs });
        nals = [];
      }
    }
    return pictures;
  }

  get sounds(): ReadSound[] {
    const header = new RtpHeader();
    const timeOf = this.#clock(AUDIO);
    return this.#caller.frames
      .filter(({ channel }) => channel === 2 * AUDIO)
      .map(({ payload, atMs }) => {
        header.parse(payload, 0, payload.length);
        return { ms: timeOf(header.timestamp), code: payload[header.payloadStart] as number, atMs };
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#caller[Symbol.dispose]();
  }

  /** Media time of a track's timestamps, given in order. */
  #clock(track: 0 | 1): (timestamp: number) => number {
    let last = this.#moments[track] ?? this.#reported(track);
    let ticks = 0;
    return (timestamp) => {
      last = Number.isNaN(last) ? timestamp : last;
      ticks += (timestamp - last) | 0;
      last = timestamp;
      return ticks / RATES[track];
    };
  }

  /** The time of a track at the common moment, by the first sender reports: RTP-Info omits a track without packets. */
  #reported(track: 0 | 1): number {
    const other = track === VIDEO ? AUDIO : VIDEO;
    const [own, others] = [this.#report(track), this.#report(other)];
    const moment = this.#moments[other];
    if (!own || !others || moment === undefined) {
      return Number.NaN;
    }
    const sinceMs = own.unixMs - others.unixMs + ((others.timestamp - moment) | 0) / RATES[other];
    return Math.round(own.timestamp - sinceMs * RATES[track]);
  }

  #report(track: number): { readonly unixMs: number; readonly timestamp: number } | undefined {
    let found: { readonly unixMs: number; readonly timestamp: number } | undefined;
    for (const { channel, payload } of this.#caller.frames) {
      if (channel === 2 * track + 1 && !found) {
        parseRtcp(payload, 0, payload.length, {
          onSenderReport: ({ unixMs, timestamp }) => {
            found = { unixMs, timestamp };
          },
          onBye: () => {},
        });
      }
    }
    return found;
  }
}
