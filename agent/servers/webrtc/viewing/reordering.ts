import type { Sample } from '../../../media/sample.ts';
import type { Reader, Stream } from '../../../stream/stream.ts';

/** What a viewer of such a stream is told. */
export const REORDERED =
  "WebRTC doesn't support H264 streams with B-frames: turn them off in the camera, or watch it over HLS";

/** Looks into the stream's last group: a viewer of a stream with B-frames is told at once, not after its first picture. */
export function hasReordering(stream: Stream, videoTrack: number): boolean {
  let found = false;
  const probe: Reader = {
    type: 'hidden',
    id: 'b-frame-probe',
    countsHolds: true,
    onSample: (track: number, sample: Sample) => {
      found ||= track === videoTrack && sample.pts !== sample.dts;
    },
    onTrack: () => {},
    onEnd: () => {},
  };
  stream.addReader(probe, true);
  stream.removeReader(probe);
  return found;
}
