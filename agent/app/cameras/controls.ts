import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config/load/load.ts';
import type { CameraControl, CameraControls } from '../../onvif/control/control.ts';
import { KeyFrameAsker } from '../../onvif/control/key-frames.ts';
import { OnvifControl } from '../../onvif/control/onvif-control.ts';
import type { Stream } from '../../stream/stream.ts';
import { type CameraLink, linkOfPath, openLink } from './grouping.ts';

export interface ControlsOptions {
  readonly config: () => Config;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Known {
  /** What it was made of. */
  readonly key: string;
  readonly control: OnvifControl;
}

/** The controls of all cameras: made when first asked for, and anew when a path's settings have changed. */
export class Controls implements CameraControls {
  readonly #options: ControlsOptions;
  readonly #known = new Map<string, Known>();
  readonly #stop = new AbortController();

  constructor(options: ControlsOptions) {
    this.#options = options;
  }

  control(path: string): CameraControl | undefined {
    return this.#obtain(path);
  }

  /** A stream has begun: whoever needs a key frame of it is heard by its camera, if that takes wishes. */
  streamOpened(path: string, stream: Stream): void {
    const { clock, log, config } = this.#options;
    if (stream.onKeyFrameWanted || !linkOfPath(config(), path)) {
      return;
    }
    const asker = new KeyFrameAsker({
      groups: stream,
      clock,
      ask: async () => {
        await this.#obtain(path)?.keyFrame();
      },
      onGivenUp: (reason, bug) => {
        // The stream's next beginning may bring another firmware.
        stream.onKeyFrameWanted = undefined;
        const facts = bug === undefined ? { path, reason } : { path, err: bug };
        log[bug === undefined ? 'debug' : 'error'](facts, 'the camera is not asked for key frames any more');
      },
    });
    stream.onKeyFrameWanted = () => asker.want();
  }

  /** Lets go of what belongs to settings that have changed: a camera that moves is stopped. */
  apply(): void {
    for (const [path, { key, control }] of this.#known) {
      const link = linkOfPath(this.#options.config(), path);
      if (!link || keyOf(link) !== key) {
        this.#known.delete(path);
        void control.close();
      }
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#known.values()].map(({ control }) => control.close()));
    this.#stop.abort();
  }

  #obtain(path: string): OnvifControl | undefined {
    const { clock, log, config } = this.#options;
    this.apply();
    const link = linkOfPath(config(), path);
    if (!link || this.#stop.signal.aborted) {
      return undefined;
    }
    let known = this.#known.get(path);
    if (!known) {
      const open = () => openLink(link, clock, this.#stop.signal);
      const control = new OnvifControl({ open, profile: link.profile, clock, log: log.child({ path }) });
      known = { key: keyOf(link), control };
      this.#known.set(path, known);
    }
    return known.control;
  }
}

const keyOf = ({ key, profile, settings }: CameraLink): string =>
  JSON.stringify([key, profile, settings.serial, settings.endpoint]);
