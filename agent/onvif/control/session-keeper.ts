import { isOwnFault } from '../device/media.ts';
import type { OnvifSession } from '../device/session.ts';

/** One session for all that is done to a camera: finding out how to speak to it takes several calls. */
export class SessionKeeper {
  readonly #open: () => Promise<OnvifSession>;
  #session: Promise<OnvifSession> | undefined;

  constructor(open: () => Promise<OnvifSession>) {
    this.#open = open;
  }

  /** After a failure that is about more than this one call the next begins anew. */
  async use<T>(work: (session: OnvifSession) => Promise<T>): Promise<T> {
    this.#session ??= this.#open();
    const session = this.#session;
    let isOpen = false;
    try {
      const opened = await session;
      isOpen = true;
      return await work(opened);
    } catch (error) {
      if (this.#session === session && (!isOpen || !isOwnFault(error))) {
        this.#session = undefined;
      }
      throw error;
    }
  }

  /** The next one begins anew: the camera's clock may be another. */
  forget(): void {
    this.#session = undefined;
  }
}
