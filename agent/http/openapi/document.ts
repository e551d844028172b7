import { ErrorAnswer } from '../messages/responses.ts';
import type { ListedRoute, RouteSchema } from './catalog.ts';

/** https://spec.openapis.org/oas/v3.1.1 */
const OPENAPI = '3.1.1';
const JSON_TYPE = 'application/json';

/** Name of the rest of the URL in a route that ends in `*`. */
const REST = 'name';

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, Described>>;
  readonly required?: readonly string[];
}

interface Described {
  readonly description?: string;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * The OpenAPI document of these routes.
 * @param baseUrl of this server for the client, without a trailing slash
 */
export function openApiDocument(routes: readonly ListedRoute[], version: string, baseUrl: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    if (!route.schema.hide) {
      const path = pathOf(route.url);
      paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
    }
  }
  return {
    openapi: OPENAPI,
    info: {
      title: 'Perch',
      version,
      description: 'Control API. Failures are answered with {"status": "error", "error": …}.',
    },
    servers: [{ url: baseUrl }],
    security: [{ basic: [] }, { bearer: [] }, { session: [] }, {}],
    tags: tagsOf(routes),
    paths,
    components: {
      securitySchemes: {
        basic: { type: 'http', scheme: 'basic' },
        bearer: { type: 'http', scheme: 'bearer', description: 'A token, or `name:password`.' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'perch_session',
          description: 'Session of the page, by POST /v3/session.',
        },
      },
    },
  };
}

/** `/v3/users/:name` is `/v3/users/{name}`. */
const pathOf = (url: string): string => url.replace(/:(\w+)/g, '{$1}').replace(/\*$/, `{${REST}}`);

function operationOf({ method, url, schema }: ListedRoute): Json {
  const parameters = [
    ...pathParameters(url, schema),
    ...namedParameters('query', schema.querystring),
    ...namedParameters('header', schema.headers),
  ];
  return {
    operationId: operationId(method, url),
    ...(schema.summary === undefined ? {} : { summary: schema.summary }),
    ...(schema.description === undefined ? {} : { description: schema.description }),
    ...(schema.tags === undefined ? {} : { tags: schema.tags }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(schema.body === undefined
      ? {}
      : { requestBody: { required: true, content: { [schema.consumes ?? JSON_TYPE]: { schema: schema.body } } } }),
    responses: responsesOf(schema),
  };
}

/** `postV3WebrtcsessionsKickId` */
function operationId(method: string, url: string): string {
  const words = url.split(/[^\w]+/).filter(Boolean);
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

function pathParameters(url: string, { params }: RouteSchema): Json[] {
  const properties = (params as ObjectSchema | undefined)?.properties ?? {};
  return [...url.matchAll(/:(\w+)|\*/g)].map(([, named]) => ({
    name: named ?? REST,
    in: 'path',
    required: true,
    ...parameterOf(properties[named ?? '*']),
    // A `*` of Fastify may contain slashes, which OpenAPI cannot express.
    ...(named === undefined ? { 'x-may-contain-slashes': true } : {}),
  }));
}

function namedParameters(place: 'query' | 'header', schema: unknown): Json[] {
  const { properties = {}, required = [] } = (schema ?? {}) as ObjectSchema;
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: required.includes(name),
    ...parameterOf(property),
  }));
}

function parameterOf(property: Described | undefined): Json {
  const { description, ...schema } = property ?? { type: 'string' };
  return { ...(description === undefined ? {} : { description }), schema };
}

function responsesOf({ response = {}, produces = {} }: RouteSchema): Json {
  const answers = Object.entries(response).map(([status, schema]) => {
    const { description = WORDS[status] ?? 'Response' } = schema as Described;
    return [status, { description, content: { [produces[status] ?? JSON_TYPE]: { schema } } }];
  });
  const failed = { description: 'Any other failure.', content: { [JSON_TYPE]: { schema: ErrorAnswer } } };
  return { ...Object.fromEntries(answers), default: failed };
}

const WORDS: Readonly<Record<string, string>> = {
  200: 'Success.',
  400: 'The request is invalid.',
  401: 'Authentication is required, or the credentials are wrong.',
  404: 'Not found.',
  412: 'Another client has changed it.',
  413: 'The body is too large.',
  429: 'Too many requests: Retry-After has the time to wait.',
  501: 'Not supported on this box.',
  503: 'Temporarily not possible.',
  507: 'A limit or the disk space is exhausted.',
};

function tagsOf(routes: readonly ListedRoute[]): Json[] {
  const names = routes.flatMap(({ schema }) => (schema.hide ? [] : (schema.tags ?? [])));
  return [...new Set(names)].map((name) => ({ name }));
}
