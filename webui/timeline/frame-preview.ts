import { frameAddress } from '../api-client/urls.ts';
import { whenDrawable } from '../player/drawable-frame.ts';

/** Maximum number of requests; a further one aborts the oldest. */
const UNDER_WAY = 2;

interface Request {
  readonly video: HTMLVideoElement;
  readonly ms: number;
}

/**
 * Key frames near a moment. The browser caches them. Each is an MP4 with one frame, which works for every codec that
 * the browser plays.
 */
export class FramePreview {
  readonly #canvas: HTMLCanvasElement;
  readonly #onDrawn: (ms: number) => void;
  #under: Request[] = [];
  #wantedAddress = '';

  constructor(canvas: HTMLCanvasElement, onDrawn: (ms: number) => void) {
    this.#canvas = canvas;
    this.#onDrawn = onDrawn;
  }

  /** @param ms Unix milliseconds of a recorded moment */
  ask(camera: string, ms: number): void {
    const address = frameAddress(camera, ms);
    if (address === this.#wantedAddress) {
      return;
    }
    this.#wantedAddress = address;
    while (this.#under.length >= UNDER_WAY) {
      this.#end(this.#under[0]);
    }
    const video = document.createElement('video');
    const request: Request = { video, ms };
    this.#under.push(request);
    video.muted = true;
    video.playsInline = true;
    video.preload = 'auto';
    whenDrawable(video, () => this.#draw(request));
    // No frame, or not decodable: the previous one stays.
    video.onerror = () => this.#end(request);
    video.src = address;
  }

  #draw(request: Request): void {
    const { video, ms } = request;
    // Aborts older requests, whose frames are outdated.
    for (const older of this.#under.slice(0, this.#under.indexOf(request))) {
      this.#end(older);
    }
    drawInto(this.#canvas, video);
    this.#end(request);
    this.#onDrawn(ms);
  }

  #end(request: Request | undefined): void {
    this.#under = this.#under.filter((one) => one !== request);
    if (request) {
      // Removes the source, so that no further event follows.
      request.video.removeAttribute('src');
      request.video.load();
    }
  }

  /** Aborts all requests. */
  forget(): void {
    this.#wantedAddress = '';
    for (const request of this.#under) {
      this.#end(request);
    }
  }
}

/** Draws the frame in its own size, at most that of the screen. */
export function drawInto(canvas: HTMLCanvasElement, video: HTMLVideoElement): boolean {
  const { videoWidth: width, videoHeight: height } = video;
  if (width === 0 || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) {
    return false;
  }
  const scale = Math.min(1, (1280 * devicePixelRatio) / width);
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.getContext('2d')?.drawImage(video, 0, 0, canvas.width, canvas.height);
  return true;
}
