import type { FastifyInstance } from 'fastify';

/** What a route tells of itself in Fastify's `schema`: TypeBox schemas, which are JSON schemas. */
export interface RouteSchema {
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly params?: unknown;
  readonly querystring?: unknown;
  readonly headers?: unknown;
  readonly body?: unknown;
  /** By status. */
  readonly response?: Readonly<Record<string, unknown>>;
  /** Content type of the body, where it is not JSON. */
  readonly consumes?: string;
  /** The route is not for the document: another name of one that is, or a page for people. */
  readonly hide?: boolean;
  /** Content types of the answers by status, where they are not JSON. */
  readonly produces?: Readonly<Record<string, string>>;
}

export interface ListedRoute {
  readonly method: string;
  /** As Fastify has it: `/v3/paths/get/*`, `/v3/webrtcsessions/kick/:id`. */
  readonly url: string;
  readonly schema: RouteSchema;
}

/** The routes of one listener below `/v3`, and those elsewhere that have tags, in the order of their registration. */
interface RouteCatalog {
  readonly routes: readonly ListedRoute[];
}

declare module 'fastify' {
  interface FastifyInstance {
    readonly routeCatalog: RouteCatalog;
  }
  interface FastifySchema {
    readonly summary?: string;
    readonly description?: string;
    readonly tags?: readonly string[];
    readonly hide?: boolean;
    readonly consumes?: string;
    readonly produces?: Readonly<Record<string, string>>;
  }
}

/**
 * Notes each route that is registered from now on. Schemas are for people, for the document of the API and for its tests:
 * the routes judge what they are sent themselves, because what is wrong is told in MediaMTX's words. Fastify gets none: it would
 * keep a compiled table for each route, 5 kB with a place for each status up to the highest.
 */
export function catalogRoutes(app: FastifyInstance): void {
  const routes: ListedRoute[] = [];
  app.decorate('routeCatalog', { routes });
  app.addHook('onRoute', (route) => {
    const { method, url, schema } = route;
    for (const one of typeof method === 'string' ? [method] : method) {
      const isOfApi = url.startsWith('/v3/') || schema?.tags !== undefined;
      if (isOfApi && one !== 'HEAD' && one !== 'OPTIONS') {
        routes.push({ method: one, url, schema: (schema ?? {}) as RouteSchema });
      }
    }
    route.schema = schema?.consumes === undefined ? {} : { consumes: schema.consumes };
  });
}
