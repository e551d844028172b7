import { readTs, type TsUnit } from '../support/media/ts-packets.ts';
import type { Segment } from './playlist.ts';

/** The tolerance of a presentation time: decode order and the unknown duration of the last picture move it by a picture. */
const DURATION_S = 0.15;

/** The segments of an MPEG-TS playlist in order. */
export class TsSegments {
  /** Presentation time of the first picture of the newest one. */
  startS = 0;
  #before:
    | { readonly number: number; readonly bytes: Uint8Array; readonly durationS: number; readonly startS: number }
    | undefined;

  take(segment: Segment, bytes: Uint8Array, claimsIndependence: boolean): string[] {
    try {
      return this.#check(segment, bytes, claimsIndependence);
    } catch (error) {
      return [`media: segment ${segment.number}: ${error instanceof Error ? error.message : error}`];
    }
  }

  #check(segment: Segment, bytes: Uint8Array, claimsIndependence: boolean): string[] {
    const { order, units, streams } = readTs(bytes);
    const found: string[] = [];
    if (order[0] !== 'pat' || order[1] !== 'pmt') {
      found.push(
        `tables: segment ${segment.number} begins with ${order.slice(0, 2).join(' and ')}, not with PAT and PMT`,
      );
    }
    const isVideo = ({ pid }: TsUnit) => [0x1b, 0x24].includes(streams.get(pid)?.type ?? 0);
    const pictures = units.some(isVideo) ? units.filter(isVideo) : units;
    const [first] = pictures;
    if (!first) {
      return [...found, `empty: segment ${segment.number} has no pictures`];
    }
    // Every frame of sound is one to begin with, and need not say so.
    if (claimsIndependence && isVideo(first) && !first.isRandomAccess) {
      found.push(
        `independence: segment ${segment.number} does not begin with a key sample, the playlist claims all do`,
      );
    }
    const before = this.#before;
    this.startS = first.dts / 90_000;
    this.#before = { number: segment.number, bytes, durationS: segment.durationS, startS: this.startS };
    if (before?.number === segment.number - 1 && !segment.isDiscontinuity) {
      // Throws where the counters of the packets do not run on.
      readTs(Buffer.concat([before.bytes, bytes]));
      const apartS = this.startS - before.startS;
      if (Math.abs(apartS - before.durationS) > 1e-4) {
        found.push(`duration: segment ${before.number} lasts ${apartS} s, its line says ${before.durationS} s`);
      }
    }
    const last = pictures.at(-1) as TsUnit;
    const spanS = (last.dts - first.dts) / 90_000;
    if (spanS > segment.durationS + 1e-4 || spanS < segment.durationS - DURATION_S - 1) {
      found.push(
        `duration: pictures of segment ${segment.number} are ${spanS} s apart, its line says ${segment.durationS} s`,
      );
    }
    return found;
  }
}
