import type { NalTrack } from '../sample/track.ts';
import type { PictureOrder } from './decode-times.ts';

/** The role of a NAL unit in its access unit. Numbers, because each NAL unit is classified. */
export const NAL = {
  /** Not kept: filler, end marks, layers without a decoder, reserved types. */
  drop: 0,
  /** Access unit delimiter: not kept, starts an access unit. */
  delimiter: 1,
  /** Parameter set: kept on the track. */
  parameters: 2,
  /** SEI: kept. Small; carries captions, camera times and recovery points. */
  prefix: 3,
  slice: 4,
  /** Kept, belongs to the slices before it. */
  suffix: 5,
} as const;
export type NalKind = (typeof NAL)[keyof typeof NAL];

/** Whether a slice is the first of its picture. */
export const SLICE = {
  continues: 0,
  begins: 1,
  /** Second field of a frame: belongs to the first, or stands alone if it has its own timestamp. */
  either: 2,
} as const;
export type SliceStart = (typeof SLICE)[keyof typeof SLICE];

/** How many references of a picture were delivered. */
export const REFERENCES = {
  /** Unknown. */
  unknown: 0,
  /** At least one is missing. */
  missing: 1,
  /** All, but not all references of later pictures. */
  there: 2,
  /** All, and all references of later pictures: no picture needs the lost ones. */
  all: 3,
} as const;
export type References = (typeof REFERENCES)[keyof typeof REFERENCES];

/** What the codec reads from NAL units. `header` is the NAL unit header as a number, of 1 (H.264) or 2 bytes (H.265). */
export interface NalRules {
  readonly headerBytes: 1 | 2;
  kindOf(header: number): NalKind;
  isKey(header: number): boolean;
  /** The picture of this slice is not a reference. */
  isDisposable(header: number): boolean;
  /** Each slice header names the pictures that it refers to: after a loss, the next picture shows whether it was needed. */
  readonly namesReferences: boolean;
  /** @param at first byte after the NAL unit header */
  sliceStart(header: number, data: Uint8Array, at: number, end: number): SliceStart;
  /** An SEI NAL unit with a recovery point. */
  isRecoveryPoint(data: Uint8Array, start: number, end: number): boolean;
  /** Keeps a copy of the parameter set if it is new and valid. */
  keepParameters(data: Uint8Array, start: number, end: number): void;
  /** Reads the first slice header of a unit and sets `poc`, `startsOrder` and `track`. */
  readSlice(data: Uint8Array, start: number, end: number): void;
  /** The state of the references of the last slice read. @param ticks its time */
  references(ticks: number): References;
  /** The unit of the last slice read is delivered. @param ticks its time */
  accept(ticks: number): void;
  /** Picture order count, or undefined if unknown. */
  readonly poc: number | undefined;
  /** Picture order counts restart with this unit. */
  readonly startsOrder: boolean;
  /** The description that the slice refers to: the same object until it changes, or undefined if its parameter sets are missing. */
  track(): NalTrack | undefined;
  /** From parameter sets without a slice, where the first PPS counts as the active one. */
  firstTrack(): NalTrack | undefined;
  order(): PictureOrder;
}
