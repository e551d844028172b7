import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Logger } from '../../base/log.ts';
import type { HttpRoutes } from './http-routes.ts';

const NO_SHORTCUTS = { take: () => false };

/** Routes that are mounted for the first request: those of the control API take a megabyte, and many boxes are never asked at that port. */
export class LateRoutes implements HttpRoutes {
  readonly listeners: HttpRoutes['listeners'] = new Set();
  readonly server: HttpRoutes['server'] = {
    emit: (event, error, socket) => {
      this.#use(
        (app) => app.server.emit(event, error, socket),
        () => socket.destroy(),
      );
      return true;
    },
  };
  readonly #mount: () => Promise<FastifyInstance>;
  readonly #log: Logger;
  #mounting: Promise<FastifyInstance> | undefined;
  #app: FastifyInstance | undefined;

  constructor(mount: () => Promise<FastifyInstance>, log: Logger) {
    this.#mount = mount;
    this.#log = log;
  }

  get shortcuts(): HttpRoutes['shortcuts'] {
    return this.#app?.shortcuts ?? NO_SHORTCUTS;
  }

  async ready(): Promise<void> {}

  routing(request: IncomingMessage, response: ServerResponse): void {
    if (this.#app) {
      this.#app.routing(request, response);
      return;
    }
    let isGone = false;
    response.once('close', () => {
      isGone = true;
    });
    this.#use(
      (app) => isGone || app.routing(request, response),
      () => isGone || response.writeHead(500).end(),
    );
  }

  async close(): Promise<void> {
    await Promise.all([...this.listeners].map((listener) => listener.close()));
    const app = await this.#mounting?.catch(() => undefined);
    await app?.close();
  }

  #use(use: (app: FastifyInstance) => unknown, fail: () => unknown): void {
    this.#mounting ??= this.#mounted();
    this.#mounting.then(use, (error: unknown) => {
      this.#log.error({ err: error }, 'a request found no routes');
      fail();
    });
  }

  async #mounted(): Promise<FastifyInstance> {
    let app: FastifyInstance | undefined;
    try {
      app = await this.#mount();
      await app.ready();
      const { listeners }: HttpRoutes = app;
      for (const listener of this.listeners) {
        listeners.add(listener);
      }
      this.#app = app;
      return app;
    } catch (error) {
      await app?.close();
      this.#mounting = undefined;
      throw error;
    }
  }
}
