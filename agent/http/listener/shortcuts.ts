import type { IncomingMessage, ServerResponse } from 'node:http';

declare module 'fastify' {
  interface FastifyInstance {
    readonly shortcuts: Shortcuts;
  }
}

/** @returns false: Fastify answers the request */
type Shortcut = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Answers to GET over HTTP/1 without Fastify, whose hooks and objects cost more than most answers to players. */
export class Shortcuts {
  /** A hook applies to all requests. */
  isOff: () => boolean = () => false;
  readonly #shortcuts: Shortcut[] = [];

  add(shortcut: Shortcut): void {
    this.#shortcuts.push(shortcut);
  }

  /** @returns whether the request is answered */
  take(request: IncomingMessage, response: ServerResponse): boolean {
    if (request.method !== 'GET' || request.httpVersionMajor !== 1 || this.isOff()) {
      return false;
    }
    for (let i = 0; i < this.#shortcuts.length; i += 1) {
      if (this.#shortcuts[i]?.(request, response)) {
        return true;
      }
    }
    return false;
  }
}
