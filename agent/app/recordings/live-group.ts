import { avcC, hvcC } from '../../media/mp4/entry/sample-entry.ts';
import type { Sample } from '../../media/sample/sample.ts';
import type { Track } from '../../media/sample/track.ts';
import type { CodedPicture } from '../../picture/contracts.ts';
import type { Stream } from '../../stream/stream.ts';

/** Decoded for one picture: a second of 1080p, ten of a small stream. Of a longer group the picture is that far from its start. */
const MAX_DECODED_PIXELS = 60e6;
const BOX_HEADER_BYTES = 8;
const LAST_TIME = 0x7fff_ffff;

type LiveStream = Pick<Stream, 'tracks' | 'replayGroup' | 'replayKey'>;

/** Whether the stream has video that Perch decodes. */
export const isDecodable = ({ tracks }: Pick<Stream, 'tracks'>): boolean =>
  tracks.some(({ codec }) => codec === 'h264' || codec === 'h265');

/** The newest picture of a stream, with those that it needs; undefined: of another codec, or none has arrived. */
export function liveGroup(stream: LiveStream): CodedPicture | undefined {
  const index = stream.tracks.findIndex(({ codec }) => codec === 'h264' || codec === 'h265');
  const track = stream.tracks[index];
  const coded = track && recordOf(track);
  if (!coded || track?.kind !== 'video') {
    return undefined;
  }
  const samples: { data: Uint8Array; time: number }[] = [];
  const maxSamples = Math.max(1, Math.floor(MAX_DECODED_PIXELS / Math.max(1, track.width * track.height)));
  let firstPts = 0;
  const sink = {
    onSample: (from: number, { data, pts }: Sample): void => {
      if (from === index && samples.length < maxSamples) {
        firstPts = samples.length === 0 ? pts : firstPts;
        samples.push({ data: Uint8Array.from(data), time: pts - firstPts });
      }
    },
  };
  stream.replayGroup(sink);
  if (samples.length === 0) {
    stream.replayKey(sink);
  }
  return samples.length === 0 ? undefined : { ...coded, samples, until: LAST_TIME };
}

function recordOf(track: Track): Pick<CodedPicture, 'codec' | 'record'> | undefined {
  if (track.codec === 'h264') {
    return { codec: 'h264', record: avcC(track).slice(BOX_HEADER_BYTES) };
  }
  return track.codec === 'h265' ? { codec: 'h265', record: hvcC(track).slice(BOX_HEADER_BYTES) } : undefined;
}
