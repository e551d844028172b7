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
  /** Path that is played. */
  readonly name: string;
  /** Main and sub stream of a camera share the still. */
  readonly camera: string;
  /** Requests audio; `setSound` unmutes it. */
  readonly wantsSound: boolean;
}

/** Relative, so that the page works below a proxy's sub-folder. */
const SERVICES = { webrtc: 'webrtc/', hls: 'hls/' };

async function loadFallbacks(): Promise<Fallbacks> {
  const { fallbacks } = await import('./fallbacks.ts');
  return fallbacks(async () => (await import('hls.js')).default);
}

/** A player with its view as a signal, and with the box's knowledge of the path. */
export class LivePlayer {
  readonly view = signal<PlayerView>({ phase: 'stopped', passed: [] });
  readonly options: LivePlayerOptions;
  readonly #player: Player;

  constructor(options: LivePlayerOptions) {
    const { name, camera, wantsSound } = options;
    this.options = options;
    const availableTechnologies = () =>
      isWebRtcUnsupported(name, this.#pictures)
        ? ALL_TECHNOLOGIES.filter((technology) => technology !== 'WebRTC')
        : ALL_TECHNOLOGIES;
    this.#player = new Player({
      source: sourceAt(SERVICES, name, '', UI_HEADER),
      camera,
      get technologies() {
        return availableTechnologies();
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

  /** Call it from a user gesture, which browsers require for audio. */
  setSound(isOn: boolean): void {
    this.surface.video.muted = !isOn;
  }

  facts(): ReturnType<Player['facts']> {
    return this.#player.facts();
  }

  /** Properties of the video as last known, perhaps from the last visit. */
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

/** Tracks that this browser could not decode, by path. A retry would fail the same way. */
const known = new Map<string, string>();

const tracksKey = (tracks: readonly string[]): string => tracks.join();

export function rememberUnplayable(name: string, tracks: readonly string[]): void {
  known.set(name, tracksKey(tracks));
}

/** Until the tracks change. An offline camera has none. */
export function isUnplayable(name: string, tracks: readonly string[]): boolean {
  return known.has(name) && (tracks.length === 0 || known.get(name) === tracksKey(tracks));
}

/** Properties of a path's video. */
interface PathMedia {
  readonly tracks: readonly string[];
  /** B-frames; null: unknown. */
  readonly hasBFrames: boolean | null;
}

/** Paths rejected for WebRTC, with their properties at that time. */
const refused = new Map<string, string>();

const mediaKey = ({ tracks, hasBFrames }: PathMedia): string => `${tracksKey(tracks)} ${hasBFrames}`;

export function rememberWebRtcUnsupported(name: string, pictures: PathMedia): void {
  refused.set(name, mediaKey(pictures));
}

/** Whether WebRTC is known to be unavailable for this path. */
export function isWebRtcUnsupported(name: string, pictures: PathMedia): boolean {
  if (pictures.hasBFrames || refused.get(name) === mediaKey(pictures)) {
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
