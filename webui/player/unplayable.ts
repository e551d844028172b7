import { codecIn } from './codec-names.ts';

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

/** The same, of what the box has refused to send over WebRTC. */
const refused = new Map<string, string>();

export function rememberUnfit(name: string, tracks: readonly string[]): void {
  refused.set(name, keyOf(tracks));
}

/** Whether it is known that the box would refuse it: WebRTC brings none of its pictures to this browser. */
export function isUnfit(name: string, tracks: readonly string[]): boolean {
  const pictures = tracks.filter(codecIn);
  return refused.get(name) === keyOf(tracks) || (pictures.length > 0 && !pictures.some(isTaken));
}

function isTaken(label: string): boolean {
  const taken = globalThis.RTCRtpReceiver?.getCapabilities('video')?.codecs;
  const mime = `video/${label}`.toLowerCase();
  return taken?.some(({ mimeType }) => mimeType.toLowerCase() === mime) ?? true;
}
