import type { Sample } from '../../../agent/media/sample/sample.ts';
import type { H264Track } from '../../../agent/media/sample/track.ts';

/** Real H.264 (Baseline, I_PCM and P_Skip macroblocks) of a few pixels, so that every decoder takes it: no encoder needed. */

const WIDTH_MBS = 4;
const HEIGHT_MBS = 3;
const FRAME_NUM_BITS = 8;

class BitWriter {
  readonly #bits: number[] = [];

  put(value: number, count: number): this {
    for (let shift = count - 1; shift >= 0; shift -= 1) {
      this.#bits.push((value >> shift) & 1);
    }
    return this;
  }

  /** ue(v) */
  golomb(...values: number[]): this {
    for (const value of values) {
      const length = 32 - Math.clz32(value + 1);
      this.put(0, length - 1).put(value + 1, length);
    }
    return this;
  }

  align(): this {
    while (this.#bits.length % 8 !== 0) {
      this.#bits.push(0);
    }
    return this;
  }

  /** A NAL unit with trailing bits and emulation prevention. */
  nal(header: number): Uint8Array {
    this.put(1, 1).align();
    const out = [header];
    let zeros = 0;
    for (let i = 0; i < this.#bits.length; i += 8) {
      const byte = this.#bits.slice(i, i + 8).reduce((sum, bit) => sum * 2 + bit, 0);
      if (zeros >= 2 && byte <= 3) {
        out.push(3);
        zeros = 0;
      }
      out.push(byte);
      zeros = byte === 0 ? zeros + 1 : 0;
    }
    return Uint8Array.from(out);
  }
}

const spsOf = (widthMbs: number): Uint8Array =>
  new BitWriter()
    .put(66, 8) // profile_idc: Baseline
    .put(0xc0, 8)
    .put(10, 8) // level 1.0
    .golomb(0, FRAME_NUM_BITS - 4, 2, 1) // sps id, frame_num bits, picture order type, reference frames
    .put(0, 1)
    .golomb(widthMbs - 1, HEIGHT_MBS - 1)
    .put(0b1100, 4) // frames only, direct 8x8, no cropping, no VUI
    .nal(0x67);

const pps = new BitWriter()
  .golomb(0, 0)
  .put(0, 2)
  .golomb(0, 0, 0)
  .put(0, 3)
  .golomb(0, 0, 0)
  .put(0b100, 3) // deblocking control present
  .nal(0x68);

export const tinyH264: H264Track = {
  kind: 'video',
  codec: 'h264',
  clockRate: 90_000,
  width: WIDTH_MBS * 16,
  height: HEIGHT_MBS * 16,
  fps: undefined,
  sps: spsOf(WIDTH_MBS),
  pps: [pps],
};
/** A camera whose pictures become wider; `tinyVideo` has none of this size. */
export const wideH264: H264Track = { ...tinyH264, width: 96, sps: spsOf(6) };

const withLength = (nal: Uint8Array): Uint8Array => {
  const data = new Uint8Array(4 + nal.length);
  new DataView(data.buffer).setUint32(0, nal.length);
  data.set(nal, 4);
  return data;
};

/** Some suites need tens of thousands of pictures, of which a few hundred differ. */
const made = new Map<string, Uint8Array>();

/** A copy of its own: tests damage bytes. */
function copyOf(key: string, make: () => Uint8Array): Uint8Array {
  const known = made.get(key) ?? make();
  made.set(key, known);
  return known.slice();
}

/** An IDR picture of one grey, as `Sample.data`. */
export const idrPicture = (luma: number, idrPicId = 0): Uint8Array =>
  copyOf(`idr ${luma} ${idrPicId}`, () => writeIdrPicture(luma, idrPicId));

function writeIdrPicture(luma: number, idrPicId: number): Uint8Array {
  const bits = new BitWriter().golomb(0, 7, 0).put(0, FRAME_NUM_BITS).golomb(idrPicId).put(0, 2).golomb(0, 1);
  for (let mb = 0; mb < WIDTH_MBS * HEIGHT_MBS; mb += 1) {
    bits.golomb(25).align(); // I_PCM
    for (let i = 0; i < 384; i += 1) {
      bits.put(i < 256 ? luma : 128, 8);
    }
  }
  return withLength(bits.nal(0x65));
}

/** A picture like the one before it, as `Sample.data`. @param frameNum pictures since the IDR picture */
export const skipPicture = (frameNum: number): Uint8Array =>
  copyOf(`skip ${frameNum % (1 << FRAME_NUM_BITS)}`, () => writeSkipPicture(frameNum));

function writeSkipPicture(frameNum: number): Uint8Array {
  const bits = new BitWriter()
    .golomb(0, 5, 0)
    .put(frameNum % (1 << FRAME_NUM_BITS), FRAME_NUM_BITS)
    .put(0, 3);
  return withLength(bits.golomb(0, 1, WIDTH_MBS * HEIGHT_MBS).nal(0x41));
}

/** `count` pictures at `fps`, a key picture every `gop`; the first at `startTicks` and `startWall`. */
export function tinyVideo(count: number, fps: number, gop: number, startTicks = 0, startWall = 0): Sample[] {
  return Array.from({ length: count }, (_, i) => {
    const pts = startTicks + Math.round((i * 90_000) / fps);
    const key = i % gop === 0;
    const data = key ? idrPicture(16 + ((i * 7) % 200), (i / gop) % 2) : skipPicture(i % gop);
    return { pts, dts: pts, wall: startWall + (i * 1000) / fps, key, data };
  });
}
