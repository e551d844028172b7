import { PerchError } from '../../base/errors.ts';
import { fourcc } from '../../media/mp4/box/boxes.ts';
import { type BoxLocation, boxAt, childrenOf, need, uint64, versionOf, viewOf } from '../../media/mp4/box/walk.ts';
import { lastUpTo } from '../../media/mp4/table/sample-search.ts';
import type { SampleTable } from '../../media/mp4/table/sample-table.ts';
import { MFHD, MOOF, TFDT, TFHD, TRAF } from '../../media/mp4/write/fragment.ts';

const FREE = fourcc('free');
/** Checksum of the fragment as recorded, invalid after patching. */
const PRCS = fourcc('prcs');
const TFHD_BASE_OFFSET = 1;
/** Maximum size of the headers before `mdat`, which are read as a whole. */
const MAX_HEADER_BYTES = 8 << 20;

type FragmentPlaces = Pick<SampleTable, 'fragmentCount' | 'fragmentOffsets' | 'headerBytes'>;

/** [start, end). */
interface FileRange {
  readonly start: number;
  readonly end: number;
}

/** Patches fragment headers while they are sent: sequence numbers, and times by a constant per track. */
export class MoofPatch {
  /** The table without its samples: downloads are cached longer. */
  readonly #table: FragmentPlaces;
  readonly #sequenceOffset: number;
  readonly #shiftTicks: ReadonlyMap<number, number>;

  /**
   * @param sequenceOffset added to a fragment's index in the file (from 0)
   * @param shiftTicks by track id; other tracks are removed
   */
  constructor(table: FragmentPlaces, sequenceOffset: number, shiftTicks: ReadonlyMap<number, number>) {
    const { fragmentCount, fragmentOffsets, headerBytes } = table;
    this.#table = { fragmentCount, fragmentOffsets, headerBytes };
    this.#sequenceOffset = sequenceOffset;
    this.#shiftTicks = shiftTicks;
  }

  get memoryBytes(): number {
    return this.#table.fragmentOffsets.byteLength + this.#table.headerBytes.byteLength;
  }

  get sequenceOffset(): number {
    return this.#sequenceOffset;
  }

  /** The range to read so that no header is cut: `wanted`, extended or, at its end, shortened. */
  whole(wanted: FileRange): FileRange {
    const first = this.#headerAt(wanted.start);
    const last = this.#headerAt(wanted.end - 1);
    const start = first?.start ?? wanted.start;
    if (!last || last.end <= wanted.end) {
      return { start, end: wanted.end };
    }
    return { start, end: last.start > wanted.start ? last.start : last.end };
  }

  /**
   * @param chunk the file's bytes from `fileOffset` on, without cut headers
   * @param moved offset in the download minus offset in the file
   * @throws PerchError if fragments are missing
   */
  apply(chunk: Uint8Array, fileOffset: number, moved: number): void {
    const { fragmentCount, fragmentOffsets, headerBytes } = this.#table;
    for (let i = lastUpTo(fragmentOffsets, fragmentCount, fileOffset); i < fragmentCount; i += 1) {
      const at = (fragmentOffsets[i] as number) - fileOffset;
      if (at >= chunk.length) {
        return;
      }
      if (at >= 0) {
        const header = chunk.subarray(at, at + (headerBytes[i] as number));
        this.#applyTo(header, (this.#sequenceOffset + i) % 2 ** 32, moved);
      }
    }
  }

  #applyTo(header: Uint8Array, sequence: number, moved: number): void {
    const view = viewOf(header);
    const moof = boxAt(view, 0, header.length);
    if (moof?.type !== MOOF || moof.end > header.length) {
      throw new PerchError('unavailable', 'recording has changed');
    }
    for (const child of childrenOf(view, moof)) {
      if (child.type === MFHD) {
        need(child, 8);
        view.setUint32(child.bodyStart + 4, sequence);
      } else if (child.type === TRAF) {
        this.#applyToTraf(view, child, moved);
      } else if (child.type === PRCS) {
        view.setUint32(child.start + 4, FREE);
      }
    }
  }

  #applyToTraf(view: DataView, traf: BoxLocation, moved: number): void {
    let shift: number | undefined;
    for (const part of childrenOf(view, traf)) {
      if (part.type === TFHD) {
        need(part, 8);
        shift = this.#shiftTicks.get(view.getUint32(part.bodyStart + 4));
        if (view.getUint32(part.bodyStart) & TFHD_BASE_OFFSET) {
          need(part, 16);
          writeUint64(view, part.bodyStart + 8, uint64(view, part.bodyStart + 8) + moved);
        }
      } else if (part.type === TFDT && shift !== undefined) {
        const at = part.bodyStart + 4;
        if (versionOf(view, part) === 1) {
          need(part, 12);
          writeUint64(view, at, uint64(view, at) + shift);
        } else {
          need(part, 8);
          view.setUint32(at, view.getUint32(at) + shift);
        }
      }
    }
    if (shift === undefined) {
      view.setUint32(traf.start + 4, FREE);
    }
  }

  /** The header that contains a byte. */
  #headerAt(place: number): FileRange | undefined {
    const { fragmentCount, fragmentOffsets, headerBytes } = this.#table;
    const i = lastUpTo(fragmentOffsets, fragmentCount, place);
    const start = fragmentOffsets[i] ?? Number.POSITIVE_INFINITY;
    const sizeBytes = headerBytes[i] ?? 0;
    if (place < start || place >= start + sizeBytes) {
      return undefined;
    }
    if (sizeBytes > MAX_HEADER_BYTES) {
      throw new PerchError('unavailable', `fragment header of ${sizeBytes} bytes, at most ${MAX_HEADER_BYTES}`);
    }
    return { start, end: start + sizeBytes };
  }
}

function writeUint64(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / 2 ** 32));
  view.setUint32(at + 4, value % 2 ** 32);
}
