import { frameAddress } from '../api-client/urls.ts';

const UNDER_WAY = 2;
const KEPT = 120;
const WIDTH = 192;

interface Wish {
  readonly address: string;
  readonly onDone: (picture: HTMLCanvasElement) => void;
}

/** The one used last at the end. */
const kept = new Map<string, HTMLCanvasElement>();
/** Those that were asked for last come first: they are what is looked at. */
let waiting: Wish[] = [];
let underWay = 0;

/** A small picture of a moment: the key frame before it. @returns takes the wish back */
export function askThumb(name: string, ms: number, onDone: (picture: HTMLCanvasElement) => void): () => void {
  const address = frameAddress(name, ms);
  const known = kept.get(address);
  if (known) {
    kept.delete(address);
    kept.set(address, known);
    onDone(known);
    return () => {};
  }
  const wish = { address, onDone };
  waiting.push(wish);
  next();
  return () => {
    waiting = waiting.filter((one) => one !== wish);
  };
}

function next(): void {
  while (underWay < UNDER_WAY) {
    const wish = waiting.pop();
    if (!wish) {
      return;
    }
    underWay += 1;
    load(wish.address).then((picture) => {
      underWay -= 1;
      if (picture) {
        keep(wish.address, picture);
        wish.onDone(picture);
      }
      next();
    });
  }
}

function keep(address: string, picture: HTMLCanvasElement): void {
  kept.set(address, picture);
  const [oldest = ''] = kept.keys();
  if (kept.size > KEPT) {
    kept.delete(oldest);
  }
}

/** Undefined when there is none, or it cannot be shown here. */
function load(address: string): Promise<HTMLCanvasElement | undefined> {
  return new Promise((resolve) => {
    const video = document.createElement('video');
    const end = (picture?: HTMLCanvasElement) => {
      video.onloadeddata = null;
      video.onerror = null;
      video.removeAttribute('src');
      video.load();
      resolve(picture);
    };
    video.muted = true;
    video.playsInline = true;
    video.preload = 'auto';
    video.onloadeddata = () => end(small(video));
    video.onerror = () => end();
    video.src = address;
  });
}

function small(video: HTMLVideoElement): HTMLCanvasElement | undefined {
  if (video.videoWidth === 0) {
    return undefined;
  }
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = Math.round((WIDTH * video.videoHeight) / video.videoWidth);
  canvas.getContext('2d')?.drawImage(video, 0, 0, canvas.width, canvas.height);
  return canvas;
}
