import { signal } from '@preact/signals';
import { awaySinceMs, paths } from '../api-client/paths.ts';
import { UI_HEADER } from '../api-client/request.ts';
import { loadSession } from '../api-client/session.ts';
import { showKeptStill } from './stored-stills.ts';
import type { PlayError } from './live-session.ts';
import { Player, type PlayerView } from './player.ts';
import { hadBFrames } from './stored-cameras.ts';
import { sourceAt } from './source.ts';
import type { Stage } from './video-surface.ts';
import { isUnfit, isUnplayable, type Pictures, rememberUnfit, rememberUnplayable } from './unplayable.ts';
import { ALL_WAYS } from './technologies.ts';
import type { OtherWays } from './fallbacks.ts';

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

async function loadOthers(): Promise<OtherWays> {
  const { otherWays } = await import('./fallbacks.ts');
  return otherWays(async () => (await import('hls.js')).default);
}

/** A player as the page's parts use it: they are told of its view by a signal, and it knows what the box says of the path. */
export class LivePlayer {
  readonly view = signal<PlayerView>({ phase: 'stopped', passed: [] });
  readonly options: LivePlayerOptions;
  readonly #player: Player;

  constructor(options: LivePlayerOptions) {
    const { name, camera, wantsSound } = options;
    this.options = options;
    const waysNow = () => (isUnfit(name, this.#pictures) ? ALL_WAYS.filter((way) => way !== 'WebRTC') : ALL_WAYS);
    this.#player = new Player({
      source: sourceAt(SERVICES, name, '', UI_HEADER),
      camera,
      get ways() {
        return waysNow();
      },
      wantsSound,
      loadOthers,
      onView: (view) => {
        this.view.value = view;
      },
      onFailure: (failure) => this.#onFailure(failure),
      known: {
        isHopeless: () => isUnplayable(name, this.#pictures.tracks),
        isAway: () => awaySinceMs.peek() !== undefined,
        noteUnfit: () => rememberUnfit(name, this.#pictures),
      },
    });
    const { element, video } = this.stage;
    element.setAttribute('aria-hidden', 'true');
    video.tabIndex = -1;
    this.stage.recall();
    showKeptStill(camera, this.stage);
  }

  get stage(): Stage {
    return this.#player.stage;
  }

  start(): void {
    this.#player.start();
  }

  stop(): void {
    this.#player.stop();
  }

  /** Must be called from a tap or key: browsers want that before they make a sound. */
  setSound(isOn: boolean): void {
    this.stage.video.muted = !isOn;
  }

  facts(): ReturnType<Player['facts']> {
    return this.#player.facts();
  }

  /** As the box told last, maybe at the last visit. */
  get #pictures(): Pictures {
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
