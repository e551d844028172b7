/** The content of a transport stream, read strictly: throws for everything that ISO/IEC 13818-1 does not allow. */

export interface TsUnit {
  readonly pid: number;
  readonly streamId: number;
  /** 90 kHz, 33 bits. */
  readonly pts: number;
  readonly dts: number;
  readonly isRandomAccess: boolean;
  readonly data: Uint8Array;
}

export interface TsContents {
  /** `pat`, `pmt`, `null`, `pcr` (alone) or the number of a unit, in the order of the packets that begin them. */
  readonly order: readonly (string | number)[];
  readonly units: readonly TsUnit[];
  /** Value of each PCR in 90 kHz and the number of its packet. */
  readonly pcrs: readonly { readonly pid: number; readonly value: number; readonly packet: number }[];
  /** Streams by PID: stream type and descriptors. */
  readonly streams: ReadonlyMap<number, { readonly type: number; readonly descriptors: Uint8Array }>;
  readonly clockPid: number;
}

interface Draft {
  readonly pieces: Uint8Array[];
  readonly isRandomAccess: boolean;
  readonly index: number;
}

export function readTs(bytes: Uint8Array): TsContents {
  return new TsReader().read(bytes);
}

const hasEnded = (draft: Draft): boolean => {
  const all = Buffer.concat(draft.pieces);
  return all.length >= 6 && all.readUInt16BE(4) > 0 && all.length >= 6 + all.readUInt16BE(4);
};

class TsReader {
  readonly #order: (string | number)[] = [];
  readonly #units: TsUnit[] = [];
  readonly #pcrs: { pid: number; value: number; packet: number }[] = [];
  readonly #streams = new Map<number, { type: number; descriptors: Uint8Array }>();
  readonly #counters = new Map<number, number>();
  readonly #drafts = new Map<number, Draft>();
  #clockPid = -1;
  #pmtPid = -1;
  #units0 = 0;
  #pmt: Uint8Array[] = [];

  read(bytes: Uint8Array): TsContents {
    check(bytes.length % 188 === 0, `${bytes.length} bytes are no whole packets`);
    for (let at = 0; at < bytes.length; at += 188) {
      this.#packet(bytes.subarray(at, at + 188), at / 188);
    }
    for (const pid of [...this.#drafts.keys()]) {
      this.#end(pid);
    }
    const { length } = this.#units.filter(Boolean);
    check(length === this.#units0, `${length} of ${this.#units0} units`);
    return {
      order: this.#order,
      units: this.#units,
      pcrs: this.#pcrs,
      streams: this.#streams,
      clockPid: this.#clockPid,
    };
  }

  #packet(packet: Uint8Array, number: number): void {
    const view = new DataView(packet.buffer, packet.byteOffset, 188);
    check(packet[0] === 0x47, `packet ${number} has no sync byte`);
    const isStart = (view.getUint8(1) & 0x40) !== 0;
    const pid = view.getUint16(1) & 0x1fff;
    const control = view.getUint8(3) & 0x30;
    check((view.getUint8(1) & 0xa0) === 0 && (view.getUint8(3) & 0xc0) === 0 && control !== 0, 'header bits');
    if (pid === 0x1fff) {
      this.#order.push('null');
      return;
    }
    this.#count(pid, view.getUint8(3) & 0x0f, (control & 0x10) !== 0);
    const { bodyStart, isRandomAccess } = this.#adaptation(view, pid, control, number);
    if ((control & 0x10) === 0) {
      check(bodyStart === 188, 'an adaptation field alone fills its packet');
      this.#order.push('pcr');
      return;
    }
    check(bodyStart < 188, 'a payload has bytes');
    const body = packet.subarray(bodyStart);
    if (pid === 0 || pid === this.#pmtPid) {
      this.#section(pid, isStart, body);
    } else {
      this.#payload(pid, isStart, isRandomAccess, body);
    }
  }

  #count(pid: number, counter: number, hasPayload: boolean): void {
    const before = this.#counters.get(pid);
    const expected = before === undefined ? counter : (before + (hasPayload ? 1 : 0)) & 0x0f;
    check(counter === expected, `continuity counter ${counter} of PID ${pid}, ${expected} expected`);
    this.#counters.set(pid, counter);
  }

  #adaptation(view: DataView, pid: number, control: number, packet: number) {
    if ((control & 0x20) === 0) {
      return { bodyStart: 4, isRandomAccess: false };
    }
    const length = view.getUint8(4);
    const flags = length > 0 ? view.getUint8(5) : 0;
    let used = length > 0 ? 1 : 0;
    if (flags & 0x10) {
      used += 6;
      const value = view.getUint32(6) * 2 + (view.getUint8(10) >> 7);
      check((view.getUint16(10) & 0x7fff) === 0x7e00, 'reserved bits and extension of the PCR');
      this.#pcrs.push({ pid, value, packet });
    }
    check(used <= length || length === 0, 'the adaptation field holds its PCR');
    for (let at = 5 + used; at < 5 + length; at += 1) {
      check(view.getUint8(at) === 0xff, 'stuffing is 0xFF');
    }
    return { bodyStart: 5 + length, isRandomAccess: (flags & 0x40) !== 0 };
  }

  #section(pid: number, isStart: boolean, body: Uint8Array): void {
    if (isStart) {
      this.#order.push(pid === 0 ? 'pat' : 'pmt');
      check(body[0] === 0, 'the section begins after the pointer');
      this.#pmt = [body.subarray(1)];
    } else {
      this.#pmt.push(body);
    }
    const all = Buffer.concat(this.#pmt);
    const length = 3 + (all.readUInt16BE(1) & 0x0fff);
    if (all.length < length) {
      return;
    }
    check(mpegCrc(all.subarray(0, length)) === 0, 'the CRC of the section');
    if (pid === 0) {
      this.#pmtPid = all.readUInt16BE(10) & 0x1fff;
      return;
    }
    this.#clockPid = all.readUInt16BE(8) & 0x1fff;
    for (let at = 12 + (all.readUInt16BE(10) & 0x0fff); at < length - 4; ) {
      const end = at + 5 + (all.readUInt16BE(at + 3) & 0x0fff);
      const entry = { type: all.readUInt8(at), descriptors: Uint8Array.from(all.subarray(at + 5, end)) };
      this.#streams.set(all.readUInt16BE(at + 1) & 0x1fff, entry);
      at = end;
    }
  }

  #payload(pid: number, isStart: boolean, isRandomAccess: boolean, body: Uint8Array): void {
    check(this.#streams.has(pid), `PID ${pid} is in the programme map`);
    if (isStart) {
      this.#end(pid);
      this.#order.push(this.#units0);
      this.#drafts.set(pid, { pieces: [], isRandomAccess, index: this.#units0 });
      this.#units0 += 1;
    }
    const draft = this.#drafts.get(pid);
    check(draft !== undefined, 'a unit begins with its first packet');
    check(draft !== undefined && !hasEnded(draft), 'nothing behind the end of a unit');
    draft?.pieces.push(body);
  }

  #end(pid: number): void {
    const draft = this.#drafts.get(pid);
    if (!draft) {
      return;
    }
    this.#drafts.delete(pid);
    const all = Buffer.concat(draft.pieces);
    check(all.readUIntBE(0, 3) === 1, 'the start code of a PES packet');
    const length = all.readUInt16BE(4);
    check(length === 0 || length === all.length - 6, `PES packet of ${all.length - 6} bytes says ${length}`);
    check(length > 0 || (all.readUInt8(3) & 0xf0) === 0xe0, 'only pictures come without a length');
    const hasDts = (all.readUInt8(7) & 0x40) !== 0;
    const pts = timeAt(all, 9, hasDts ? 3 : 2);
    const dts = hasDts ? timeAt(all, 14, 1) : pts;
    const data = Uint8Array.from(all.subarray(9 + all.readUInt8(8)));
    this.#units[draft.index] = {
      pid,
      streamId: all.readUInt8(3),
      pts,
      dts,
      isRandomAccess: draft.isRandomAccess,
      data,
    };
  }
}

function timeAt(bytes: Buffer, at: number, prefix: number): number {
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = bytes.subarray(at, at + 5);
  check(a >> 4 === prefix && (a & c & e & 1) === 1, 'prefix and markers of a time');
  return ((a >> 1) & 7) * 2 ** 30 + b * 2 ** 22 + (c >> 1) * 2 ** 15 + d * 2 ** 7 + (e >> 1);
}

/** Bit by bit, as the standard draws it. */
function mpegCrc(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit -= 1) {
      const top = (crc >>> 31) ^ ((byte >> bit) & 1);
      crc = ((crc << 1) ^ (top ? 0x04c1_1db7 : 0)) >>> 0;
    }
  }
  return crc;
}

function check(isTrue: boolean, what: string): void {
  if (!isTrue) {
    throw new Error(`not a transport stream: ${what}`);
  }
}
