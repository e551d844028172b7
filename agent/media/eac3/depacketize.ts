import { createDepacketizer } from '../ac3/depacketize.ts';
import type { Depacketizer, RtpFormat, UnitSink } from '../payload/depacketizer.ts';
import { EAC3 } from './params.ts';

const WHOLE_FRAMES = 0;
const FIRST_FRAGMENT = 2;
const LATER_FRAGMENT = 3;

/** RFC 4598 §4.1.1: seven bits of 0, fragment 1, then the number of frames or of fragments (8). */
const typeOf = (header: number, isFragmented: boolean): number =>
  (header & 1) === 0 ? WHOLE_FRAMES : isFragmented ? LATER_FRAGMENT : FIRST_FRAGMENT;

export const createEac3Depacketizer = (format: RtpFormat, sink: UnitSink): Depacketizer | undefined =>
  createDepacketizer(EAC3, typeOf, format, sink);
