import { PerchError } from '../../../agent/base/errors.ts';
import type { Sample } from '../../../agent/media/sample/sample.ts';
import type { Track } from '../../../agent/media/sample/track.ts';

/** A frame is its length in 4 bytes, a type in one byte, and the payload. */
export const FRAME = { hello: 1, accepted: 2, tracks: 3, sample: 4 } as const;
const HEAD_BYTES = 5;
const SAMPLE_HEAD_BYTES = 26;
const MAX_FRAME_BYTES = 1 << 20;

/** The first frame of a client. */
export interface Hello {
  readonly role: 'read' | 'publish';
  readonly path: string;
  readonly query: string;
  readonly user?: string;
  readonly password?: string;
}

export function writeFrame(type: number, payload: Uint8Array): Buffer {
  const frame = Buffer.alloc(HEAD_BYTES + payload.length);
  frame.writeUInt32BE(payload.length, 0);
  frame.writeUInt8(type, 4);
  frame.set(payload, HEAD_BYTES);
  return frame;
}

export const writeHello = (hello: Hello): Buffer => writeFrame(FRAME.hello, Buffer.from(JSON.stringify(hello)));

/** Bytes of parameter sets travel as base64. */
export function writeTracks(tracks: readonly Track[]): Buffer {
  const text = JSON.stringify(tracks, (_key, value: unknown) =>
    value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value,
  );
  return writeFrame(FRAME.tracks, Buffer.from(text));
}

export const readTracks = (payload: Uint8Array): readonly Track[] =>
  JSON.parse(Buffer.from(payload).toString(), (_key, value: unknown) => {
    const { base64 } = (value ?? {}) as { readonly base64?: string };
    return base64 === undefined ? value : Uint8Array.from(Buffer.from(base64, 'base64'));
  });

/** One access unit: track, whether it is a key sample, PTS, DTS, capture time, data. */
export function writeSample(track: number, { pts, dts, wall, key, data }: Sample): Buffer {
  const payload = Buffer.alloc(SAMPLE_HEAD_BYTES + data.length);
  payload.writeUInt8(track, 0);
  payload.writeUInt8(Number(key), 1);
  payload.writeDoubleBE(pts, 2);
  payload.writeDoubleBE(dts, 10);
  payload.writeDoubleBE(wall, 18);
  payload.set(data, SAMPLE_HEAD_BYTES);
  return writeFrame(FRAME.sample, payload);
}

export function readSample(payload: Buffer): { readonly track: number; readonly sample: Sample } {
  const sample = {
    key: payload.readUInt8(1) === 1,
    pts: payload.readDoubleBE(2),
    dts: payload.readDoubleBE(10),
    wall: payload.readDoubleBE(18),
    data: Uint8Array.from(payload.subarray(SAMPLE_HEAD_BYTES)),
  };
  return { track: payload.readUInt8(0), sample };
}

/** Cuts a TCP stream into frames. */
export class FrameReader {
  readonly #onFrame: (type: number, payload: Buffer) => void;
  #rest = Buffer.alloc(0);

  constructor(onFrame: (type: number, payload: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  /** @throws PerchError badInput for a frame that is too large */
  push(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= HEAD_BYTES) {
      const length = this.#rest.readUInt32BE(0);
      if (length > MAX_FRAME_BYTES) {
        throw new PerchError('badInput', `frame of ${length} bytes, at most ${MAX_FRAME_BYTES}`);
      }
      const end = HEAD_BYTES + length;
      if (this.#rest.length < end) {
        return;
      }
      const payload = this.#rest.subarray(HEAD_BYTES, end);
      const type = this.#rest.readUInt8(4);
      this.#rest = this.#rest.subarray(end);
      this.#onFrame(type, payload);
    }
  }
}
