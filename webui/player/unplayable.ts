import { codecIn } from './codecs.ts';

/** What this browser could not decode: for each path the tracks that it had. Trying again would end the same way. */
const known = new Map<string, string>();

const keyOf = (tracks: readonly string[]): string => tracks.join();

export function rememberUnplayable(name: string, tracks: readonly string[]): void {
  known.set(name, keyOf(tracks));
}

/** As long as no other tracks are known; a camera that is away has none. */
export function isUnplayable(name: string, tracks: readonly string[]): boolean {
  return known.has(name) && (tracks.length === 0 || known.get(name) === keyOf(tracks));
}

/** What the box tells of a path's pictures. */
export interface Pictures {
  readonly tracks: readonly string[];
  /** They come out of their order; null: not known. */
  readonly hasBFrames: boolean | null;
}

/** What the box has refused to send over WebRTC, as it told of it then. */
const refused = new Map<string, string>();

const descriptionOf = ({ tracks, hasBFrames }: Pictures): string => `${keyOf(tracks)} ${hasBFrames}`;

export function rememberUnfit(name: string, pictures: Pictures): void {
  refused.set(name, descriptionOf(pictures));
}

/** Whether it is known that the box would refuse it: WebRTC brings none of its pictures to this browser. */
export function isUnfit(name: string, pictures: Pictures): boolean {
  if (pictures.hasBFrames || refused.get(name) === descriptionOf(pictures)) {
    return true;
  }
  const videos = pictures.tracks.filter(codecIn);
  return videos.length > 0 && !videos.some(isTaken);
}

function isTaken(label: string): boolean {
  const taken = globalThis.RTCRtpReceiver?.getCapabilities('video')?.codecs;
  const mime = `video/${label}`.toLowerCase();
  return taken?.some(({ mimeType }) => mimeType.toLowerCase() === mime) ?? true;
}
