import type { TellBox } from '../../base/box-events.ts';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config/load/load.ts';
import type { Edit, KeyPath } from '../../config/yaml/edit.ts';
import { type FollowedCamera, isEndpointOfOthers, keyOf, planEndpoint } from './followed-camera.ts';
import { isTellingSerial } from './identity.ts';

/** A camera with another endpoint for each question is not written down each time. */
const AGAIN_AFTER_MS = 60_000;
/** What a person has set is not changed, and not complained about all the time. */
const REFUSED_MS = 24 * 3_600_000;

const REASON = 'the camera tells another endpoint than before, and has shown the serial number that its settings have';

export interface NewEndpointsDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly revise: (plan: (now: { readonly config: Config }) => readonly Edit[]) => Promise<void>;
  /** The variable of the environment that sets a key. */
  readonly variableOf: (keyPath: KeyPath) => string | undefined;
  readonly tell: TellBox;
}

/** Writes down the new endpoints of cameras that have one after each start: events, control and pictures go by it. */
export class NewEndpoints {
  readonly #deps: NewEndpointsDeps;
  /** By camera without its endpoint: until when nothing is done. */
  readonly #pausedUntilMs = new Map<string, number>();

  constructor(deps: NewEndpointsDeps) {
    this.#deps = deps;
  }

  /** For a camera that has proved its serial number, at its own address. Never rejects because of the file. */
  async take(camera: FollowedCamera, endpoint: string): Promise<void> {
    const { clock, log, revise, variableOf, tell } = this.#deps;
    const name = JSON.stringify([camera.serial, camera.onvif]);
    for (const [other, untilMs] of this.#pausedUntilMs) {
      if (untilMs <= clock.monoMs()) {
        this.#pausedUntilMs.delete(other);
      }
    }
    // Cameras that all have the same number are not told apart by it.
    if (!isTellingSerial(camera.serial) || this.#pausedUntilMs.has(name)) {
      return;
    }
    this.#pausedUntilMs.set(name, clock.monoMs() + AGAIN_AFTER_MS);
    let refusal: string | undefined;
    let isWritten = false;
    try {
      await revise(({ config }) => {
        // Somebody may have adopted that one meanwhile.
        const isTaken = isEndpointOfOthers(config, endpoint, keyOf(camera));
        const plan = isTaken ? { edits: [] } : planEndpoint(config, camera, endpoint, variableOf);
        refusal = plan.refusal;
        isWritten = plan.edits.length > 0;
        return plan.edits;
      });
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
      refusal = explain(error);
      isWritten = false;
    }
    const { paths, endpoint: from } = camera;
    if (refusal !== undefined) {
      this.#pausedUntilMs.set(name, clock.monoMs() + REFUSED_MS);
      log.warn({ paths, endpoint, reason: refusal }, 'camera has another endpoint, which is not written down');
    } else if (isWritten) {
      log.info({ paths, from, to: endpoint }, 'camera has another endpoint, and is the same by its serial number');
      for (const path of paths) {
        tell('camera', { state: 'endpoint', path, from, to: endpoint, reason: REASON });
      }
    }
  }
}
