import type { FastifyReply, FastifyRequest } from 'fastify';

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/** The value of `Access-Control-Allow-Origin`: the origin if an entry names it, else `*` if the list has it. */
export function allowedOrigin(origin: string | undefined, allowOrigins: readonly string[]): string | undefined {
  if (origin !== undefined && allowOrigins.some((entry) => entry !== '*' && matches(entry, origin))) {
    return origin;
  }
  return allowOrigins.includes('*') ? '*' : undefined;
}

/** Whether an entry names this origin; `*` and `https://*` do not. */
export const isNamedOrigin = (origin: string | undefined, allowOrigins: readonly string[]): boolean =>
  origin !== undefined &&
  allowOrigins.some((entry) => !/^(?:[^/]*:\/\/)?\**(?::\d+)?\/?$/.test(entry) && matches(entry, origin));

/**
 * A hook that answers preflights with 204 and permits listed origins to read replies. It never sends `Access-Control-Allow-Credentials`, so
 * no other origin can read with the session cookie.
 * @param allowOrigins the current list
 */
export function cors(allowOrigins: () => readonly string[], methods: string, headers: string) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const origin = allowedOrigin(request.headers.origin, allowOrigins());
    if (origin !== undefined) {
      reply.header('Access-Control-Allow-Origin', origin);
      reply.header('Vary', 'Origin');
    }
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) {
      return undefined;
    }
    reply.header('Access-Control-Allow-Methods', methods);
    reply.header('Access-Control-Allow-Headers', headers);
    return reply.code(204).send();
  };
}

/** Compares scheme, host and port; `*.` before the host matches any chain of subdomains or none, another `*` anything. */
function matches(entry: string, origin: string): boolean {
  const [one, other] = [split(entry), split(origin)];
  if (!one || !other || one.scheme !== other.scheme || one.port !== other.port) {
    return false;
  }
  return hostPattern(one.host).test(other.host);
}

function split(text: string): { scheme: string; host: string; port: string } | undefined {
  const [, scheme = '', host = '', port] =
    /^([a-z][a-z0-9+.-]*:)\/\/(\[[^\]]*\]|[^/:]*)(?::(\d+))?\/?$/i.exec(text) ?? [];
  if (host === '') {
    return undefined;
  }
  return {
    scheme: scheme.toLowerCase(),
    host: host.toLowerCase(),
    port: port ?? DEFAULT_PORTS[scheme.toLowerCase()] ?? '',
  };
}

function hostPattern(host: string): RegExp {
  const hasSubdomains = host.startsWith('*.');
  const rest = (hasSubdomains ? host.slice(2) : host).replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*');
  return new RegExp(`^${hasSubdomains ? '(?:[^/]*\\.)?' : ''}${rest}$`);
}
