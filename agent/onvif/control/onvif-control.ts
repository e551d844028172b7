import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { OnvifSession } from '../device/onvif-session.ts';
import { sendRequest } from '../device/requests.ts';
import { isReset, isTrouble } from '../soap/http/failures.ts';
import { type CameraClock, readCameraClock, setCameraClock, setCameraNtp } from './camera-clock.ts';
import {
  adviseEncoder,
  changeEncoder,
  type EncoderAdvice,
  type EncoderChange,
  type EncoderSettings,
  type FormerEncoder,
  readFormer,
  readOwn,
  restoreEncoder,
  settingsOf,
} from './encoder.ts';
import { type EncoderChoice, readEncoderChoices } from './encoder-choices.ts';
import { type IrCutFilter, type IrCutMode, readIrCutFilter, setIrCutFilter } from './imaging.ts';
import { requestKeyFrame } from './key-frames.ts';
import { type Masks, readMasks, removeMask, setMask } from './masks.ts';
import { OnvifPtz } from './onvif-ptz.ts';
import { OnvifOutputs } from './outputs.ts';
import { type Overlay, readOverlay, setOverlay } from './overlay.ts';
import { SharedSession } from './shared-session.ts';
import { Ways } from './ways.ts';

interface OnvifControlOptions {
  open(): Promise<OnvifSession>;
  readonly profile: string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether a relay is on, as its camera has reported it; undefined: it is not known. */
  isRelayOn?(token: string): boolean | undefined;
}

/** Settings that a camera keeps itself; undefined or empty: it does not let them be set. */
export interface OwnSettings {
  readonly encoder: EncoderSettings;
  readonly choices: readonly EncoderChoice[];
  readonly irCutFilter: IrCutFilter | undefined;
  readonly overlay: Overlay;
}

/** Control of the camera of one path. All methods reject with PerchError for a person. */
export class OnvifControl {
  readonly ptz: OnvifPtz;
  readonly outputs: OnvifOutputs;
  readonly #options: OnvifControlOptions;
  readonly #sessions: SharedSession;
  readonly #ways = new Ways();

  constructor(options: OnvifControlOptions) {
    this.#options = options;
    this.#sessions = new SharedSession(() => options.open());
    this.ptz = new OnvifPtz({ ...options, sessions: this.#sessions });
    this.outputs = new OnvifOutputs({ ...options, sessions: this.#sessions, ptz: this.ptz });
  }

  /** Reboots the camera. Resolves when it has accepted; it is then away for 30 to 90 s. */
  async reboot(): Promise<void> {
    await this.#sessions.use(async (session) => {
      try {
        await sendRequest(session, ({ device }) => device.reboot());
      } catch (error) {
        // Some cameras reboot before they reply. An absent one has failed before this.
        if (!isTrouble(error, 'timeout') && !isReset(error)) {
          throw error;
        }
      }
    });
    this.#sessions.forget();
  }

  clock(): Promise<CameraClock> {
    return this.#sessions.use(readCameraClock);
  }

  /** Sets this box's time. @returns the clock afterwards */
  setClock(): Promise<CameraClock> {
    return this.#sessions.use((session) => setCameraClock(session, this.#options.clock));
  }

  /** @param host name or address of a time server; Perch itself is not one */
  setNtp(host: string): Promise<CameraClock> {
    return this.#sessions.use((session) => setCameraNtp(session, host));
  }

  encoder(): Promise<EncoderAdvice> {
    return this.#sessions.use((session) => adviseEncoder(session, this.#options.profile));
  }

  setEncoder(wanted: Partial<EncoderSettings>): Promise<EncoderChange> {
    return this.#sessions.use((session) => changeEncoder(session, this.#ways, this.#options.profile, wanted));
  }

  /** The present configuration, to restore it after a change. */
  formerEncoder(): Promise<FormerEncoder> {
    return this.#sessions.use((session) => readFormer(session, this.#options.profile));
  }

  /** Sends a former configuration again. */
  restoreEncoder(former: FormerEncoder): Promise<void> {
    return this.#sessions.use((session) => restoreEncoder(session, this.#ways, former));
  }

  ownSettings(): Promise<OwnSettings> {
    return this.#sessions.use(async (session) => {
      const profile = await readOwn(session, this.#options.profile);
      return {
        encoder: settingsOf(profile),
        choices: await readEncoderChoices(session, this.#ways, profile),
        irCutFilter: await readIrCutFilter(session, profile),
        overlay: await readOverlay(session, this.#ways, profile),
      };
    });
  }

  setIrCutFilter(mode: IrCutMode): Promise<void> {
    return this.#sessions.use(async (session) =>
      setIrCutFilter(session, this.#ways, await readOwn(session, this.#options.profile), mode),
    );
  }

  setOverlay(wanted: Partial<Overlay>): Promise<void> {
    return this.#sessions.use(async (session) =>
      setOverlay(session, this.#ways, await readOwn(session, this.#options.profile), wanted),
    );
  }

  /** Undefined: the camera has no privacy masks. */
  masks(): Promise<Masks | undefined> {
    return this.#sessions.use(async (session) => readMasks(session, await readOwn(session, this.#options.profile)));
  }

  /** Creates a mask, or moves the one of this token. */
  setMask(mask: Parameters<typeof setMask>[2]): Promise<void> {
    return this.#sessions.use(async (session) => setMask(session, await readOwn(session, this.#options.profile), mask));
  }

  removeMask(token: string): Promise<void> {
    return this.#sessions.use(async (session) =>
      removeMask(session, await readOwn(session, this.#options.profile), token),
    );
  }

  keyFrame(): Promise<void> {
    return this.#sessions.use((session) => requestKeyFrame(session, this.#ways, this.#options.profile));
  }

  close(): Promise<void> {
    return this.ptz.close();
  }
}
