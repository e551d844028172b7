import { explain, PerchError, rethrowUnexpected } from '../base/errors.ts';
import type { Context } from '../config/load/context.ts';
import { type Config, resolvePath } from '../config/load/load.ts';
import type { CameraOwnSettings, SettingsBody } from '../http/api/cameras/own-settings.ts';
import type { EncoderSettings, FormerEncoder } from '../onvif/control/encoder.ts';
import type { OnvifControl, OwnSettings } from '../onvif/control/onvif-control.ts';
import { isNoReply, isReset } from '../onvif/soap/http/failures.ts';
import type { PathTable } from '../paths/path-table.ts';
import { asClientError, ofCamera } from './onvif/steering.ts';

const POLL_MS = 1_000;
/** Some cameras acknowledge a change, and restart their encoder seconds later. */
const SETTLE_MS = 5_000;
/** Cameras that restart for a change are back within 40 s. */
const MAX_ABSENCE_MS = 60_000;
/** Consecutive checks with new data until the stream counts as back. */
const PLAYING_CHECKS = 3;
const RESTORE_PAUSE_MS = 10_000;

type Control = Pick<
  OnvifControl,
  'ownSettings' | 'formerEncoder' | 'setEncoder' | 'restoreEncoder' | 'setIrCutFilter' | 'setOverlay'
>;
type Change = NonNullable<Awaited<ReturnType<CameraOwnSettings['change']>>>;

interface OwnSettingsOptions extends Pick<Context, 'clock' | 'log' | 'signal'> {
  control(path: string): Control | undefined;
  /** Undefined while the path has no stream, and for one on demand, which ends without readers. */
  bytesReceived(path: string): number | undefined;
  /** The description of the camera is outdated. */
  changed(path: string): void;
}

/** Bytes received by the running stream of a path, or undefined if there is none, or it runs on demand. */
export function lastingBytes(config: Config, paths: PathTable, path: string): number | undefined {
  const isOnDemand = resolvePath(config, path)?.settings?.sourceOnDemand;
  const status = paths.find(path);
  return status?.ready && !isOnDemand ? status.bytesReceived : undefined;
}

/** Changes settings that cameras keep themselves, and restores a video encoder whose stream does not come back. */
export class OwnSettingsChanges implements CameraOwnSettings {
  readonly #options: OwnSettingsOptions;
  /** The last change of each path. */
  readonly #changes = new Map<string, Change>();

  constructor(options: OwnSettingsOptions) {
    this.#options = options;
  }

  async get(path: string) {
    return settingsJson(await this.#use(path, (control) => control.ownSettings()));
  }

  async change(path: string): Promise<Change | null> {
    return this.#changes.get(path) ?? null;
  }

  async set(path: string, { irCutFilter, text, showsTime, ...encoder }: SettingsBody): Promise<Change> {
    this.#requireIdle(path);
    return this.#use(path, async (control) => {
      if (irCutFilter !== undefined) {
        await control.setIrCutFilter(irCutFilter);
      }
      if (text !== undefined || showsTime !== undefined) {
        await control.setOverlay({ text, showsTime });
      }
      if (Object.keys(encoder).length === 0) {
        this.#options.changed(path);
        return this.#note(path, 'done');
      }
      return this.#setEncoder(path, control, encoder);
    });
  }

  async #setEncoder(path: string, control: Control, wanted: Partial<EncoderSettings>): Promise<Change> {
    const { bytesReceived, changed, log } = this.#options;
    const isPlaying = bytesReceived(path) !== undefined;
    const former = await control.formerEncoder();
    // A second change meanwhile would take the first one's settings for the former ones.
    this.#requireIdle(path);
    this.#note(path, 'checking');
    let isIgnored = false;
    try {
      const { before, after } = await control.setEncoder(wanted);
      isIgnored = JSON.stringify(before) === JSON.stringify(after);
      log.info({ path, before, after }, 'camera settings changed');
    } catch (error) {
      // Some cameras restart for a change before they have answered.
      if (!isPlaying || !(isNoReply(error) || isReset(error))) {
        this.#changes.delete(path);
        throw error;
      }
      log.info({ path, reason: explain(error) }, 'no answer to a change of camera settings');
    }
    changed(path);
    if (isIgnored || !isPlaying) {
      return this.#note(path, isIgnored ? 'ignored' : 'unchecked');
    }
    void this.#watch(path, former);
    return this.#note(path, 'checking');
  }

  #requireIdle(path: string): void {
    const state = this.#changes.get(path)?.state;
    if (state === 'checking' || state === 'restoring') {
      throw new PerchError('exhausted', 'the last change of this camera is still being checked', { isBusy: true });
    }
  }

  #use<T>(path: string, work: (control: Control) => Promise<T>) {
    return ofCamera(async () => {
      const control = this.#options.control(path);
      if (!control) {
        throw new PerchError('notFound', 'no camera with ONVIF has this path', { path });
      }
      return work(control).catch((error: unknown) => {
        throw asClientError(error);
      });
    });
  }

  #note(path: string, state: Change['state'], error: string | null = null): Change {
    const change = { state, error, time: new Date(this.#options.clock.wallMs()).toISOString() };
    this.#changes.set(path, change);
    return change;
  }

  async #watch(path: string, former: FormerEncoder): Promise<void> {
    const { log, signal, changed } = this.#options;
    try {
      if (await this.#comesBack(path)) {
        this.#note(path, 'done');
        return;
      }
      if (signal.aborted) {
        return;
      }
      log.warn({ path }, 'no stream after a change of camera settings, restoring the former ones');
      this.#note(path, 'restoring');
      await this.#restore(path, former);
    } catch (error) {
      log.error({ path, err: error }, 'changing camera settings failed');
      this.#note(path, 'notRestored', explain(error));
    } finally {
      changed(path);
    }
  }

  async #comesBack(path: string): Promise<boolean> {
    const { clock, signal, bytesReceived } = this.#options;
    const sinceMs = clock.monoMs();
    let playing = 0;
    let last = bytesReceived(path);
    while (!signal.aborted && clock.monoMs() - sinceMs < MAX_ABSENCE_MS) {
      await clock.sleep(POLL_MS, signal);
      const now = bytesReceived(path);
      const isPlaying = now !== undefined && now !== last && clock.monoMs() - sinceMs > SETTLE_MS;
      playing = isPlaying ? playing + 1 : 0;
      last = now;
      if (playing === PLAYING_CHECKS) {
        return true;
      }
    }
    return false;
  }

  async #restore(path: string, former: FormerEncoder): Promise<void> {
    const { clock, log, signal } = this.#options;
    for (let i = 1; !signal.aborted; i += 1) {
      try {
        await this.#use(path, (control) => control.restoreEncoder(former));
        log.info({ path }, 'former camera settings restored');
        this.#note(path, 'restored');
        return;
      } catch (error) {
        rethrowUnexpected(error);
        if (i === 12) {
          log.warn({ path, reason: explain(error) }, 'former camera settings cannot be restored');
          this.#note(path, 'notRestored', explain(error));
          return;
        }
      }
      await clock.sleep(RESTORE_PAUSE_MS, signal);
    }
  }
}

const settingsJson = ({ encoder, choices, irCutFilter, overlay }: OwnSettings) => ({
  encoder: encoderJson(encoder),
  choices: choices.map(({ codec, sizes, fps, bitrateKbps, groupFrames }) => ({
    codec,
    sizes: [...sizes],
    fps: [...fps],
    bitrateKbps: bitrateKbps ?? null,
    groupFrames: groupFrames ?? null,
  })),
  irCutFilter: irCutFilter ? { now: irCutFilter.now, modes: [...irCutFilter.modes] } : null,
  text: overlay.text ?? null,
  showsTime: overlay.showsTime ?? null,
});

const encoderJson = ({ codec, width, height, fps, bitrateKbps, groupFrames }: EncoderSettings) => ({
  codec: codec ?? null,
  width: width ?? null,
  height: height ?? null,
  fps: fps ?? null,
  bitrateKbps: bitrateKbps ?? null,
  groupFrames: groupFrames ?? null,
});
