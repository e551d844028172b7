import type { Clock } from '../../base/clock.ts';
import { explain, ignoreExpected } from '../../base/errors.ts';
import type { PublishEvent } from '../../base/event-bus.ts';
import type { Logger } from '../../base/log.ts';
import type { KeyPath } from '../../config/yaml/edit.ts';
import {
  cameraKey,
  type FollowedCamera,
  isEndpointOfOthers,
  isUniqueSerial,
  type MovePlan,
  planEndpoint,
  type Revise,
  revisePlan,
} from './followed-camera.ts';

/** Minimum time between two saved endpoints of a camera: some cameras return another one each time. */
const PAUSE_MS = 60_000;
/** Pause after an endpoint that was not saved because the environment sets it, so that this is seldom logged. */
const REFUSED_MS = 24 * 3_600_000;

const REASON = 'the camera has a new endpoint, and its serial number matches the settings';

interface NewEndpointsDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly revise: Revise;
  readonly variableOf: (keyPath: KeyPath) => string | undefined;
  readonly publish: PublishEvent;
}

/** Saves the new endpoints of cameras that change them at each start, because events, control and snapshots check it. */
export class NewEndpoints {
  readonly #deps: NewEndpointsDeps;
  /** By camera without its endpoint. */
  readonly #pausedUntilMs = new Map<string, number>();

  constructor(deps: NewEndpointsDeps) {
    this.#deps = deps;
  }

  /** Saves the endpoint of a camera that was verified by its serial number at its own address. Does not reject if the file cannot be written. */
  async take(camera: FollowedCamera, endpoint: string): Promise<void> {
    const { clock, log, revise, variableOf, publish } = this.#deps;
    const name = JSON.stringify([camera.serial, camera.onvif]);
    for (const [other, untilMs] of this.#pausedUntilMs) {
      if (untilMs <= clock.monoMs()) {
        this.#pausedUntilMs.delete(other);
      }
    }
    // Cameras that share a serial number are not identified by it.
    if (!isUniqueSerial(camera.serial) || this.#pausedUntilMs.has(name)) {
      return;
    }
    // Writing the file may take longer than a pause.
    this.#pausedUntilMs.set(name, Number.POSITIVE_INFINITY);
    const { refusal, edits } = await revisePlan(revise, (config) => {
      // That camera may have been adopted meanwhile.
      const isTaken = isEndpointOfOthers(config, endpoint, cameraKey(camera));
      return isTaken ? { edits: [] } : planEndpoint(config, camera, endpoint, variableOf);
    })
      .catch((error: unknown): MovePlan => {
        ignoreExpected(error);
        return { edits: [], refusal: explain(error) };
      })
      .finally(() => this.#pausedUntilMs.set(name, clock.monoMs() + PAUSE_MS));
    const { paths, endpoint: from } = camera;
    if (refusal !== undefined) {
      this.#pausedUntilMs.set(name, clock.monoMs() + REFUSED_MS);
      log.warn({ paths, endpoint, reason: refusal }, 'new endpoint of a camera is not saved');
    } else if (edits.length > 0) {
      log.info({ paths, from, to: endpoint }, 'camera has a new endpoint, verified by its serial number');
      for (const path of paths) {
        publish('camera', { state: 'endpoint', path, from, to: endpoint, reason: REASON });
      }
    }
  }
}
