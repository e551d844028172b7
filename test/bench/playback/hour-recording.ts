import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../../agent/base/clock.ts';
import type { Sample } from '../../../agent/media/sample/sample.ts';
import type { H264Track } from '../../../agent/media/sample/track.ts';
import { diskFs } from '../../../agent/record/file/segment-fs.ts';
import { FlushPoint } from '../../../agent/record/write/flush.ts';
import { SegmentWriter } from '../../../agent/record/write/segment-writer.ts';
import { TrackBuffer } from '../../../agent/record/write/track-buffer.ts';
import { cameraClip, clip } from '../../peers/cameras/camera.ts';
import { opusTrack, WALL } from '../../support/disks/recordings.ts';
import { accessUnits } from '../cameras/access-units.ts';

const SECONDS = 3_600;
const FPS = 25;
const SOUNDS_PER_SECOND = 50;
const SOUND_BYTES = 160;
/** May wait for the disk before the next second is written. */
const QUEUE_BYTES = 64 << 20;

export interface HourRecording {
  readonly file: string;
  readonly sizeBytes: number;
  readonly samples: number;
}

/**
 * An hour of a camera with 4 Mbit/s, pictures of a real clip and sound, as the product writes it: below `folder`, of the path `cam`.
 * @param hour from noon on
 * @param maxBytes of pictures other than key frames, which nobody decodes here
 */
export async function recordHour(
  folder: string,
  hour = 0,
  maxBytes = Number.POSITIVE_INFINITY,
): Promise<HourRecording> {
  const { track, pictures } = await cameraPictures();
  const flush = new FlushPoint(systemClock, 5_000);
  const buffers = [new TrackBuffer(0, track), new TrackBuffer(1, opusTrack)];
  const file = join(folder, 'cam', `2026-07-01_${12 + hour}-00-00-000000.mp4`);
  const mark = {
    streamId: '0123456789abcdef0123456789abcdef',
    segmentNumber: hour,
    dtsUs: hour * SECONDS * 1e6,
    wallUs: WALL * 1000 + hour * SECONDS * 1e6,
  };
  const originOf = () => ({ bootId: '0'.repeat(32), monoUs: 1, isClockTrusted: true, offsetMinutes: 0 });
  let failure: unknown;
  const writer = new SegmentWriter(mark, originOf, buffers, {
    fs: diskFs,
    nameOf: () => file,
    queueBytes: 8 * QUEUE_BYTES,
    flush,
    onStarted: () => {},
    onFailure: (error) => {
      failure = error;
    },
  });
  for (let second = 0; second < SECONDS; second += 1) {
    collectSecond(buffers, pictures, second, maxBytes);
    if (!writer.writePart() || failure !== undefined) {
      throw new Error('the disk is too slow for the recording', { cause: failure });
    }
    while (writer.sizeBytes - writtenBytes(file) > QUEUE_BYTES && failure === undefined) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  await writer.finish();
  await flush.close();
  return { file, sizeBytes: statSync(file).size, samples: SECONDS * (FPS + SOUNDS_PER_SECOND) };
}

const writtenBytes = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

/** Ten seconds of a camera with 4 Mbit/s: access units with their parameter sets. */
export async function cameraPictures(): Promise<{ track: H264Track; pictures: readonly Uint8Array[] }> {
  const made = await cameraClip(10);
  const annexB = await clip('camera-10.h264', ['-i', made, '-map', '0:v', '-c', 'copy', '-bsf:v', 'h264_mp4toannexb']);
  const pictures = accessUnits(readFileSync(annexB));
  const sets = nalsOf(pictures[0] as Uint8Array);
  const ofType = (type: number) => sets.filter((nal) => ((nal[0] as number) & 0x1f) === type);
  const sps = ofType(7)[0] as Uint8Array;
  const size = { width: 1920, height: 1080, fps: FPS };
  return { track: { kind: 'video', codec: 'h264', clockRate: 90_000, ...size, sps, pps: ofType(8) }, pictures };
}

/** NAL units of a picture that has four bytes of length before each. */
export function nalsOf(picture: Uint8Array): Uint8Array[] {
  const nals: Uint8Array[] = [];
  const view = new DataView(picture.buffer, picture.byteOffset, picture.byteLength);
  for (let at = 0; at + 4 <= picture.length; ) {
    const end = at + 4 + view.getUint32(at);
    nals.push(picture.subarray(at + 4, end));
    at = end;
  }
  return nals;
}

const isKey = (picture: Uint8Array): boolean => nalsOf(picture).some((nal) => ((nal[0] as number) & 0x1f) === 5);

function collectSecond(
  buffers: readonly TrackBuffer[],
  pictures: readonly Uint8Array[],
  second: number,
  maxBytes: number,
): void {
  const [video, audio] = buffers as [TrackBuffer, TrackBuffer];
  for (let i = 0; i < FPS; i += 1) {
    const data = pictures[(second * FPS + i) % pictures.length] as Uint8Array;
    const isWhole = isKey(data);
    video.append(sampleAt((second * FPS + i) * (90_000 / FPS), isWhole ? data : data.subarray(0, maxBytes), isWhole));
  }
  for (let i = 0; i < SOUNDS_PER_SECOND; i += 1) {
    const data = new Uint8Array(SOUND_BYTES).fill(i);
    audio.append(sampleAt((second * SOUNDS_PER_SECOND + i) * (48_000 / SOUNDS_PER_SECOND), data, true));
  }
  video.close();
  audio.close();
}

const sampleAt = (dts: number, data: Uint8Array, key: boolean): Sample => ({ pts: dts, dts, wall: WALL, key, data });
