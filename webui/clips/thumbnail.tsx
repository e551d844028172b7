import { useEffect, useRef } from 'preact/hooks';
import type { Span } from '../api-client/recordings/recordings.ts';
import { frameAddress, pictureAddress } from '../api-client/urls.ts';
import { whenDrawable } from '../player/drawable-frame.ts';
import { spans } from '../timeline/view.ts';
import { Icon } from '../ui/icons/icon.tsx';

/** A thumbnail of the chosen camera. */
export const Thumbnail = ({ name, ms }: { readonly name: string; readonly ms: number }) => (
  <RecordedThumbnail name={name} ms={nearestRecorded(spans.value, ms)} />
);

interface RecordedThumbnailProps {
  readonly name: string;
  /** A recorded moment. */
  readonly ms: number | undefined;
  /** The film strip that it is in. Absent: it stands alone. */
  readonly strip?: string;
  /** In the strip, from 0. */
  readonly place?: number;
}

/** A thumbnail that loads when it becomes visible; an icon until then, and where there is no picture. */
export function RecordedThumbnail({ name, ms: at, strip = '', place = 0 }: RecordedThumbnailProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const { current } = canvas;
    if (!current || at === undefined) {
      return undefined;
    }
    let cancel = () => {};
    const observer = new IntersectionObserver(
      ([entry]) => {
        cancel();
        if (entry?.isIntersecting) {
          const { address, fallback } = { address: frameAddress(name, at), fallback: pictureAddress(name, at, WIDTH) };
          const onDone = (picture: HTMLCanvasElement) => draw(current, picture);
          cancel = requestThumbnail({ address, fallback, onDone, strip: strip || address, place });
        } else {
          release(current);
        }
      },
      { rootMargin: '25%' },
    );
    observer.observe(current);
    return () => {
      observer.disconnect();
      cancel();
    };
  }, [name, at, strip, place]);
  return (
    <span class="thumb">
      <Icon name="snapshot" small />
      <canvas width="16" height="9" ref={canvas} />
    </span>
  );
}

function draw(canvas: HTMLCanvasElement, picture: HTMLCanvasElement): void {
  canvas.width = picture.width;
  canvas.height = picture.height;
  canvas.getContext('2d')?.drawImage(picture, 0, 0);
}

/** Frees the memory of a picture that is out of view. */
function release(canvas: HTMLCanvasElement): void {
  if (canvas.width !== 16) {
    canvas.width = 16;
    canvas.height = 9;
  }
}

const UNDER_WAY = 2;
/** Time limit of a request, so that one without an end does not hold up the others. */
const MAX_WAIT_MS = 10_000;
const KEPT = 120;
const WIDTH = 192;

interface Waiting {
  readonly strip: string;
  readonly place: number;
}

interface ThumbnailRequest extends Waiting {
  readonly address: string;
  /** URL of the JPEG, for a browser that does not play the codec. */
  readonly fallback: string;
  readonly onDone: (picture: HTMLCanvasElement) => void;
}

/** Thumbnails that were loaded, least recently used first. */
const kept = new Map<string, HTMLCanvasElement>();
/** The latest strip is served first: it is visible. */
let waiting: ThumbnailRequest[] = [];
/** Chromium collects an element without a reference before it has decoded its picture. */
const underWay = new Set<HTMLVideoElement | HTMLImageElement>();

/** The key frame before a moment, scaled down. @returns cancels the request */
function requestThumbnail(request: ThumbnailRequest): () => void {
  const { address, onDone } = request;
  const known = kept.get(address);
  if (known) {
    kept.delete(address);
    kept.set(address, known);
    onDone(known);
    return () => {};
  }
  waiting.push(request);
  next();
  return () => {
    waiting = waiting.filter((one) => one !== request);
  };
}

function next(): void {
  while (underWay.size < UNDER_WAY) {
    const request = firstToLoad(waiting);
    if (!request) {
      return;
    }
    waiting = waiting.filter((one) => one !== request);
    load(request);
  }
}

/** The first of the latest strip; what follows the first two of a strip waits for those of the others. */
export function firstToLoad<T extends Waiting>(waiting: readonly T[]): T | undefined {
  const latest = waiting.findLast(({ place }) => place < 2) ?? waiting.at(-1);
  const [first] = waiting
    .filter(({ strip }) => strip === latest?.strip)
    .toSorted((one, other) => one.place - other.place);
  return first;
}

function load(request: ThumbnailRequest): void {
  const video = document.createElement('video');
  const end = (onPicture: (picture: HTMLCanvasElement | undefined) => void) => () => {
    clearTimeout(timer);
    underWay.delete(video);
    const picture = small(video, video.videoWidth, video.videoHeight);
    // Removes the source, so that no further event follows.
    video.removeAttribute('src');
    video.load();
    onPicture(picture);
  };
  const done = end((picture) => finish(request, picture));
  const timer = setTimeout(done, MAX_WAIT_MS);
  underWay.add(video);
  video.muted = true;
  video.playsInline = true;
  video.preload = 'auto';
  whenDrawable(video, done);
  video.onerror = end(() => loadPicture(request));
  video.src = request.address;
}

/** Loads the JPEG that the box decodes. Finishes without a picture if there is no frame. */
function loadPicture(request: ThumbnailRequest): void {
  const image = new Image();
  const end = () => {
    clearTimeout(timer);
    underWay.delete(image);
    image.onload = image.onerror = null;
    finish(request, image.complete ? small(image, image.naturalWidth, image.naturalHeight) : undefined);
  };
  const timer = setTimeout(end, MAX_WAIT_MS);
  underWay.add(image);
  image.onload = end;
  image.onerror = end;
  image.src = request.fallback;
}

function finish({ address, onDone }: ThumbnailRequest, picture: HTMLCanvasElement | undefined): void {
  if (picture) {
    keep(address, picture);
    onDone(picture);
  }
  next();
}

function keep(address: string, picture: HTMLCanvasElement): void {
  kept.set(address, picture);
  const [oldest = ''] = kept.keys();
  if (kept.size > KEPT) {
    kept.delete(oldest);
  }
}

function small(
  source: HTMLVideoElement | HTMLImageElement,
  width: number,
  height: number,
): HTMLCanvasElement | undefined {
  const isEarly = source instanceof HTMLVideoElement && source.readyState < HTMLMediaElement.HAVE_CURRENT_DATA;
  if (width === 0 || isEarly) {
    return undefined;
  }
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = Math.round((WIDTH * height) / width);
  canvas.getContext('2d')?.drawImage(source, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** Distance from the end of a recording: a shorter rest may have no frame. */
const REST_MS = 200;
/** Farther frames show something else. */
const NEAR_MS = 5_000;

/** The nearest recorded moment within reach. */
export function nearestRecorded(spans: readonly Span[], ms: number): number | undefined {
  let best: number | undefined;
  for (const { startMs, endMs } of spans) {
    // Spans are rounded down to milliseconds.
    const firstMs = startMs + 1;
    const at = Math.min(Math.max(ms, firstMs), Math.max(firstMs, endMs - REST_MS));
    if (best === undefined || Math.abs(at - ms) < Math.abs(best - ms)) {
      best = at;
    }
  }
  return best !== undefined && Math.abs(best - ms) <= NEAR_MS ? best : undefined;
}
