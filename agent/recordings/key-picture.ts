import { PerchError } from '../base/errors.ts';
import { codecOf } from '../media/codecs.ts';
import { join } from '../media/mp4/box/boxes.ts';
import { avcC, hvcC } from '../media/mp4/entry/sample-entry.ts';
import { tableOf, writeFragmentHeader } from '../media/mp4/write/fragment.ts';
import { writeInit } from '../media/mp4/write/init.ts';
import type { Sample } from '../media/sample/sample.ts';
import type { Track } from '../media/sample/track.ts';
import type { CodedPicture } from '../picture/contracts.ts';
import { pictureByFfmpeg } from '../picture/ffmpeg.ts';
import type { Pictures } from '../picture/pictures.ts';
import type { JpegOfMoment } from '../playback/vod/picture.ts';
import type { Stream } from '../stream/stream.ts';

const BOX_HEADER_BYTES = 8;

/** Codec and decoder configuration record, or undefined if Perch does not decode it. */
export function recordOf(track: Track): Pick<CodedPicture, 'codec' | 'record'> | undefined {
  if (track.codec === 'h264') {
    return { codec: 'h264', record: avcC(track).slice(BOX_HEADER_BYTES) };
  }
  if (track.codec === 'mjpeg') {
    return { codec: 'mjpeg', record: new Uint8Array() };
  }
  return track.codec === 'h265' ? { codec: 'h265', record: hvcC(track).slice(BOX_HEADER_BYTES) } : undefined;
}

interface LiveKey {
  readonly track: Track;
  /** Its data is a copy. */
  readonly sample: Sample;
}

/** The last key frame of a stream's first video, or undefined if none has arrived, or there is no video. */
export function lastKey(stream: Pick<Stream, 'tracks' | 'replayKey'>): LiveKey | undefined {
  const index = stream.tracks.findIndex(({ kind }) => kind === 'video');
  const track = stream.tracks[index];
  let found: LiveKey | undefined;
  stream.replayKey({
    onSample: (from, sample) => {
      if (track && from === index) {
        const { pts, dts, wall, key, data } = sample;
        found = { track, sample: { pts, dts, wall, key, data: Uint8Array.from(data) } };
      }
    },
  });
  return found;
}

/** A key frame as JPEG: the camera's own, else decoded here, else by ffmpeg. @throws PerchError 'unsupported' */
export async function pictureOfKey(
  { track, sample }: LiveKey,
  width: number | undefined,
  pictures: Pick<Pictures, 'make'>,
): Promise<JpegOfMoment> {
  const timeUs = Math.round(sample.wall * 1000);
  if (track.codec === 'mjpeg') {
    return { jpeg: sample.data, timeUs, by: 'camera' };
  }
  const coded = recordOf(track);
  try {
    if (!coded) {
      throw new PerchError('unsupported', `pictures of ${track.codec} are not decoded here: install ffmpeg`);
    }
    const samples = [{ data: sample.data.slice(), time: 0 }];
    const { jpeg } = await pictures.make({ coded: { ...coded, samples, until: 0 }, width });
    return { jpeg, timeUs, by: 'perch' };
  } catch (error) {
    const isUnsupported = error instanceof PerchError && error.code === 'unsupported';
    const jpeg =
      isUnsupported && codecOf(track).sampleEntry ? await pictureByFfmpeg(mp4Of(track, sample), width) : undefined;
    if (!jpeg) {
      throw error;
    }
    return { jpeg, timeUs, by: 'ffmpeg' };
  }
}

function mp4Of(track: Track, sample: Sample): Uint8Array {
  const run = { track: 0, baseTime: 0, samples: [sample], endDts: sample.dts + track.clockRate };
  return join([writeInit([track]), writeFragmentHeader(1, [tableOf(run)]), sample.data]);
}
