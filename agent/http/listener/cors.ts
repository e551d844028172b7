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
  const [pattern, host] = [one.host, other.host];
  return matchesGlob(pattern, host) || (pattern.startsWith('*.') && matchesGlob(pattern.slice(2), host));
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

/** `*` stands for any text. Takes at most the product of both lengths, which a regular expression with several `*` exceeds. */
function matchesGlob(pattern: string, text: string): boolean {
  let [at, star, resumed] = [0, -1, 0];
  for (let i = 0; i < text.length; ) {
    if (pattern[at] === '*') {
      star = at;
      resumed = i;
      at += 1;
    } else if (pattern[at] === text[i]) {
      at += 1;
      i += 1;
    } else if (star >= 0) {
      at = star + 1;
      resumed += 1;
      i = resumed;
    } else {
      return false;
    }
  }
  return /^\**$/.test(pattern.slice(at));
}
