import type { UnitSink } from '../../payload/depacketizer.ts';
import { AUDIO_SAMPLES, SampleBuffer } from '../../sample/sample-buffer.ts';
import type { ProgramTicks } from './clock.ts';
import type { Elementary } from './pes.ts';
import type { UnitOffset } from './pes-times.ts';

/*
 * A cell of a metadata access unit (ISO/IEC 13818-1 §2.12.4):
 *   service id 8 | sequence number 8 | fragment 2 (11: whole, 10: first, 00: middle, 01: last), flags 2, reserved 4 | length 16 | data
 */
const CELL_HEADER_BYTES = 5;
const FIRST_OF_UNIT = 0x80;
const LAST_OF_UNIT = 0x40;

/** KLV: a unit in each PES packet, or in the cells of a metadata stream. A PES packet without time has that of the programme. */
export class KlvElementary implements Elementary {
  readonly #hasCells: boolean;
  readonly #sink: UnitSink;
  readonly #clock: ProgramTicks;
  readonly #place: UnitOffset;
  readonly #buffer = new SampleBuffer(AUDIO_SAMPLES);
  #isDescribed = false;

  constructor(hasCells: boolean, sink: UnitSink, clock: ProgramTicks, place: UnitOffset) {
    this.#hasCells = hasCells;
    this.#sink = sink;
    this.#clock = clock;
    this.#place = place;
  }

  push(data: Uint8Array, start: number, end: number, pts: number, _dts: number, position: number): void {
    const ticks = Number.isNaN(pts) ? this.#clock.newest : this.#clock.unwrap(pts);
    if (Number.isNaN(ticks)) {
      return;
    }
    this.#place.position = position;
    if (!this.#isDescribed) {
      this.#isDescribed = true;
      this.#sink.onTrack({ kind: 'data', codec: 'klv', clockRate: 90_000 });
    }
    if (this.#hasCells) {
      this.#takeCells(data, start, end, ticks);
    } else if (start < end && this.#buffer.append(data, start, end)) {
      this.#sink.onUnit(ticks, ticks, true, this.#buffer.take());
    }
  }

  lose(reason: string): void {
    this.#buffer.drop();
    this.#sink.onDamage(reason);
  }

  restart(): void {
    this.#buffer.drop();
  }

  end(): void {}

  #takeCells(data: Uint8Array, start: number, end: number, ticks: number): void {
    const buffer = this.#buffer;
    for (let at = start; at + CELL_HEADER_BYTES <= end; ) {
      const flags = data[at + 2] as number;
      const body = at + CELL_HEADER_BYTES;
      const next = body + (((data[at + 3] as number) << 8) | (data[at + 4] as number));
      if (next > end) {
        this.lose('a metadata cell ends after its PES packet');
        return;
      }
      if (flags & FIRST_OF_UNIT) {
        buffer.drop();
      }
      const isBegun = (flags & FIRST_OF_UNIT) !== 0 || buffer.sizeBytes > 0;
      if (isBegun && !buffer.append(data, body, next)) {
        this.lose('KLV unit is too large');
      } else if (isBegun && flags & LAST_OF_UNIT && buffer.sizeBytes > 0) {
        this.#sink.onUnit(ticks, ticks, true, buffer.take());
      }
      at = next;
    }
  }
}
