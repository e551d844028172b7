import { BAR_TOP } from '../../../../agent/demo-camera/picture.ts';
import { readTimeBar } from '../../../support/media/time-bar.ts';

const WIDTH = 320;
const HEIGHT = 180;
const TOP = HEIGHT * BAR_TOP;
const LINES = HEIGHT - TOP;

/** The time bar of a video's picture. Only the bar is read, because every picture is. */
export class ShownClock {
  readonly #luma = new Uint8Array(WIDTH * HEIGHT);
  readonly #canvas = document.createElement('canvas').getContext('2d', {
    willReadFrequently: true,
  }) as CanvasRenderingContext2D;

  constructor() {
    this.#canvas.canvas.width = WIDTH;
    this.#canvas.canvas.height = LINES;
  }

  /** @returns Unix milliseconds, or those since the beginning of a clip */
  read(video: HTMLVideoElement): number | undefined {
    const { videoWidth, videoHeight } = video;
    const from = videoHeight * BAR_TOP;
    this.#canvas.drawImage(video, 0, from, videoWidth, videoHeight - from, 0, 0, WIDTH, LINES);
    const { data } = this.#canvas.getImageData(0, 0, WIDTH, LINES);
    for (let i = 0; i < WIDTH * LINES; i += 1) {
      // Green is most of the brightness.
      this.#luma[WIDTH * TOP + i] = data[4 * i + 1] ?? 0;
    }
    return readTimeBar(this.#luma, WIDTH, HEIGHT, WIDTH);
  }
}
