import type { FastifyInstance } from 'fastify';

/** Fastify's `schema` of a route, with TypeBox schemas, which are JSON schemas. */
export interface RouteSchema {
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly params?: unknown;
  readonly querystring?: unknown;
  readonly headers?: unknown;
  readonly body?: unknown;
  /** Schemas of the responses, by status. */
  readonly response?: Readonly<Record<string, unknown>>;
  /** Content type of the body, if not JSON. */
  readonly consumes?: string;
  /** Not in the document: an alias of another route, or a page. */
  readonly hide?: boolean;
  /** Content types of replies by status, if not JSON. */
  readonly produces?: Readonly<Record<string, string>>;
}

export interface ListedRoute {
  readonly method: string;
  /** In Fastify's form: `/v3/paths/get/*`, `/v3/webrtcsessions/kick/:id`. */
  readonly url: string;
  readonly schema: RouteSchema;
}

/** The routes of one listener below `/v3`, and others with tags, in the order of their registration. */
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
 * Collects all routes that are registered later. Schemas are for the API document and its tests; the routes validate requests themselves,
 * with MediaMTX's messages. Fastify gets no schemas: it would keep a compiled table of 5 kB for each route.
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
