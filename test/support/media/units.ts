import type { Depacketizer, RtpFormat, UnitSink } from '../../../agent/media/payload/depacketizer.ts';
import type { Packetize, PayloadSink } from '../../../agent/media/payload/packetizer.ts';
import type { Track } from '../../../agent/media/sample/track.ts';

/** Bytes of spaced hexadecimal. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(/\s/g, '').match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

export const toHex = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

export interface Unit {
  readonly pts: number;
  readonly dts: number;
  readonly key: boolean;
  readonly data: Uint8Array;
}

/** Keeps the output of a depacketizer. */
export class Collector implements UnitSink {
  readonly units: Unit[] = [];
  readonly tracks: Track[] = [];
  readonly damage: string[] = [];

  onUnit(pts: number, dts: number, key: boolean, data: Uint8Array): void {
    this.units.push({ pts, dts, key, data });
  }

  onTrack(track: Track): void {
    this.tracks.push(track);
  }

  onDamage(reason: string): void {
    this.damage.push(reason);
  }
}

export function rtpFormat(
  encoding: string,
  clockRate: number,
  channels: number,
  fmtp: Record<string, string>,
): RtpFormat {
  return { payloadType: 96, encoding, clockRate, channels, fmtp: new Map(Object.entries(fmtp)) };
}

/** A sample of these NAL units, each after its 4-byte length. */
export function sampleOf(...nals: readonly Uint8Array[]): Uint8Array {
  const bytes = nals.flatMap((nal) => [nal.length >>> 24, nal.length >>> 16, nal.length >>> 8, nal.length, ...nal]);
  return Uint8Array.from(bytes);
}

export interface Payload {
  readonly bytes: Uint8Array;
  readonly marker: boolean;
}

/** A packetizer's output, as whole payloads. */
export function payloadsOf(packetize: (sink: PayloadSink) => void): Payload[] {
  const payloads: Payload[] = [];
  packetize({
    onPayload(prefix, prefixBytes, data, start, end, marker) {
      const bytes = new Uint8Array(prefixBytes + end - start);
      for (let i = 0; i < prefixBytes; i += 1) {
        bytes[i] = Math.floor(prefix / 2 ** (8 * (prefixBytes - 1 - i)));
      }
      bytes.set(data.subarray(start, end), prefixBytes);
      payloads.push({ bytes, marker });
    },
  });
  return payloads;
}

/** Sends a sample through a packetizer into a depacketizer. */
export function send(
  packetize: Packetize,
  data: Uint8Array,
  ticks: number,
  to: Depacketizer,
  maxPayloadBytes = 1200,
): void {
  for (const { bytes, marker } of payloadsOf((sink) => packetize(data, maxPayloadBytes, true, sink))) {
    to.push(bytes, 0, bytes.length, ticks, marker, false);
  }
}

/** Pushes one payload of spaced hexadecimal, from the middle of a larger chunk as a socket would give it. */
export function pushHex(to: Depacketizer, payload: string, ticks: number, marker = false, gap = false): void {
  const bytes = hex(`ffff ${payload} ffff`);
  to.push(bytes, 2, bytes.length - 2, ticks, marker, gap);
  // The socket reuses the chunk.
  bytes.fill(0xee);
}
