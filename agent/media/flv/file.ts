import type { SampleBuffer } from '../sample/sample-buffer.ts';

/** FLV specification §E.2: signature, version 1, flags (audio 4, video 1), size of the header; then PreviousTagSize0. */
export const flvHeader = (hasVideo: boolean, hasAudio: boolean): Buffer =>
  Buffer.of(0x46, 0x4c, 0x56, 1, (hasAudio ? 4 : 0) | (hasVideo ? 1 : 0), 0, 0, 0, 9, 0, 0, 0, 0);

const TAG_HEADER_BYTES = 11;
const header = new Uint8Array(TAG_HEADER_BYTES);
const tail = new Uint8Array(4);

/** One tag, §E.4.1. */
function appendTag(out: SampleBuffer, type: number, timestamp: number, head: Uint8Array, data: Uint8Array): boolean {
  const bodyBytes = head.length + data.length;
  header[0] = type;
  header[1] = bodyBytes >> 16;
  header[2] = bodyBytes >> 8;
  header[3] = bodyBytes;
  header[4] = timestamp >> 16;
  header[5] = timestamp >> 8;
  header[6] = timestamp;
  header[7] = timestamp >>> 24;
  const bytes = TAG_HEADER_BYTES + bodyBytes;
  tail[0] = bytes >>> 24;
  tail[1] = bytes >> 16;
  tail[2] = bytes >> 8;
  tail[3] = bytes;
  return (
    out.append(header, 0, header.length) &&
    out.append(head, 0, head.length) &&
    out.append(data, 0, data.length) &&
    out.append(tail, 0, tail.length)
  );
}

/** Tags as in an FLV file, for `FlvPackets`. */
export const FILE_FRAMING = { name: 'flv', append: appendTag };
