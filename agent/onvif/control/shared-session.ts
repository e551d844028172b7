import type { OnvifSession } from '../device/onvif-session.ts';
import { isOperationFault } from '../soap/http/failures.ts';

/** One session for everything that controls a camera, because opening a session takes several calls. */
export class SharedSession {
  readonly #open: () => Promise<OnvifSession>;
  #session: Promise<OnvifSession> | undefined;

  constructor(open: () => Promise<OnvifSession>) {
    this.#open = open;
  }

  /** After a failure beyond the single call, the next use opens a new session. */
  async use<T>(work: (session: OnvifSession) => Promise<T>): Promise<T> {
    this.#session ??= this.#open();
    const session = this.#session;
    let isOpen = false;
    try {
      const opened = await session;
      isOpen = true;
      return await work(opened);
    } catch (error) {
      if (this.#session === session && (!isOpen || !isOperationFault(error))) {
        this.#session = undefined;
      }
      throw error;
    }
  }

  /** Called for a reboot, which may change the camera's clock: the next use opens a new session. */
  forget(): void {
    this.#session = undefined;
  }
}
