import { SampleBuffer } from '../../media/sample/sample-buffer.ts';
import type { FlvFraming } from '../flv/packets.ts';

/** Message types, RTMP 1.0 §5.4 and §7.1. Audio, video and data have those of FLV tags. */
export const MESSAGE = {
  setChunkSize: 1,
  abort: 2,
  acknowledgement: 3,
  userControl: 4,
  windowSize: 5,
  peerBandwidth: 6,
  audio: 8,
  video: 9,
  dataAmf3: 15,
  commandAmf3: 17,
  data: 18,
  command: 20,
  aggregate: 22,
} as const;

/** Event types of user control messages, §7.1.7. */
export const EVENT = { streamBegin: 0, streamEnd: 1, setBufferLength: 3, pingRequest: 6, pingResponse: 7 } as const;

/** Chunk stream IDs of the messages that Perch sends. */
export const CHUNK_STREAM = { control: 2, command: 3, data: 5, audio: 4, video: 6 } as const;
/** Size of the chunks that Perch sends: most pictures are one chunk. */
export const CHUNK_BYTES = 60_000;
/** Message stream ID on connections that Perch accepts. */
export const MESSAGE_STREAM = 1;

const MAX_CHUNK_TIME = 0xff_ffff;
const SMALL_MESSAGES = { maxSampleBytes: 1 << 20, minSlabBytes: 256, maxSlabBytes: 1 << 20 };
const HEADER_BYTES = 12;
const EXTENDED_BYTES = 4;
/** fmt 3: the message continues. */
const CONTINUES = 0xc0;

const header = new Uint8Array(HEADER_BYTES + EXTENDED_BYTES);
const further = new Uint8Array(1 + EXTENDED_BYTES);

/**
 * One message: a chunk with a whole header (fmt 0, §5.3.1.2.1), then further ones (fmt 3).
 * @param chunkStream below 64
 * @param head,data its body
 * @returns false: it is too large
 */
export function appendMessage(
  out: SampleBuffer,
  chunkStream: number,
  type: number,
  messageStream: number,
  timestamp: number,
  head: Uint8Array,
  data: Uint8Array,
): boolean {
  const bodyBytes = head.length + data.length;
  const isExtended = timestamp >= MAX_CHUNK_TIME;
  const time = isExtended ? MAX_CHUNK_TIME : timestamp;
  header[0] = chunkStream;
  header[1] = time >> 16;
  header[2] = time >> 8;
  header[3] = time;
  header[4] = bodyBytes >> 16;
  header[5] = bodyBytes >> 8;
  header[6] = bodyBytes;
  header[7] = type;
  header[8] = messageStream;
  header[9] = messageStream >> 8;
  header[10] = messageStream >> 16;
  header[11] = messageStream >> 24;
  further[0] = CONTINUES | chunkStream;
  writeTime(header, HEADER_BYTES, timestamp);
  writeTime(further, 1, timestamp);
  const extraBytes = isExtended ? EXTENDED_BYTES : 0;
  let isRoom = out.append(header, 0, HEADER_BYTES + extraBytes) && out.append(head, 0, head.length);
  let inChunk = head.length;
  for (let at = 0; at < data.length && isRoom; ) {
    if (inChunk === CHUNK_BYTES) {
      isRoom = out.append(further, 0, 1 + extraBytes);
      inChunk = 0;
    }
    const to = Math.min(at + CHUNK_BYTES - inChunk, data.length);
    isRoom &&= out.append(data, at, to);
    inChunk += to - at;
    at = to;
  }
  return isRoom;
}

function writeTime(out: Uint8Array, at: number, timestamp: number): void {
  out[at] = timestamp >>> 24;
  out[at + 1] = timestamp >> 16;
  out[at + 2] = timestamp >> 8;
  out[at + 3] = timestamp;
}

const NO_BYTES = new Uint8Array(0);

/** A message other than the media of a stream. */
export function writeMessage(chunkStream: number, type: number, messageStream: number, body: Uint8Array): Buffer {
  const out = new SampleBuffer(SMALL_MESSAGES);
  appendMessage(out, chunkStream, type, messageStream, 0, NO_BYTES, body);
  return Buffer.from(out.take());
}

/** A control message with one number. */
export function writeControl(type: number, value: number, more: readonly number[] = []): Buffer {
  const body = Buffer.alloc(4 + more.length);
  body.writeUInt32BE(value >>> 0);
  body.set(more, 4);
  return writeMessage(CHUNK_STREAM.control, type, 0, body);
}

export function writeEvent(event: number, value: number): Buffer {
  const body = Buffer.alloc(6);
  body.writeUInt16BE(event);
  body.writeUInt32BE(value >>> 0, 2);
  return writeMessage(CHUNK_STREAM.control, MESSAGE.userControl, 0, body);
}

const BUFFER_MS = 3_000;

/** SetBufferLength, §7.1.7. */
export function writeBufferLength(messageStream: number): Buffer {
  const body = Buffer.alloc(10);
  body.writeUInt16BE(EVENT.setBufferLength);
  body.writeUInt32BE(messageStream, 2);
  body.writeUInt32BE(BUFFER_MS, 6);
  return writeMessage(CHUNK_STREAM.control, MESSAGE.userControl, 0, body);
}

/** The media of a stream as messages on a message stream. */
export const rtmpFraming = (messageStream: number): FlvFraming => ({
  name: `rtmp ${messageStream}`,
  append: (out, type, timestamp, head, data) =>
    appendMessage(out, chunkStreamOf(type), type, messageStream, timestamp, head, data),
});

const chunkStreamOf = (type: number): number =>
  type === MESSAGE.video ? CHUNK_STREAM.video : type === MESSAGE.audio ? CHUNK_STREAM.audio : CHUNK_STREAM.data;
