/** Largest share of a picture that a tile may crop. */
const MAX_CROP = 0.1;

/** Last picture of each camera, for the next time that it is opened. */
const stills = new Map<string, { readonly picture: HTMLCanvasElement; readonly atMs: number }>();

/** CSS pixels of the viewport. */
export interface Bounds {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * A `<video>` with its last picture on top, which stays until the next connection has a frame. (On top, because
 * browsers may not decode a hidden video.) Created by hand, because a `<video>` must be muted before it gets a source.
 */
export class VideoSurface {
  readonly element = document.createElement('div');
  readonly video = document.createElement('video');
  /** Unix milliseconds of the last frame, or of audio progress without video; 0: none. */
  lastFrameMs = 0;
  /** Unix milliseconds of the still; 0: none. */
  stillMs = 0;
  readonly #still = document.createElement('canvas');
  readonly #key: string;
  readonly #onFirst: () => void;
  #frameCall = 0;
  #isFirst = false;
  #hearing: AbortController | undefined;

  /** @param key of the camera; `onFirst` is called for the first frame of a connection */
  constructor(key: string, onFirst: () => void) {
    this.#key = key;
    this.#onFirst = onFirst;
    this.element.className = 'surface';
    Object.assign(this.video, { muted: true, playsInline: true, autoplay: true, disableRemotePlayback: true });
    this.video.setAttribute('muted', '');
    this.video.setAttribute('playsinline', '');
    this.video.addEventListener('resize', () => this.#fit());
    // Lives as long as the element.
    new ResizeObserver(() => this.#fit()).observe(this.element);
    this.element.append(this.video, this.#still, soundMark());
  }

  /** A connection starts: its first frame, or its audio without video, hides the still. */
  begin(): void {
    this.recall();
    this.element.classList.remove('playing', 'sound-alone');
    this.#isFirst = true;
    this.#watchFrames();
  }

  /** Call it for streams without video: progress of the audio counts as frames. @param place progress in any unit */
  listen(place: () => number): void {
    this.#hearing?.abort();
    this.#hearing = new AbortController();
    let heardTo = place();
    const onTime = () => {
      const now = place();
      if (now !== heardTo) {
        heardTo = now;
        this.element.classList.add('sound-alone');
        this.#onLife();
      }
    };
    this.video.addEventListener('timeupdate', onTime, { signal: this.#hearing.signal });
  }

  /** Keeps the last frame as a still and removes the source. */
  end(): void {
    this.keep();
    this.element.classList.remove('playing', 'sound-alone');
    this.#stopWatching();
    this.video.srcObject = null;
  }

  /** Draws the current frame. False without one. */
  drawTo(context: CanvasRenderingContext2D, width: number, height: number): boolean {
    const hasPicture = this.#isPlaying ? this.video.videoWidth > 0 : this.hasStill;
    if (hasPicture) {
      context.drawImage(this.#isPlaying ? this.video : this.#still, 0, 0, width, height);
    }
    return hasPicture;
  }

  get hasPicture(): boolean {
    return this.#isPlaying && this.video.videoWidth > 0;
  }

  get #isPlaying(): boolean {
    return this.element.classList.contains('playing');
  }

  get hasStill(): boolean {
    return this.element.classList.contains('has-still');
  }

  #watchFrames(): void {
    const onFrame = () => {
      this.element.classList.remove('sound-alone');
      this.#onLife();
      this.#frameCall = this.#requestFrame(onFrame);
    };
    this.#stopWatching();
    this.#frameCall = this.#requestFrame(onFrame);
  }

  #onLife(): void {
    this.lastFrameMs = Date.now();
    if (this.#isFirst) {
      this.#isFirst = false;
      this.#fit();
      this.element.classList.add('playing');
      this.#onFirst();
    }
  }

  /** Without `requestVideoFrameCallback`, `timeupdate` is sufficient. */
  #requestFrame(onFrame: () => void): number {
    if ('requestVideoFrameCallback' in this.video) {
      return this.video.requestVideoFrameCallback(onFrame);
    }
    const video = this.video as HTMLVideoElement;
    video.ontimeupdate = () => {
      if (video.videoWidth > 0) {
        onFrame();
      }
    };
    return 0;
  }

  #stopWatching(): void {
    this.#hearing?.abort();
    this.#hearing = undefined;
    this.video.ontimeupdate = null;
    if (this.#frameCall !== 0) {
      this.video.cancelVideoFrameCallback(this.#frameCall);
      this.#frameCall = 0;
    }
  }

  /** Covers the tile if little is cropped, else fits inside. */
  #fit(): void {
    const { clientWidth, clientHeight } = this.element;
    const [width, height] = this.#size;
    if (height === 0 || clientHeight === 0) {
      return;
    }
    const shape = width / height / (clientWidth / clientHeight);
    this.element.classList.toggle('fills', Math.min(shape, 1 / shape) >= 1 - MAX_CROP);
  }

  /** Bounds of the picture, cropped parts included. Undefined without a picture or layout. */
  bounds(): Bounds | undefined {
    this.#fit();
    const [width, height] = this.#size;
    const place = this.element.getBoundingClientRect();
    if (width === 0 || height === 0 || place.width === 0 || place.height === 0) {
      return undefined;
    }
    const [across, down] = [place.width / width, place.height / height];
    const isCut = this.element.classList.contains('fills') && getComputedStyle(this.video).objectFit === 'cover';
    const scale = isCut ? Math.max(across, down) : Math.min(across, down);
    return {
      left: place.left + (place.width - width * scale) / 2,
      top: place.top + (place.height - height * scale) / 2,
      width: width * scale,
      height: height * scale,
    };
  }

  get #size(): readonly [number, number] {
    const { videoWidth, videoHeight } = this.video;
    return videoWidth > 0
      ? [videoWidth, videoHeight]
      : this.hasStill
        ? [this.#still.width, this.#still.height]
        : [0, 0];
  }

  /** Stores the current frame as a still. */
  keep(): void {
    const { videoWidth, videoHeight } = this.video;
    if (videoWidth === 0 || !this.#isPlaying) {
      return;
    }
    const scale = Math.min(1, 960 / videoWidth);
    this.#still.width = Math.round(videoWidth * scale);
    this.#still.height = Math.round(videoHeight * scale);
    this.#still.getContext('2d')?.drawImage(this.video, 0, 0, this.#still.width, this.#still.height);
    this.element.classList.add('has-still');
    this.stillMs = this.lastFrameMs;
    stills.set(this.#key, { picture: this.#still, atMs: this.stillMs });
  }

  /** The camera's last picture, until the first frame. */
  recall(): void {
    const known = stills.get(this.#key);
    if (known) {
      this.offer(known.picture, known.atMs);
    }
  }

  /** Shows an older picture, if there is none yet. @param atMs its time, Unix milliseconds */
  offer(picture: HTMLCanvasElement | HTMLImageElement, atMs: number): void {
    const { width, height } = picture;
    if (this.hasStill || this.#isPlaying || width === 0 || height === 0) {
      return;
    }
    this.#still.width = width;
    this.#still.height = height;
    this.#still.getContext('2d')?.drawImage(picture, 0, 0);
    this.stillMs = atMs;
    this.element.classList.add('has-still');
    this.#fit();
  }
}

/** On logout. */
export const forgetStills = (): void => stills.clear();

const SVG = 'http://www.w3.org/2000/svg';
/** Five bars. */
const MARK = 'M4 10v4M8 7v10M12 4v16M16 8v8M20 10v4';

/** Shown for audio without video. */
function soundMark(): SVGSVGElement {
  const mark = document.createElementNS(SVG, 'svg');
  mark.setAttribute('class', 'sound-mark');
  mark.setAttribute('viewBox', '-36 -36 96 96');
  mark.setAttribute('aria-hidden', 'true');
  const bars = document.createElementNS(SVG, 'path');
  bars.setAttribute('d', MARK);
  mark.append(bars);
  return mark;
}
