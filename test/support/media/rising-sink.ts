import type { Sample } from '../../../agent/media/sample/sample.ts';
import type { Track } from '../../../agent/media/sample/track.ts';
import type { StreamSink } from '../../../agent/stream/contracts.ts';
import { Stream } from '../../../agent/stream/stream.ts';

/** Takes one stream, and checks the times of its samples. */
export class RisingSink implements StreamSink {
  samples = 0;
  readonly faults: string[] = [];
  readonly #last: number[] = [];

  publish(tracks: readonly Track[]): Stream {
    const stream = new Stream(tracks);
    const onSample = (track: number, sample: Sample) => this.#check(track, sample);
    const onEnd = (cause?: unknown) => void (cause !== undefined && this.faults.push(String(cause)));
    stream.addReader({ id: 'rising', onSample, onTrack: () => {}, onEnd }, false);
    return stream;
  }

  #check(track: number, { pts, dts }: Sample): void {
    this.samples += 1;
    const last = this.#last[track] ?? -1;
    if (!(dts > last && pts >= dts) || !Number.isSafeInteger(dts) || !Number.isSafeInteger(pts)) {
      this.faults.push(`track ${track}: dts ${dts} and pts ${pts} after ${last}`);
    }
    this.#last[track] = dts;
  }
}
