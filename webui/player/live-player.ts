import { signal } from '@preact/signals';
import { paths, unreachableSinceMs } from '../api-client/paths.ts';
import { UI_HEADER } from '../api-client/request.ts';
import { loadSession } from '../api-client/session.ts';
import type { Fallbacks } from './fallbacks.ts';
import { Player, type PlayerView } from './player.ts';
import { codecIn } from './session/codecs.ts';
import type { PlayError } from './session/live-session.ts';
import { sourceAt } from './session/source.ts';
import { hadBFrames } from './stored-cameras.ts';
import { showSavedStill } from './stored-stills.ts';
import { ALL_TECHNOLOGIES } from './technologies.ts';
import type { VideoSurface } from './video-surface.ts';

export interface LivePlayerOptions {
  /** The path that is played. */
  readonly name: string;
  /** Whose picture it is: main and small picture of a camera share the still. */
  readonly camera: string;
  /** Offers to take sound; whether it is heard, `setSound` says. */
  readonly wantsSound: boolean;
}

/** Below the page, so that it works below a proxy's sub-folder. */
const SERVICES = { webrtc: 'webrtc/', hls: 'hls/' };

async function loadFallbacks(): Promise<Fallbacks> {
  const { fallbacks } = await import('./fallbacks.ts');
  return fallbacks(async () => (await import('hls.js')).default);
}

/** A player as the page's parts use it: they are told of its view by a signal, and it knows what the device says of the path. */
export class LivePlayer {
  readonly view = signal<PlayerView>({ phase: 'stopped', passed: [] });
  readonly options: LivePlayerOptions;
  readonly #player: Player;

  constructor(options: LivePlayerOptions) {
    const { name, camera, wantsSound } = options;
    this.options = options;
    const waysNow = () =>
      isWebRtcUnsupported(name, this.#pictures)
        ? ALL_TECHNOLOGIES.filter((technology) => technology !== 'WebRTC')
        : ALL_TECHNOLOGIES;
    this.#player = new Player({
      source: sourceAt(SERVICES, name, '', UI_HEADER),
      camera,
      get technologies() {
        return waysNow();
      },
      wantsSound,
      loadFallbacks,
      onView: (view) => {
        this.view.value = view;
      },
      onFailure: (failure) => this.#onFailure(failure),
      known: {
        isHopeless: () => isUnplayable(name, this.#pictures.tracks),
        isAway: () => unreachableSinceMs.peek() !== undefined,
        noteUnsupported: () => rememberWebRtcUnsupported(name, this.#pictures),
      },
    });
    const { element, video } = this.surface;
    element.setAttribute('aria-hidden', 'true');
    video.tabIndex = -1;
    this.surface.recall();
    showSavedStill(camera, this.surface);
  }

  get surface(): VideoSurface {
    return this.#player.surface;
  }

  start(): void {
    this.#player.start();
  }

  stop(): void {
    this.#player.stop();
  }

  /** Must be called from a tap or key: browsers want that before they make a sound. */
  setSound(isOn: boolean): void {
    this.surface.video.muted = !isOn;
  }

  facts(): ReturnType<Player['facts']> {
    return this.#player.facts();
  }

  /** As the device told last, maybe at the last visit. */
  get #pictures(): PathMedia {
    const { name } = this.options;
    const item = paths.peek()?.find((path) => path.name === name);
    return { tracks: item?.tracks ?? [], hasBFrames: item?.hasBFrames ?? (hadBFrames(name) || null) };
  }

  #onFailure({ kind }: PlayError): void {
    if (kind === 'refused') {
      loadSession().catch(() => {});
    }
    if (kind === 'codec') {
      rememberUnplayable(this.options.name, this.#pictures.tracks);
    }
  }
}

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

/** What the device tells of a path's pictures. */
interface PathMedia {
  readonly tracks: readonly string[];
  /** They come out of their order; null: not known. */
  readonly hasBFrames: boolean | null;
}

/** What the device has refused to send over WebRTC, as it told of it then. */
const refused = new Map<string, string>();

const toldOf = ({ tracks, hasBFrames }: PathMedia): string => `${keyOf(tracks)} ${hasBFrames}`;

export function rememberWebRtcUnsupported(name: string, pictures: PathMedia): void {
  refused.set(name, toldOf(pictures));
}

/** Whether it is known that the device would refuse it: WebRTC brings none of its pictures to this browser. */
export function isWebRtcUnsupported(name: string, pictures: PathMedia): boolean {
  if (pictures.hasBFrames || refused.get(name) === toldOf(pictures)) {
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
