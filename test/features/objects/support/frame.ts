import type { Sprite } from './cut-outs.ts';

/** As the sub stream of a camera. */
export const [WIDTH, HEIGHT, FPS] = [640, 360, 10];
export const LUMA_BYTES = WIDTH * HEIGHT;
const HALF_WIDTH = WIDTH / 2;

/** A picture of 4:2:0. */
export class Frame {
  readonly data = new Uint8Array((LUMA_BYTES * 3) / 2);
  /** Clamped. */
  readonly luma = new Uint8ClampedArray(this.data.buffer, 0, LUMA_BYTES);
  readonly #chroma = [
    this.data.subarray(LUMA_BYTES, LUMA_BYTES + LUMA_BYTES / 4),
    this.data.subarray(LUMA_BYTES + LUMA_BYTES / 4),
  ] as const;

  copy(from: Frame): void {
    this.data.set(from.data);
  }

  /** @param x left edge of the sprite, @param y its upper edge; parts outside are cut off */
  paste({ width, height, planes, cover }: Sprite, x: number, y: number): void {
    for (let row = Math.max(0, -y); row < height && y + row < HEIGHT; row += 1) {
      for (let column = Math.max(0, -x); column < width && x + column < WIDTH; column += 1) {
        const at = row * width + column;
        const share = (cover[at] as number) / 255;
        if (share === 0) {
          continue;
        }
        const luma = (y + row) * WIDTH + x + column;
        this.luma[luma] = (this.luma[luma] as number) * (1 - share) + (planes[0][at] as number) * share;
        if ((y + row) % 2 === 0 && (x + column) % 2 === 0) {
          const chroma = ((y + row) >> 1) * HALF_WIDTH + ((x + column) >> 1);
          this.#chroma.forEach((plane, i) => {
            plane[chroma] =
              (plane[chroma] as number) * (1 - share) + ((planes[i + 1] as Uint8Array)[at] as number) * share;
          });
        }
      }
    }
  }

  /** Adds to the luma of an ellipse, less towards its edge. @param grey how much of the colour it takes @param sharpness of the edge */
  glow(x: number, y: number, radiusX: number, radiusY: number, light: number, grey = 0, sharpness = 1): void {
    for (let row = Math.max(0, Math.floor(y - radiusY)); row < Math.min(HEIGHT, y + radiusY); row += 1) {
      for (let column = Math.max(0, Math.floor(x - radiusX)); column < Math.min(WIDTH, x + radiusX); column += 1) {
        const away = ((column - x) / radiusX) ** 2 + ((row - y) / radiusY) ** 2;
        if (away < 1) {
          const at = row * WIDTH + column;
          this.luma[at] = (this.luma[at] as number) + light * Math.min(1, sharpness * (1 - away));
          if (grey > 0 && row % 2 === 0 && column % 2 === 0) {
            this.#fade((row >> 1) * HALF_WIDTH + (column >> 1), grey * (1 - away));
          }
        }
      }
    }
  }

  line(x: number, y: number, dx: number, dy: number, light: number): void {
    const steps = Math.max(Math.abs(dx), Math.abs(dy), 1);
    for (let i = 0; i <= steps; i += 1) {
      const [column, row] = [Math.round(x + (dx * i) / steps), Math.round(y + (dy * i) / steps)];
      if (column >= 0 && column < WIDTH && row >= 0 && row < HEIGHT) {
        const at = row * WIDTH + column;
        this.luma[at] = (this.luma[at] as number) + light;
      }
    }
  }

  /** Infrared light: no colours, other contrast. @param share of it, 0 to 1 */
  infrared(share: number): void {
    for (let at = 0; at < LUMA_BYTES; at += 1) {
      const luma = this.luma[at] as number;
      this.luma[at] = luma * (1 - 0.35 * share) + 18 * share;
    }
    for (let at = 0; at < LUMA_BYTES / 4; at += 1) {
      this.#fade(at, share);
    }
  }

  /** Multiplies the luma of each pixel. */
  shade(factor: (x: number, y: number) => number): void {
    for (let y = 0; y < HEIGHT; y += 1) {
      for (let x = 0; x < WIDTH; x += 1) {
        const at = y * WIDTH + x;
        this.luma[at] = (this.luma[at] as number) * factor(x, y);
      }
    }
  }

  /** Fills the picture with the middle of raw 4:4:4 of the same size. */
  fill(raw: Uint8Array): void {
    this.luma.set(raw.subarray(0, LUMA_BYTES));
    this.#chroma.forEach((plane, i) => {
      for (let at = 0; at < plane.length; at += 1) {
        const from = 2 * Math.floor(at / HALF_WIDTH) * WIDTH + 2 * (at % HALF_WIDTH);
        plane[at] = raw[(i + 1) * LUMA_BYTES + from] as number;
      }
    });
  }

  #fade(at: number, share: number): void {
    for (const plane of this.#chroma) {
      plane[at] = (plane[at] as number) * (1 - share) + 128 * share;
    }
  }
}

/** The noise of a sensor, slightly smooth as a camera's own filter leaves it. */
export class Noise {
  readonly #fields: readonly Int8Array[];
  readonly #next: () => number;

  /** @param sigma in steps of luma */
  constructor(sigma: number, next: () => number) {
    this.#next = next;
    this.#fields = Array.from({ length: 8 }, () => {
      const field = Float32Array.from({ length: LUMA_BYTES }, () => sigma * gaussian(next));
      return Int8Array.from(field, (value, at) => Math.round(1.15 * (0.7 * value + 0.5 * (field[at - 1] ?? 0))));
    });
  }

  add({ luma }: Frame): void {
    const field = this.#fields[Math.floor(8 * this.#next())] as Int8Array;
    const shift = Math.floor(LUMA_BYTES * this.#next());
    addFrom(luma, 0, field, shift);
    addFrom(luma, LUMA_BYTES - shift, field, 0);
  }
}

/** Adds a field from one place on, as far as both reach. */
function addFrom(luma: Uint8ClampedArray, to: number, field: Int8Array, from: number): void {
  const length = Math.min(luma.length - to, field.length - from);
  for (let i = 0; i < length; i += 1) {
    luma[to + i] = (luma[to + i] as number) + (field[from + i] as number);
  }
}

/** Box–Muller. */
const gaussian = (next: () => number): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
