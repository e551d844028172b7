/** Kinds of slices; numbers of H.265 §7.4.7.1 in another order, because a picture counts as the highest of its slices. */
export const SLICE_TYPE = { i: 0, p: 1, b: 2 } as const;
export type SliceType = (typeof SLICE_TYPE)[keyof typeof SLICE_TYPE];

/** Reads slice headers as far as the quantiser. One instance serves one track; its fields are those of the last slice. */
export interface SliceReader {
  readonly type: SliceType;
  /** SliceQpY: up to 51, below 0 with more than 8 bits. */
  readonly qp: number;
  /** Address of its first macroblock or coding tree unit. */
  readonly firstUnit: number;
  /** Later pictures may refer to its picture. */
  readonly isReference: boolean;
  /** @returns whether `data[start, end)` is a slice with a header that can be read */
  read(data: Uint8Array, start: number, end: number): boolean;
}
