import { DAY_MS } from '../../base/time/units.ts';
import { H264Encoder } from '../../media/h264/encode/encoder.ts';
import { type Colour, Frame } from '../../media/h264/encode/frame.ts';
import { GLYPH_COLUMNS, GLYPH_LINES, glyphDots } from '../../media/h264/encode/glyphs.ts';
import type { H264Track } from '../../media/sample/track.ts';

const FPS = 5;
/** Pictures between key frames: a reader that joins without a replay waits about two seconds at most. */
const GROUP = 10;
const BACKGROUND: Colour = [40, 128, 128];
const TEXT: Colour = [200, 128, 128];
const MACROBLOCK = 16;

/** A picture in H.264 that says since when the source is offline. */
export class OfflinePicture {
  readonly track: H264Track;
  readonly ticks = 90_000 / FPS;
  readonly #frame: Frame;
  readonly #encoder: H264Encoder;
  #text = '';
  #untilKey = 0;

  /** @param width,height in pixels, even */
  constructor(width: number, height: number) {
    this.#frame = new Frame(width, height);
    this.#encoder = new H264Encoder(width, height, FPS);
    const { sps, pps } = this.#encoder;
    this.track = { kind: 'video', codec: 'h264', clockRate: 90_000, width, height, fps: FPS, sps, pps: [pps] };
  }

  /** @param sinceMs Unix milliseconds, or undefined if it was never online */
  next(sinceMs: number | undefined, nowMs: number): { readonly data: Uint8Array; readonly isKey: boolean } {
    const text = sinceMs === undefined ? '' : `since ${sinceText(sinceMs, nowMs)}`;
    if (text !== this.#text || this.#untilKey === 0) {
      this.#text = text;
      this.#draw(['Offline', text]);
      this.#untilKey = GROUP - 1;
      return { data: this.#encoder.encode(this.#frame, true), isKey: true };
    }
    this.#untilKey -= 1;
    return { data: this.#encoder.encode(this.#frame, false), isKey: false };
  }

  /** The next picture is a key frame. */
  requestKeyFrame(): void {
    this.#untilKey = 0;
  }

  #draw(lines: readonly string[]): void {
    const frame = this.#frame;
    frame.fill(0, 0, frame.stride, frame.rows * MACROBLOCK, BACKGROUND);
    const dot = dotSize(frame.width, Math.max(...lines.map(({ length }) => length)));
    const height = lines.length * (GLYPH_LINES + 2) * dot;
    lines.forEach((line, i) => {
      const width = line.length * (GLYPH_COLUMNS + 1) * dot;
      const left = aligned((frame.width - width) / 2, dot);
      const top = aligned((frame.height - height) / 2, dot) + i * (GLYPH_LINES + 2) * dot;
      [...line].forEach((character, k) => {
        for (const [column, row] of glyphDots(character)) {
          const x = left + (k * (GLYPH_COLUMNS + 1) + column) * dot;
          frame.fill(x, top + row * dot, dot, dot, TEXT);
        }
      });
    });
  }
}

/** Size of a glyph's dot in pixels: whole macroblocks where they fit, which cost a few bits each. */
function dotSize(width: number, characters: number): number {
  const most = width / (characters * (GLYPH_COLUMNS + 1));
  return most >= MACROBLOCK ? MACROBLOCK * Math.floor(most / MACROBLOCK) : Math.max(2, 2 * Math.floor(most / 2));
}

const aligned = (at: number, dot: number): number => Math.max(0, Math.floor(at / dot) * dot);

/** The time of today, else the date, in the time zone of this box. */
function sinceText(sinceMs: number, nowMs: number): string {
  const since = new Date(sinceMs);
  const two = (value: number) => String(value).padStart(2, '0');
  return nowMs - sinceMs < DAY_MS
    ? `${two(since.getHours())}:${two(since.getMinutes())}`
    : `${since.getFullYear()}-${two(since.getMonth() + 1)}-${two(since.getDate())}`;
}
