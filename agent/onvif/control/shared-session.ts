import type { OnvifSession } from '../device/onvif-session.ts';
import { isOperationFault } from '../soap/http/failures.ts';

/** One session for all control of a camera, because opening one takes several calls. */
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

  /** For a reboot, which may change the clock. */
  forget(): void {
    this.#session = undefined;
  }
}
