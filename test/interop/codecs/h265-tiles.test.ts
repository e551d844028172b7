import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { H265BlockReader } from '../../../agent/media/h265/coding-units/block-reader.ts';
import { CONTEXT, CONTEXTS, resetContexts } from '../../../agent/media/h265/coding-units/contexts.ts';
import { h265Track } from '../../../agent/media/h265/params.ts';
import { BLOCK } from '../../../agent/media/payload/block-field.ts';
import { LPS_RANGES, NEXT_LPS, NEXT_MPS } from '../../../agent/media/payload/cabac-decoder.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';
import { random } from '../../support/base/random.ts';
import { temporaryFolder } from '../../support/disks/recordings.ts';
import { H265_VPS } from '../../support/media/tiny-streams.ts';
import { hex, sampleOf } from '../../support/media/units.ts';

const [WIDTH, HEIGHT, UNIT] = [64, 48, 16];
const [COLUMNS, ROWS] = [WIDTH / UNIT, HEIGHT / UNIT];
const QP = 26;

const ue = (value: number) => {
  const binary = (value + 1).toString(2);
  return '0'.repeat(binary.length - 1) + binary;
};
const bitsOf = (value: number, count: number) => value.toString(2).padStart(count, '0');

/** A NAL unit of bits, up to and with its stop bit. */
function nalOf(type: number, text: string): Uint8Array {
  const bits = `${text.replace(/\s/g, '')}1`;
  const padded = bits.padEnd(8 * Math.ceil(bits.length / 8), '0');
  return nalOfBytes(
    type,
    Array.from({ length: padded.length / 8 }, (_, i) => Number.parseInt(padded.slice(8 * i, 8 * i + 8), 2)),
  );
}

function nalOfBytes(type: number, payload: readonly number[]): Uint8Array {
  const nal = [type << 1, 1];
  let zeros = 0;
  for (const byte of payload) {
    if (zeros >= 2 && byte <= 3) {
      nal.push(3);
      zeros = 0;
    }
    nal.push(byte);
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return Uint8Array.from(nal);
}

/** Main profile; units of 16, blocks of 8, PCM in both sizes. */
const SPS = nalOf(
  33,
  `0000 000 1 00 0 00001 ${bitsOf(0x6000_0000, 32)} ${'0'.repeat(48)} 01011101 1 010 ${ue(WIDTH)} ${ue(HEIGHT)} 0 1 1 1 1 111
  1 010 1 011 1 1 0 0 0 1 0111 0111 1 010 1 1 0 0 0 0 0`,
);
const ppsOf = (tiles: boolean, sync: boolean) =>
  nalOf(
    34,
    `1 1 1 0 000 0 0 1 1 1 0 0 0 1 1 0 0 0 0 ${tiles ? 1 : 0} ${sync ? 1 : 0} ${tiles ? '010 1 1 0' : ''} 0 1 0 1 0 0 1 0 0`,
  );

/** The arithmetic encoder of H.265 §9.3.5. */
class Encoder {
  readonly states = new Uint8Array(CONTEXTS);
  #bits: number[] = [];
  #low = 0;
  #range = 510;
  #isFirst = true;
  #outstanding = 0;

  bin(context: number, bin: number): void {
    const state = this.states[context] as number;
    const lps = LPS_RANGES[((state >> 1) << 2) | ((this.#range >> 6) & 3)] as number;
    this.#range -= lps;
    const isLps = bin !== (state & 1);
    if (isLps) {
      this.#low += this.#range;
      this.#range = lps;
    }
    this.states[context] = (isLps ? NEXT_LPS : NEXT_MPS)[state] as number;
    this.#renormalize();
  }

  bypass(bin: number): void {
    this.#low = 2 * this.#low + (bin === 1 ? this.#range : 0);
    if (this.#low >= 1024) {
      this.#put(1);
      this.#low -= 1024;
    } else if (this.#low < 512) {
      this.#put(0);
    } else {
      this.#low -= 512;
      this.#outstanding += 1;
    }
  }

  /** After a 1 the bits end with a 1, up to a whole byte. */
  terminate(bin: number): void {
    this.#range -= 2;
    if (bin === 0) {
      this.#renormalize();
      return;
    }
    this.#low += this.#range;
    this.#range = 2;
    this.#renormalize();
    this.#put((this.#low >> 9) & 1);
    this.#bits.push((this.#low >> 8) & 1, 1);
    while (this.#bits.length % 8 !== 0) {
      this.#bits.push(0);
    }
    this.#low = 0;
    this.#range = 510;
    this.#isFirst = true;
    this.#outstanding = 0;
  }

  bytes(values: readonly number[]): void {
    this.#bits.push(...values.flatMap((value) => [...bitsOf(value, 8)].map(Number)));
  }

  take(): number[] {
    const bits = this.#bits;
    this.#bits = [];
    return Array.from({ length: bits.length / 8 }, (_, i) => Number.parseInt(bits.slice(8 * i, 8 * i + 8).join(''), 2));
  }

  #renormalize(): void {
    while (this.#range < 256) {
      if (this.#low < 256) {
        this.#put(0);
      } else if (this.#low >= 512) {
        this.#low -= 512;
        this.#put(1);
      } else {
        this.#low -= 256;
        this.#outstanding += 1;
      }
      this.#range *= 2;
      this.#low *= 2;
    }
  }

  #put(bit: number): void {
    if (this.#isFirst) {
      this.#isFirst = false;
    } else {
      this.#bits.push(bit);
    }
    for (; this.#outstanding > 0; this.#outstanding -= 1) {
      this.#bits.push(1 - bit);
    }
  }
}

/** A picture of PCM blocks and predicted ones, in one slice of dependent segments. */
class Picture {
  readonly segments: Uint8Array[] = [];
  /** Luma of PCM blocks; -1: predicted. */
  readonly luma = new Int16Array(WIDTH * HEIGHT).fill(-1);
  readonly #encoder = new Encoder();
  readonly #depths = new Int8Array((WIDTH / 8) * (HEIGHT / 8)).fill(-1);
  readonly #next: () => number;
  readonly #tileColumns: number;

  constructor(tiles: boolean, sync: boolean, seed: number) {
    this.#next = random(seed);
    this.#tileColumns = tiles ? COLUMNS / 2 : COLUMNS;
    const order: [number, number][] = [];
    for (let tile = 0; tile < COLUMNS; tile += this.#tileColumns) {
      for (let i = 0; i < this.#tileColumns * ROWS; i += 1) {
        order.push([tile + (i % this.#tileColumns), Math.floor(i / this.#tileColumns)]);
      }
    }
    const saved = new Uint8Array(CONTEXTS);
    const { states } = this.#encoder;
    let address = 0;
    order.forEach(([column, row], i) => {
      const inTile = column % this.#tileColumns;
      const beginsTile = inTile === 0 && row === 0;
      if (beginsTile || (sync && inTile === 0 && this.#tileColumns === 1)) {
        resetContexts(states, 0, QP);
      } else if (sync && inTile === 0) {
        states.set(saved);
      }
      this.#quadtree(column * UNIT, row * UNIT);
      if (inTile === 1) {
        saved.set(states);
      }
      const [next] = order.slice(i + 1);
      const nextInTile = (next?.[0] ?? 0) % this.#tileColumns;
      const isLast = !next || (nextInTile === 0 && (next[1] === 0 || sync)) || this.#next() < 0.3;
      this.#encoder.terminate(isLast ? 1 : 0);
      if (isLast) {
        const address4 = bitsOf(address, 4);
        const entryPoints = tiles || sync ? '1' : '';
        const header = address === 0 ? `1 0 1 011 1 ${entryPoints}` : `0 0 1 1 ${address4} ${entryPoints}`;
        const start = [...nalOf(19, header).subarray(2)];
        this.segments.push(nalOfBytes(19, [...start, ...this.#encoder.take()]));
        address = next ? next[1] * COLUMNS + next[0] : 0;
      }
    });
  }

  #quadtree(x: number, y: number): void {
    const isSplit = this.#next() < 0.5;
    const isDeeper = (column: number, row: number) => {
      const tile = (pixels: number) => Math.floor(pixels / UNIT / this.#tileColumns);
      const isUsable = column >= 0 && row >= 0 && tile(column) === tile(x);
      return isUsable && (this.#depths[(row >> 3) * (WIDTH / 8) + (column >> 3)] ?? 0) > 0 ? 1 : 0;
    };
    this.#encoder.bin(CONTEXT.split + isDeeper(x - 1, y) + isDeeper(x, y - 1), isSplit ? 1 : 0);
    if (!isSplit) {
      this.#unit(x, y, 16);
      return;
    }
    for (const [dx, dy] of [
      [0, 0],
      [8, 0],
      [0, 8],
      [8, 8],
    ] as const) {
      this.#unit(x + dx, y + dy, 8);
    }
  }

  #unit(x: number, y: number, size: number): void {
    const encoder = this.#encoder;
    const isPcm = this.#next() < 0.5;
    for (let i = 0; i < (size / 8) ** 2; i += 1) {
      this.#depths[((y >> 3) + (i >> 1)) * (WIDTH / 8) + (x >> 3) + (i & 1)] = size === 8 ? 1 : 0;
    }
    if (size === 8) {
      encoder.bin(CONTEXT.partMode, 1);
    }
    encoder.terminate(isPcm ? 1 : 0);
    if (!isPcm) {
      encoder.bin(CONTEXT.intraMode, 1);
      encoder.bypass(0); // mpm_idx
      encoder.bin(CONTEXT.chromaMode, 0);
      encoder.bin(CONTEXT.chromaCoded, 0);
      encoder.bin(CONTEXT.chromaCoded, 0);
      encoder.bin(CONTEXT.lumaCoded + 1, 0);
      return;
    }
    const samples = Array.from({ length: size * size * 1.5 }, () => Math.floor(this.#next() * 256));
    encoder.bytes(samples);
    for (let i = 0; i < size * size; i += 1) {
      this.luma[(y + Math.floor(i / size)) * WIDTH + x + (i % size)] = samples[i] as number;
    }
  }
}

describeWith(['ffmpeg'], 'coding units of H.265 in tiles, substreams and dependent slices, and in PCM', () => {
  // Main and Main 10 have either tiles or substreams.
  test.for([
    [false, false],
    [true, false],
    [false, true],
  ] as const)('are read as FFmpeg decodes them: tiles %s, substreams %s', async ([tiles, sync]) => {
    using folder = temporaryFolder();
    const [vps, pps] = [hex(H265_VPS), ppsOf(tiles, sync)];
    const reader = new H265BlockReader(h265Track(vps, SPS, [pps]));
    for (let seed = 1; seed <= 6; seed += 1) {
      const picture = new Picture(tiles, sync, seed);
      const path = join(folder.path, `${seed}.hevc`);
      const nals = [vps, SPS, pps, ...picture.segments];
      writeFileSync(path, Buffer.concat(nals.flatMap((nal) => [hex('00000001'), nal])));
      expect(picture.segments.length).toBeGreaterThan(1);
      const args = ['-nostdin', '-v', 'error', '-threads', '1', '-f', 'hevc', '-i', path, '-vf', 'extractplanes=y'];
      const { code, output } = await runProcess('ffmpeg', [...args, '-f', 'rawvideo', `${path}.raw`]);
      expect([code, output]).toEqual([0, '']);
      const decoded = readFileSync(`${path}.raw`);
      const wrong = [...picture.luma].filter((pixel, i) => pixel >= 0 && pixel !== decoded[i]);
      expect([decoded.length, wrong.length]).toEqual([WIDTH * HEIGHT, 0]);

      expect(reader.read(sampleOf(...picture.segments)), `seed ${seed}`).toBe(true);
      const coded = [...reader.field.flags].map((flags) => (flags & BLOCK.coded) !== 0);
      const expected = coded.map((_, i) => {
        const [x, y] = [(i % COLUMNS) * UNIT, Math.floor(i / COLUMNS) * UNIT];
        return [0, 8].some((dy) => [0, 8].some((dx) => (picture.luma[(y + dy) * WIDTH + x + dx] ?? -1) >= 0));
      });
      expect(coded).toEqual(expected);
    }
  });
});
