import type { Context } from '../../config/load/context.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import { isOff } from '../../config/schema/path.ts';
import { KeyFrameRequester } from '../../onvif/control/key-frames.ts';
import { OnvifControl } from '../../onvif/control/onvif-control.ts';
import type { Stream } from '../../stream/stream.ts';
import { linkEvenIfPaused, linkOfPath, type OnvifLink, openOnvifSession } from './onvif-link.ts';

interface ControlsOptions extends Pick<Context, 'clock' | 'log'> {
  readonly config: () => Config;
  /** Whether a relay is on, by events of the camera; undefined: it is not known. Default: none is. */
  isRelayOn?(path: string, token: string): boolean | undefined;
}

interface CachedControl {
  readonly key: string;
  readonly control: OnvifControl;
}

/** The controls of all cameras: created on first use, and again when a path's settings change. */
export class Controls {
  readonly #options: ControlsOptions;
  readonly #known = new Map<string, CachedControl>();
  readonly #stop = new AbortController();

  constructor(options: ControlsOptions) {
    this.#options = options;
  }

  /** Undefined if the path has no camera. */
  control(path: string): OnvifControl | undefined {
    const { config } = this.#options;
    this.apply();
    const link = linkOfPath(config(), path);
    if (!link || this.#stop.signal.aborted) {
      return undefined;
    }
    const known = this.#known.get(path) ?? { key: controlsKey(link), control: this.#open(path, link) };
    this.#known.set(path, known);
    return known.control;
  }

  /** For what must reach a camera even if it is paused or private. @returns undefined if the path has no camera */
  withEvenIfOff<T>(path: string, work: (control: OnvifControl) => Promise<T>): Promise<T> | undefined {
    const usual = this.control(path);
    if (usual) {
      return work(usual);
    }
    const settings = resolvePath(this.#options.config(), path)?.settings;
    const link = settings && linkEvenIfPaused(settings);
    if (!link || this.#stop.signal.aborted) {
      return undefined;
    }
    const control = this.#open(path, link);
    return work(control).finally(() => control.close());
  }

  #open(path: string, link: OnvifLink): OnvifControl {
    const { clock, log, isRelayOn } = this.#options;
    return new OnvifControl({
      open: () => openOnvifSession(link, clock, this.#stop.signal),
      profile: link.profile,
      clock,
      log: log.child({ path }),
      isRelayOn: (token) => isRelayOn?.(path, token),
    });
  }

  /** The path has a camera that is paused or private: nothing is sent to it but what ends something. */
  isOff(path: string): boolean {
    const settings = resolvePath(this.#options.config(), path)?.settings;
    return settings !== undefined && isOff(settings) && linkEvenIfPaused(settings) !== undefined;
  }

  /** Passes requests for key frames on to the camera. */
  streamOpened(path: string, stream: Stream): void {
    const { clock, log, config } = this.#options;
    if (stream.onKeyFrameWanted || !linkOfPath(config(), path)) {
      return;
    }
    const requester = new KeyFrameRequester({
      gop: stream,
      clock,
      request: async () => {
        await this.control(path)?.keyFrame();
      },
      onStopped: (reason, bug) => {
        // The next stream may come from another firmware.
        stream.onKeyFrameWanted = undefined;
        const facts = bug === undefined ? { path, reason } : { path, err: bug };
        log[bug === undefined ? 'debug' : 'error'](facts, 'key frames are no longer requested from the camera');
      },
    });
    stream.onKeyFrameWanted = () => requester.want();
  }

  /** Closes the controls of changed settings, which stops a moving camera. */
  apply(): void {
    for (const [path, { key, control }] of this.#known) {
      const link = linkOfPath(this.#options.config(), path);
      if (!link || controlsKey(link) !== key) {
        this.#known.delete(path);
        void control.close();
      }
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#known.values()].map(({ control }) => control.close()));
    this.#stop.abort();
  }
}

const controlsKey = ({ key, profile, settings }: OnvifLink): string =>
  JSON.stringify([key, profile, settings.serial, settings.endpoint]);
