import type { MediaFile, PartLine, SegmentLine } from '../contracts/hls-muxer.ts';
import type { Part } from './part.ts';

/** A whole segment, with one hold on each of its parts. */
export class Segment implements MediaFile {
  readonly name: string;
  readonly type: MediaFile['type'];
  readonly sizeBytes: number;
  readonly pieces: readonly Uint8Array[];
  readonly parts: readonly Part[];
  readonly init: MediaFile;
  /** The segment's playlist line with its parts. */
  readonly line: SegmentLine;
  /** The same without parts, when they are no longer listed. */
  readonly bareLine: SegmentLine;

  constructor(
    facts: Omit<SegmentLine, 'init' | 'parts'>,
    init: MediaFile,
    parts: readonly Part[],
    listed: readonly PartLine[],
  ) {
    this.name = facts.name;
    this.type = init.type;
    this.parts = parts;
    this.init = init;
    this.pieces = joined(parts.flatMap((part) => part.pieces));
    this.sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
    this.bareLine = { ...facts, init, parts: [] };
    this.line = listed.length === 0 ? this.bareLine : { ...facts, init, parts: listed };
  }

  hold(): void {
    for (const part of this.parts) {
      part.hold();
    }
  }

  release(): void {
    for (const part of this.parts) {
      part.release();
    }
  }
}

/** Pieces that follow each other in one buffer as one: fewer to write. */
function joined(pieces: readonly Buffer[]): Buffer[] {
  const all: Buffer[] = [];
  let last: Buffer | undefined;
  for (const piece of pieces) {
    if (last && last.buffer === piece.buffer && last.byteOffset + last.length === piece.byteOffset) {
      last = Buffer.from(last.buffer, last.byteOffset, last.length + piece.length);
      all[all.length - 1] = last;
    } else {
      last = piece;
      all.push(piece);
    }
  }
  return all;
}
