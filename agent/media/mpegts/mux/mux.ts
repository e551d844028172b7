import { PerchError } from '../../../base/errors.ts';
import { codecOf } from '../../codecs.ts';
import type { Sample } from '../../sample/sample.ts';
import type { Track } from '../../sample/track.ts';
import { PACKET_BYTES, SYNC_BYTE } from '../packetize.ts';
import type { TsFormat } from '../stream-format.ts';
import { type ElementaryStream, elementaryStreamOf, MAX_ADTS_BYTES, MAX_KLV_BYTES } from './elementary.ts';
import { NULL_PID, PacketWriter, packetBytesOf } from './packet-writer.ts';
import { PMT_PID, pidOf, writePat, writePmt } from './tables.ts';

const CLOCK_HZ = 90_000;
const WRAP = 2 ** 33;
/** Time of the first sample: leaves a second for older samples of other tracks and for the PCR's lead. */
export const START_TICKS = 2 * CLOCK_HZ;
/** Lead of the PCR before the decode time: the lag between tracks in a part. */
const PCR_LEAD_TICKS = CLOCK_HZ;
/** Interval of the PCR on the clock's track: at 10 pictures a second or more there is one every 100 ms (§2.7.2). */
const PCR_EVERY_TICKS = 0.04 * CLOCK_HZ;
/** After this time it is sent in a packet of its own, with a sample of another track. */
const PCR_LATE_TICKS = 0.09 * CLOCK_HZ;

/*
 * The header of a PES packet (ISO/IEC 13818-1 §2.4.3.6):
 *   00 00 01 | stream id 8 | packet length 16 (0: to the next one, only for video)
 *   flags 16 | header length 8 | PTS 40 | DTS 40 (only where it differs)
 */
const MAX_PES_HEADER_BYTES = 19;
const PES_FLAGS = 0x84; // '10', data_alignment_indicator: a unit starts with the packet

/** Muxes samples into a transport stream of one programme, for a fixed list of tracks. Tables are repeated wherever players may join. */
export class TsMuxer {
  readonly #tracks: Track[];
  readonly #formats: readonly TsFormat[];
  readonly #streams: ElementaryStream[];
  readonly #clockTrack: number;
  readonly #pat = writePat();
  readonly #pmt: Uint8Array;
  readonly #out = new PacketWriter();
  readonly #header = Uint8Array.of(0, 0, 1, 0, 0, 0, PES_FLAGS, ...new Array(12).fill(0));
  readonly #saved: Uint8Array;
  #savedPcrTicks = Number.NEGATIVE_INFINITY;
  /** Decode time of the last PCR. */
  #pcrTicks = Number.NEGATIVE_INFINITY;
  /** The tables were written last. */
  #hasTables = false;

  /** @throws PerchError 'unsupported': transport streams cannot carry a track */
  constructor(tracks: readonly Track[]) {
    this.#tracks = [...tracks];
    this.#formats = tracks.map((track) => {
      const codec = codecOf(track);
      const format = codec.tsFormat?.(track);
      if (!format) {
        throw new PerchError('unsupported', `MPEG-TS has no place for ${codec.label}`);
      }
      return format;
    });
    this.#streams = tracks.map(elementaryStreamOf);
    this.#clockTrack = Math.max(
      0,
      tracks.findIndex((track) => track.kind === 'video'),
    );
    this.#pmt = writePmt(this.#formats, this.#clockTrack);
    this.#saved = new Uint8Array(tracks.length + 2);
  }

  /** Upper bound of the bytes that `begin` writes. */
  get tableBytes(): number {
    return this.#pat.length + this.#pmt.length;
  }

  /** Upper bound of the bytes that `write` writes for a sample. */
  maxBytesOf(track: number, sample: Sample): number {
    const stream = this.#streams[track] as ElementaryStream;
    const pesBytes = MAX_PES_HEADER_BYTES + stream.prefixBytesOf(sample) + sample.data.length;
    const isClock = track === this.#clockTrack;
    const besides = isClock ? 0 : PACKET_BYTES;
    return packetBytesOf(pesBytes) + (isClock && sample.key ? this.tableBytes : besides);
  }

  /** Begins a part with the tables in `out`, which has room for them and all samples. */
  begin(out: Uint8Array): void {
    this.#save();
    this.#out.into(out);
    this.#putTables();
  }

  /** Continues in `out` without tables, which precede key pictures. */
  resume(out: Uint8Array): void {
    this.#save();
    this.#out.into(out);
    this.#hasTables = false;
  }

  /** Changes the parameter sets of a track, from the next key picture on. The codec must be the same. */
  describe(track: number, description: Track): void {
    this.#tracks[track] = description;
    this.#streams[track] = elementaryStreamOf(description);
  }

  /** Bytes of the part so far: whole packets. */
  get sizeBytes(): number {
    return this.#out.sizeBytes;
  }

  /** Discards the part: the next one continues from the previous part. */
  takeBack(): void {
    this.#pcrTicks = this.#savedPcrTicks;
    this.#out.setCounter(0, this.#saved[0] as number);
    this.#out.setCounter(PMT_PID, this.#saved[1] as number);
    for (let i = 0; i < this.#tracks.length; i += 1) {
      this.#out.setCounter(pidOf(i), this.#saved[2 + i] as number);
    }
  }

  /** A packet that players ignore. @param bytes at most 184 */
  putNull(bytes: Uint8Array): void {
    const packet = new Uint8Array(PACKET_BYTES).fill(0xff);
    packet.set([SYNC_BYTE, NULL_PID >> 8, NULL_PID & 0xff, 0x10]);
    packet.set(bytes, 4);
    this.#out.copyPackets(NULL_PID, packet);
    this.#hasTables = false;
  }

  /**
   * Call in about the order of decode times.
   * @param baseDts start of the stream, in ticks of the track
   */
  write(track: number, sample: Sample, baseDts: number): void {
    const description = this.#tracks[track] as Track;
    if (description.codec === 'aac' && sample.data.length > MAX_ADTS_BYTES) {
      // No AAC frame is this long (6,144 bits for each of at most 8 channels): it would end the reading of all after it.
      return;
    }
    if (description.codec === 'klv' && sample.data.length > MAX_KLV_BYTES) {
      return;
    }
    const scale = CLOCK_HZ / description.clockRate;
    const dts = START_TICKS + Math.round((sample.dts - baseDts) * scale);
    const pts = START_TICKS + Math.round((sample.pts - baseDts) * scale);
    const isKeyPicture = sample.key && description.kind === 'video';
    if (isKeyPicture && track === this.#clockTrack && !this.#hasTables) {
      this.#putTables();
    }
    this.#hasTables = false;
    const pcr = this.#pcrFor(track, dts, isKeyPicture);
    const stream = this.#streams[track] as ElementaryStream;
    const unitBytes = stream.prefixBytesOf(sample) + sample.data.length;
    const headerBytes = this.#pesHeader(track, unitBytes, wrap(pts), wrap(dts));
    this.#out.begin(pidOf(track), headerBytes + unitBytes, pcr, isKeyPicture);
    this.#out.put(this.#header, 0, headerBytes);
    stream.put(sample, this.#out);
  }

  /** @returns the PCR that this sample carries, or -1 */
  #pcrFor(track: number, dts: number, isKeyPicture: boolean): number {
    const sinceTicks = dts - this.#pcrTicks;
    const isDue = sinceTicks >= PCR_EVERY_TICKS || (isKeyPicture && sinceTicks > 0);
    if (track === this.#clockTrack ? !isDue : sinceTicks < PCR_LATE_TICKS) {
      return -1;
    }
    this.#pcrTicks = dts;
    const pcr = wrap(dts - PCR_LEAD_TICKS);
    if (track === this.#clockTrack) {
      return pcr;
    }
    this.#out.putPcr(pidOf(this.#clockTrack), pcr);
    return -1;
  }

  /** @returns its size */
  #pesHeader(track: number, unitBytes: number, pts: number, dts: number): number {
    const header = this.#header;
    const hasDts = pts !== dts;
    const timesBytes = hasDts ? 10 : 5;
    const lengthBytes = 3 + timesBytes + unitBytes;
    const isBounded = lengthBytes <= 0xffff;
    header[3] = (this.#formats[track] as TsFormat).streamId;
    header[4] = isBounded ? lengthBytes >> 8 : 0;
    header[5] = isBounded ? lengthBytes : 0;
    header[7] = hasDts ? 0xc0 : 0x80;
    header[8] = timesBytes;
    putTime(header, 9, hasDts ? 0x30 : 0x20, pts);
    if (hasDts) {
      putTime(header, 14, 0x10, dts);
    }
    return 9 + timesBytes;
  }

  #putTables(): void {
    this.#out.copyPackets(0, this.#pat);
    this.#out.copyPackets(PMT_PID, this.#pmt);
    this.#hasTables = true;
  }

  #save(): void {
    this.#savedPcrTicks = this.#pcrTicks;
    this.#saved[0] = this.#out.counterOf(0);
    this.#saved[1] = this.#out.counterOf(PMT_PID);
    for (let i = 0; i < this.#tracks.length; i += 1) {
      this.#saved[2 + i] = this.#out.counterOf(pidOf(i));
    }
  }
}

const wrap = (ticks: number): number => ((ticks % WRAP) + WRAP) % WRAP;

/** 33 bits in five bytes with three marker bits (§2.4.3.7). */
function putTime(out: Uint8Array, at: number, prefix: number, time: number): void {
  const low = time % 2 ** 30;
  const high = (time - low) / 2 ** 30;
  out[at] = prefix | (high << 1) | 1;
  out[at + 1] = low >>> 22;
  out[at + 2] = (low >>> 14) | 1;
  out[at + 3] = low >>> 7;
  out[at + 4] = (low << 1) | 1;
}
