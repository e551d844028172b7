import { setTimeout as delay } from 'node:timers/promises';
import { type GstCamera, playClip, smallClip, startGstCamera } from '../../peers/cameras/camera.ts';
import { freePorts } from '../../support/base/free-port.ts';

export const RESTART_SECONDS = 20;

export const pause = (seconds: number, stop: AbortSignal): Promise<void> =>
  delay(seconds * 1_000, undefined, { signal: stop }).catch(() => {});

/** That send a clip each; recorded GOPs are a second long. */
export class SoakCameras implements AsyncDisposable {
  readonly #ports: readonly number[];
  readonly #launch: string;
  readonly #running: GstCamera[] = [];
  #isClosed = false;

  private constructor(ports: readonly number[], launch: string) {
    this.#ports = ports;
    this.#launch = launch;
  }

  /** @param seconds of the clip, after which each connects anew */
  static async open(count: number, seconds = 600): Promise<SoakCameras> {
    const cameras = new SoakCameras(await freePorts(count), playClip(await smallClip(seconds), true));
    for (let i = 0; i < count; i += 1) {
      await cameras.#open(i);
    }
    return cameras;
  }

  get urls(): readonly string[] {
    return this.#running.map((camera) => camera.url('/main'));
  }

  /** Each is killed every 20 s, one after the other, and started again at once. */
  async restart(stop: AbortSignal): Promise<void> {
    for (let turn = 0; !stop.aborted && !this.#isClosed; turn += 1) {
      const index = turn % this.#ports.length;
      await this.#running[index]?.[Symbol.asyncDispose]();
      await this.#open(index);
      await pause(RESTART_SECONDS / this.#ports.length, stop);
    }
  }

  async #open(index: number): Promise<void> {
    const camera = await startGstCamera({ '/main': this.#launch }, { port: this.#ports[index] ?? 0 });
    this.#running[index] = camera;
    if (this.#isClosed) {
      await camera[Symbol.asyncDispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#running.map((camera) => camera[Symbol.asyncDispose]()));
  }
}
