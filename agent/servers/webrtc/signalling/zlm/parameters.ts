import type { FastifyRequest } from 'fastify';
import { PerchError } from '../../../../base/errors.ts';
import { bodyOf, queryOf } from '../requests.ts';

/** The parameters of a call: from its query, then its body (a form or flat JSON), then its headers. */
export class Parameters {
  readonly #values: ReadonlyMap<string, string>;
  readonly #headers: FastifyRequest['headers'];

  constructor(request: FastifyRequest) {
    const pairs = [...fromBody(request), ...new URLSearchParams(queryOf(request))].slice(-100);
    this.#values = new Map(pairs);
    this.#headers = request.headers;
  }

  /** Empty counts as missing. */
  get(name: string): string | undefined {
    const header = this.#headers[name.toLowerCase()];
    return this.#values.get(name) || (typeof header === 'string' ? header : undefined) || undefined;
  }

  /** Value of the parameter: empty if it has none, undefined if not sent. */
  sent(name: string): string | undefined {
    return this.#values.get(name);
  }

  /** @throws PerchError badInput with the missing names in its context */
  require<Name extends string>(...names: readonly Name[]): Record<Name, string> {
    const missing = names.filter((name) => this.get(name) === undefined);
    if (missing.length > 0) {
      const list = missing.map((name) => `"${name}"`).join(', ');
      throw new PerchError('badInput', `Required parameter missed: ${list}`, { missing });
    }
    return Object.fromEntries(names.map((name) => [name, this.get(name) ?? ''])) as Record<Name, string>;
  }
}

/** Other bodies have no parameters. */
function fromBody(request: FastifyRequest): [string, string][] {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  if (type === 'application/x-www-form-urlencoded') {
    return [...new URLSearchParams(bodyOf(request))];
  }
  if (type !== 'application/json') {
    return [];
  }
  try {
    const value: unknown = JSON.parse(bodyOf(request));
    const isFlat = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isFlat ? Object.entries(value).map(([name, one]) => [name, String(one)]) : [];
  } catch {
    // Some clients send an SDP offer as JSON: its parameters are in the query.
    return [];
  }
}
