import { readFileSync } from 'node:fs';
import type { Track } from '../../../../agent/media/sample/track.ts';
import { WEBRTC_SESSION } from '../../../../agent/servers/webrtc/session/session-kind.ts';
import { Stream } from '../../../../agent/stream/stream.ts';
import { chooseCodecs } from '../../../../agent/transports/webrtc/sdp/codecs.ts';
import { parseOffer } from '../../../../agent/transports/webrtc/sdp/offer.ts';
import type { OutboundVideo } from '../../../../agent/transports/webrtc/sending/outbound.ts';
import {
  ViewerSession,
  type ViewerSessionOptions,
} from '../../../../agent/transports/webrtc/sending/viewer-session.ts';
import { SrtpReceiver } from '../../../../agent/transports/webrtc/srtp/srtp-receiver.ts';
import type { FakeClock } from '../../base/fake-clock.ts';
import { H264_TRACK } from '../../media/tracks.ts';
import { RecordingLink } from './webrtc-peer.ts';

const OFFER = readFileSync('test/fixtures/offers/chromium-156-linux.sdp', 'utf8');
const SOUND: Track = { kind: 'audio', codec: 'g711', law: 'mu', clockRate: 8_000, channels: 1 };
/** SSRC of its reports. */
const SELF = 1;

/** A camera's stream with pictures of a given size, on a fake clock. */
export class ScriptedCamera {
  readonly stream = new Stream([H264_TRACK, SOUND]);
  readonly clock: FakeClock;
  /** The first byte of a picture's slice. */
  number = 0;
  /** Ticks of its clock when ours is at 0. */
  readonly ptsStart: number;
  /** Its pictures are reordered. */
  hasBFrames = false;
  /** Its wall clock is ahead of ours by this much. */
  wallAheadMs = 0;

  constructor(clock: FakeClock, ptsStart = 0) {
    this.clock = clock;
    this.ptsStart = ptsStart;
  }

  picture(key: boolean, bytes = 3_000): void {
    const data = new Uint8Array(4 + bytes).fill(this.number);
    new DataView(data.buffer).setUint32(0, bytes);
    data[4] = key ? 0x65 : 0x41;
    this.number = (this.number + 1) & 0xff;
    const pts = this.ptsStart + 90 * this.clock.monoMs();
    const wall = this.clock.wallMs() + this.wallAheadMs;
    this.stream.write(0, { pts: this.hasBFrames ? pts + 3_600 : pts, dts: pts, wall, key, data });
  }

  sound(): void {
    const pts = 8 * this.clock.monoMs();
    this.stream.write(1, { pts, dts: pts, wall: this.clock.wallMs(), key: true, data: new Uint8Array(160) });
  }

  /** Pictures at 25 a second, optionally with a key frame first. */
  async play(seconds: number, { bytes = 3_000, keyEvery = 50, from = 1 } = {}): Promise<void> {
    for (let i = from; i < from + 25 * seconds; i += 1) {
      this.picture(i % keyEvery === 0, bytes);
      await this.clock.advance(40);
    }
  }
}

export interface Received {
  readonly ssrc: number;
  readonly payloadType: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly marker: boolean;
  readonly payload: Buffer;
}

/** A viewer with Chromium's offer, connected without a network, that sends the test's packets. */
export class ScriptedViewer {
  readonly link = new RecordingLink();
  readonly viewing: ViewerSession;
  readonly #receiver: SrtpReceiver;
  readonly #clock: FakeClock;

  /** @param knowsRtx whether it offers a format for retransmissions */
  constructor(
    { stream, clock }: ScriptedCamera,
    { knowsRtx = true, ...options }: ViewerSessionOptions & { knowsRtx?: boolean } = {},
  ) {
    const offer = parseOffer(knowsRtx ? OFFER : OFFER.replaceAll(/a=rtpmap:\d+ rtx.*\r\n/g, ''));
    this.viewing = new ViewerSession('viewer', stream, chooseCodecs(stream.tracks, offer), clock, {
      kind: WEBRTC_SESSION,
      ...options,
    });
    this.#receiver = new SrtpReceiver(this.link.keys);
    this.#clock = clock;
  }

  get video(): OutboundVideo {
    return this.viewing.video as OutboundVideo;
  }

  start(): void {
    this.viewing.start(this.link);
  }

  /** Packets received since the last call, decrypted, without repeats that SRTP rejects. */
  take(): Received[] {
    return this.link.packets.splice(0).flatMap((packet) => {
      const length = this.#receiver.unprotect(packet);
      return length === 0 ? [] : [parse(packet.subarray(0, length))];
    });
  }

  takeVideo(): Received[] {
    return this.take().filter(({ ssrc }) => ssrc === this.video.ssrc);
  }

  takeRepairs(): Received[] {
    return this.take().filter(({ ssrc }) => ssrc === this.video.rtxSsrc);
  }

  /** @param pairs of a sequence number and the bits for the following ones, RFC 4585 §6.2.1 */
  nack(...pairs: readonly [sequence: number, following: number][]): void {
    const packet = Buffer.alloc(12 + 4 * pairs.length);
    packet.set([0x81, 205]);
    packet.writeUInt16BE(packet.length / 4 - 1, 2);
    packet.writeUInt32BE(SELF, 4);
    packet.writeUInt32BE(this.video.ssrc, 8);
    for (const [i, [sequence, following]] of pairs.entries()) {
      packet.writeUInt16BE(sequence & 0xffff, 12 + 4 * i);
      packet.writeUInt16BE(following, 14 + 4 * i);
    }
    this.viewing.onRtcp(packet);
  }

  losePicture(): void {
    const packet = Buffer.from('81ce00020000000100000000', 'hex');
    packet.writeUInt32BE(this.video.ssrc, 8);
    this.viewing.onRtcp(packet);
  }

  /** @param roundTripMs as of a viewer that has just received our sender report; undefined: it has received none */
  report(lost: number, highest: number, roundTripMs?: number): void {
    const packet = Buffer.alloc(32);
    packet.set([0x81, 201, 0, 7]);
    packet.writeUInt32BE(SELF, 4);
    packet.writeUInt32BE(this.video.ssrc, 8);
    packet.writeUInt32BE(lost & 0xff_ffff, 12);
    packet.writeUInt32BE(highest, 16);
    if (roundTripMs !== undefined) {
      const now = Math.round((this.#clock.wallMs() / 1000 + 2_208_988_800) * 65_536) % 2 ** 32;
      packet.writeUInt32BE((now - Math.round(roundTripMs * 65.536)) >>> 0, 24);
    }
    this.viewing.onRtcp(packet);
  }
}

function parse(packet: Buffer): Received {
  return {
    marker: (packet.readUInt8(1) & 0x80) !== 0,
    payloadType: packet.readUInt8(1) & 0x7f,
    sequence: packet.readUInt16BE(2),
    timestamp: packet.readUInt32BE(4),
    ssrc: packet.readUInt32BE(8),
    payload: Buffer.from(packet.subarray(12)),
  };
}
