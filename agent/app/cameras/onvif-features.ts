import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config/load/load.ts';
import type { CameraControl, CameraControls } from '../../onvif/control/control.ts';
import type { Stream } from '../../stream/stream.ts';
import type { Recordings } from '../recordings/recordings.ts';
import { Controls } from './controls.ts';
import { CameraWatches } from './event-subscriptions.ts';
import { SubscriptionFile } from './subscription-file.ts';

export interface OnvifCamerasOptions {
  readonly config: () => Config;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly recordings: Pick<Recordings, 'events' | 'isClockTrusted'>;
}

/** Everything that is done with cameras beside pulling their streams: what they see is heard, and they do what they are asked. */
export class OnvifCameras implements CameraControls {
  readonly #controls: Controls;
  readonly #watches: CameraWatches;
  readonly #memory: SubscriptionFile;
  #hasBegun = false;

  constructor(options: OnvifCamerasOptions) {
    const { config, dataDir, clock, log, recordings } = options;
    this.#memory = new SubscriptionFile(join(dataDir, 'camera-subscriptions.json'), clock, log);
    this.#controls = new Controls({ config, clock, log });
    this.#watches = new CameraWatches({
      ...{ config, clock, log, memory: this.#memory, events: recordings.events.hub },
      isClockTrusted: () => recordings.isClockTrusted,
    });
  }

  /** When there are recorders that take events. */
  async begin(): Promise<void> {
    await this.#memory.load();
    this.#hasBegun = true;
    this.apply();
  }

  /** The configuration is another one. */
  apply(): void {
    if (this.#hasBegun) {
      this.#controls.apply();
      this.#watches.apply();
    }
  }

  control(path: string): CameraControl | undefined {
    return this.#controls.control(path);
  }

  streamOpened(path: string, stream: Stream): void {
    this.#controls.streamOpened(path, stream);
  }

  async close(): Promise<void> {
    await Promise.all([this.#controls.close(), this.#watches.close()]);
  }
}
