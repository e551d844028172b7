import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { OnvifSession } from '../device/onvif-session.ts';
import { elementOf, requestsOf } from '../device/requests.ts';
import { isReset, troubleOf } from '../soap/http/failures.ts';
import { readCameraClock, setCameraClock, setCameraNtp } from './camera-clock.ts';
import type { CameraClock, CameraControl, EncoderAdvice, EncoderChange, EncoderSettings } from './control.ts';
import { adviseEncoder, changeEncoder } from './encoder.ts';
import { requestKeyFrame } from './key-frames.ts';
import { OnvifPtz } from './onvif-ptz.ts';
import { SharedSession } from './shared-session.ts';

interface OnvifControlOptions {
  open(): Promise<OnvifSession>;
  /** Of the path. */
  readonly profile: string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Control of the camera of one path. */
export class OnvifControl implements CameraControl {
  readonly ptz: OnvifPtz;
  readonly #options: OnvifControlOptions;
  readonly #sessions: SharedSession;

  constructor(options: OnvifControlOptions) {
    this.#options = options;
    this.#sessions = new SharedSession(() => options.open());
    this.ptz = new OnvifPtz({ ...options, sessions: this.#sessions });
  }

  async reboot(): Promise<void> {
    await this.#sessions.use(async (session) => {
      const { device } = await requestsOf(session);
      try {
        await elementOf(device.reboot());
      } catch (error) {
        // Some cameras reboot before they reply. An absent one has failed before this.
        if (troubleOf(error) !== 'timeout' && !isReset(error)) {
          throw error;
        }
      }
    });
    this.#sessions.forget();
  }

  clock(): Promise<CameraClock> {
    return this.#sessions.use(readCameraClock);
  }

  setClock(): Promise<CameraClock> {
    return this.#sessions.use((session) => setCameraClock(session, this.#options.clock));
  }

  setNtp(host: string): Promise<CameraClock> {
    return this.#sessions.use((session) => setCameraNtp(session, host));
  }

  encoder(): Promise<EncoderAdvice> {
    return this.#sessions.use((session) => adviseEncoder(session, this.#options.profile));
  }

  setEncoder(wanted: Partial<EncoderSettings>): Promise<EncoderChange> {
    return this.#sessions.use((session) => changeEncoder(session, this.#options.profile, wanted));
  }

  keyFrame(): Promise<void> {
    return this.#sessions.use((session) => requestKeyFrame(session, this.#options.profile));
  }

  close(): Promise<void> {
    return this.ptz.close();
  }
}
