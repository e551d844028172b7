const STILL_WIDTH_LIMIT_PX = 960;
/** A tile crops at most so much of a picture to fill itself. */
const CROP_LIMIT = 0.1;

/** The last picture of each camera, so that it is there at once when the camera is opened again. */
const stills = new Map<string, { readonly picture: HTMLCanvasElement; readonly atMs: number }>();

/** In pixels of the window. */
export interface Bounds {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * The `<video>` and, above it, the last picture that it showed, which goes when the next one comes: whatever happens
 * to the connection, a picture stays. (Above, because browsers may count no frames of a video that cannot be seen.)
 * Made by hand, because a `<video>` must be muted before it is given anything to play.
 */
export class VideoSurface {
  readonly element = document.createElement('div');
  readonly video = document.createElement('video');
  /** Unix milliseconds at which a picture was shown, or heard that sound goes on where there is none; 0: not yet. */
  lastFrameMs = 0;
  /** Unix milliseconds of the still; 0: there is none. */
  stillMs = 0;
  readonly #still = document.createElement('canvas');
  readonly #key: string;
  readonly #onFirst: () => void;
  #frameCall = 0;
  #isFirst = false;
  #hearing: AbortController | undefined;

  /** @param key names the camera; `onFirst` is called when a connection has shown its first frame */
  constructor(key: string, onFirst: () => void) {
    this.#key = key;
    this.#onFirst = onFirst;
    this.element.className = 'surface';
    Object.assign(this.video, { muted: true, playsInline: true, autoplay: true, disableRemotePlayback: true });
    this.video.setAttribute('muted', '');
    this.video.setAttribute('playsinline', '');
    this.video.addEventListener('resize', () => this.#fit());
    // Belongs to the element: it ends with it.
    new ResizeObserver(() => this.#fit()).observe(this.element);
    this.element.append(this.video, this.#still, soundMark());
  }

  /** A connection begins: its first frame, or its sound where it has no frames, uncovers the video. */
  begin(): void {
    this.recall();
    this.element.classList.remove('playing', 'sound-alone');
    this.#isFirst = true;
    this.#watchFrames();
  }

  /** There is no picture: what is heard counts. @param place how far the sound is */
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

  /** Keeps the last frame as a still and takes the video away. */
  end(): void {
    this.keep();
    this.element.classList.remove('playing', 'sound-alone');
    this.#stopWatching();
    this.video.srcObject = null;
  }

  /** Draws what is seen now. False when there is nothing. */
  drawTo(context: CanvasRenderingContext2D, width: number, height: number): boolean {
    const hasPicture = this.#isPlaying ? this.video.videoWidth > 0 : this.hasStill;
    if (hasPicture) {
      context.drawImage(this.#isPlaying ? this.video : this.#still, 0, 0, width, height);
    }
    return hasPicture;
  }

  /** There is a picture of now. */
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

  /** Browsers without frame callbacks tell the time of playing a few times a second, which does as well. */
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

  /** Fills the tile when little is cut off by that, else leaves black beside the picture. */
  #fit(): void {
    const { clientWidth, clientHeight } = this.element;
    const [width, height] = this.#size;
    if (height === 0 || clientHeight === 0) {
      return;
    }
    const shape = width / height / (clientWidth / clientHeight);
    this.element.classList.toggle('fills', Math.min(shape, 1 / shape) >= 1 - CROP_LIMIT);
  }

  /** Where the picture is seen, with what is cut off of it. Undefined when there is none, or no place. */
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

  /** Keeps what is seen now as a still. */
  keep(): void {
    const { videoWidth, videoHeight } = this.video;
    if (videoWidth === 0 || !this.#isPlaying) {
      return;
    }
    const scale = Math.min(1, STILL_WIDTH_LIMIT_PX / videoWidth);
    this.#still.width = Math.round(videoWidth * scale);
    this.#still.height = Math.round(videoHeight * scale);
    this.#still.getContext('2d')?.drawImage(this.video, 0, 0, this.#still.width, this.#still.height);
    this.element.classList.add('has-still');
    this.stillMs = this.lastFrameMs;
    stills.set(this.#key, { picture: this.#still, atMs: this.stillMs });
  }

  /** The last picture of this camera is there before the first one comes. */
  recall(): void {
    const known = stills.get(this.#key);
    if (known) {
      this.offer(known.picture, known.atMs);
    }
  }

  /** Shows a picture from before, unless there is one already. @param atMs of when it is, in Unix milliseconds */
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

/** Pictures belong to the one who was logged in. */
export const forgetStills = (): void => stills.clear();

const SVG = 'http://www.w3.org/2000/svg';
/** Five bars, as a sound looks. */
const MARK = 'M4 10v4M8 7v10M12 4v16M16 8v8M20 10v4';

/** Stands where the picture would be while there is sound alone. */
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
