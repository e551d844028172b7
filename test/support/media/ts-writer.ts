import { crc32 } from '../../../agent/media/mpegts/crc32.ts';

interface PesOptions {
  readonly pts?: number;
  readonly dts?: number;
  /** Writes the length of the PES packet instead of 0. */
  readonly isBounded?: boolean;
  readonly streamId?: number;
  /** Adaptation flags of the first packet: 0x80 discontinuity. */
  readonly flags?: number;
  readonly pcr?: number;
  /** transport_scrambling_control of its packets. */
  readonly scrambling?: number;
}

interface MapStream {
  readonly pid: number;
  readonly type: number;
  readonly descriptors?: readonly number[];
}

export const PMT_PID = 0x1000;

/** Writes transport streams packet by packet, also invalid ones. */
export class TsWriter {
  readonly packets: Uint8Array[] = [];
  readonly #counters = new Map<number, number>();

  get bytes(): Uint8Array {
    return Uint8Array.from(Buffer.concat(this.packets));
  }

  pat(programs: readonly (readonly [program: number, pid: number])[] = [[1, PMT_PID]]): this {
    const body = programs.flatMap(([program, pid]) => [...u16(program), ...u16(0xe000 | pid)]);
    return this.section(0, 0x00, 1, body);
  }

  pmt(streams: readonly MapStream[], version = 0, pid = PMT_PID): this {
    const body = streams.flatMap(({ pid: own, type, descriptors = [] }) => [
      type,
      ...u16(0xe000 | own),
      ...u16(0xf000 | descriptors.length),
      ...descriptors,
    ]);
    return this.section(pid, 0x02, 1, [...u16(0xe000 | (streams[0]?.pid ?? 0x1fff)), 0xf0, 0, ...body], version);
  }

  section(pid: number, table: number, extension: number, body: readonly number[], version = 0): this {
    const length = 5 + body.length + 4;
    const head = [table, ...u16(0xb000 | length), ...u16(extension), 0xc1 | (version << 1), 0, 0, ...body];
    const crc = crc32(Uint8Array.from(head), 0, head.length);
    const bytes = [0, ...head, crc >>> 24, (crc >>> 16) & 0xff, (crc >>> 8) & 0xff, crc & 0xff];
    for (let at = 0; at < bytes.length; at += 184) {
      const part = bytes.slice(at, at + 184);
      this.packet(pid, Uint8Array.from([...part, ...new Array(184 - part.length).fill(0xff)]), { isStart: at === 0 });
    }
    return this;
  }

  pes(pid: number, payload: Uint8Array, options: PesOptions = {}): this {
    const { pts, dts, isBounded = false, streamId = 0xe0, flags = 0, pcr, scrambling = 0 } = options;
    const times = [
      ...(pts === undefined ? [] : timeOf(pts, dts === undefined ? 2 : 3)),
      ...(dts === undefined ? [] : timeOf(dts, 1)),
    ];
    const timeFlags = (pts === undefined ? 0 : 0x80) | (dts === undefined ? 0 : 0x40);
    const length = isBounded ? 3 + times.length + payload.length : 0;
    const bytes = [0, 0, 1, streamId, ...u16(length), 0x80, timeFlags, times.length, ...times, ...payload];
    for (let at = 0; at < bytes.length; ) {
      const isStart = at === 0;
      const field = isStart && (flags !== 0 || pcr !== undefined) ? fieldOf(flags, pcr) : [];
      const room = 184 - (field.length === 0 ? 0 : field.length + 1);
      const part = bytes.slice(at, at + room);
      at += part.length;
      this.packet(pid, Uint8Array.from(part), { isStart, field, scrambling });
    }
    return this;
  }

  packet(
    pid: number,
    payload: Uint8Array,
    options: { isStart?: boolean; field?: readonly number[]; scrambling?: number } = {},
  ): this {
    const { isStart = false, field = [], scrambling = 0 } = options;
    const counter = this.#counters.get(pid) ?? 0;
    this.#counters.set(pid, (counter + 1) & 0x0f);
    const packet = new Uint8Array(188).fill(0xff);
    const fieldBytes = 184 - payload.length;
    packet.set([0x47, (isStart ? 0x40 : 0) | (pid >> 8), pid & 0xff]);
    packet[3] = (scrambling << 6) | (fieldBytes > 0 ? 0x30 : 0x10) | counter;
    if (fieldBytes > 0) {
      packet[4] = fieldBytes - 1;
      packet.set(fieldBytes === 1 ? [] : field.length > 0 ? field : [0], 5);
    }
    packet.set(payload, 188 - payload.length);
    this.packets.push(packet);
    return this;
  }
}

const u16 = (value: number): readonly number[] => [value >> 8, value & 0xff];

function fieldOf(flags: number, pcr: number | undefined): readonly number[] {
  if (pcr === undefined) {
    return [flags];
  }
  const high = Math.floor(pcr / 2);
  return [
    flags | 0x10,
    high >>> 24,
    (high >>> 16) & 0xff,
    (high >>> 8) & 0xff,
    high & 0xff,
    ((pcr & 1) << 7) | 0x7e,
    0,
  ];
}

function timeOf(time: number, prefix: number): readonly number[] {
  const high = Math.floor(time / 2 ** 30);
  const low = time % 2 ** 30;
  return [
    (prefix << 4) | (high << 1) | 1,
    low >>> 22,
    ((low >>> 14) & 0xfe) | 1,
    (low >>> 7) & 0xff,
    ((low << 1) & 0xfe) | 1,
  ];
}
