import { TsDemuxer, type TsStream } from '../../../agent/media/mpegts/demux/demuxer.ts';
import { TsMuxer } from '../../../agent/media/mpegts/mux/mux.ts';
import type { Sample } from '../../../agent/media/sample/sample.ts';
import type { Track } from '../../../agent/media/sample/track.ts';
import { Collector } from './units.ts';

export type Put = readonly [track: number, sample: Sample];

/** Samples as a transport stream. */
export function muxed(tracks: readonly Track[], puts: readonly Put[], baseDts = 0): Uint8Array {
  const muxer = new TsMuxer(tracks);
  const room = puts.reduce((sum, [track, put]) => sum + muxer.maxBytesOf(track, put), muxer.tableBytes);
  const out = new Uint8Array(room);
  muxer.begin(out);
  for (const [track, put] of puts) {
    muxer.write(track, put, baseDts);
  }
  return out.slice(0, muxer.sizeBytes);
}

/** A demuxer that collects what it delivers, of every programme. */
export function demuxing() {
  const programs: (readonly TsStream[])[] = [];
  const streams: Collector[] = [];
  const events: string[] = [];
  const demuxer = new TsDemuxer({
    onProgram(list) {
      programs.push(list);
      events.push('program');
      streams.splice(0, streams.length, ...list.map(() => new Collector()));
      return [...streams];
    },
    onDiscontinuity: () => events.push('discontinuity'),
    onDamage: (reason) => events.push(reason),
  });
  /** Pushes pieces of this size, whose memory is reused. */
  const push = (bytes: Uint8Array, pieceBytes = bytes.length) => {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const piece = bytes.slice(at, at + pieceBytes);
      demuxer.push(piece);
      piece.fill(0xee);
    }
  };
  return { demuxer, programs, streams, events, push };
}
