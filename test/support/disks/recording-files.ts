import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { writeInit } from '../../../agent/media/mp4/write/init.ts';
import { writeFileMark } from '../../../agent/record/file/file-mark.ts';
import { writeStreamMark } from '../../../agent/record/file/stream-mark.ts';
import { tinyH264 } from '../media/tiny-h264.ts';

/** The writer of a recording, from its header. */
export type Writer = 'perch' | 'perch without a clock' | 'mediamtx' | 'unknown';

const STREAM_ID = '00112233445566778899aabbccddeeff';

/** A recording's header for `writer`, followed by zeros: retention reads no further. */
export function recordingBytes(writer: Writer, sizeBytes = 0): Uint8Array {
  const stream = writeStreamMark({ streamId: STREAM_ID, segmentNumber: 0, dtsUs: 0, wallUs: 0 });
  const isClockTrusted = writer === 'perch';
  const mark = { firstSequence: 7, bootId: STREAM_ID, monoUs: 1, isClockTrusted, offsetMinutes: 0 };
  const isOwn = writer === 'perch' || writer === 'perch without a clock';
  const userData = isOwn ? Buffer.concat([stream, writeFileMark(mark)]) : stream;
  const init = writeInit([tinyH264], writer === 'unknown' ? undefined : userData);
  const bytes = new Uint8Array(Math.max(sizeBytes, init.length));
  bytes.set(init);
  return bytes;
}

export function makeRecording(file: string, writer: Writer = 'perch', sizeBytes = 0): string {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, recordingBytes(writer, sizeBytes));
  return file;
}
