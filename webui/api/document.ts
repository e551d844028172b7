/** The part of an OpenAPI document that the page shows. */
export interface ApiDocument {
  readonly info: { readonly version: string };
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

export interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<Record<string, Answer>>;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: Schema;
  readonly 'x-may-contain-slashes'?: boolean;
}

export interface Answer {
  readonly description: string;
  readonly content: Readonly<Record<string, { readonly schema: Schema }>>;
}

interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

/** An example body with the required properties. */
export function exampleOf(schema: Schema): unknown {
  if (schema.const !== undefined || schema.default !== undefined) {
    return schema.const ?? schema.default;
  }
  const [first] = schema.enum ?? [];
  if (first !== undefined) {
    return first;
  }
  if (schema.anyOf?.[0]) {
    return exampleOf(schema.anyOf[0]);
  }
  switch (schema.type) {
    case 'object': {
      const { properties = {}, required = [] } = schema;
      return Object.fromEntries(required.map((name) => [name, exampleOf(properties[name] ?? {})]));
    }
    case 'array':
      return [];
    case 'boolean':
      return false;
    case 'integer':
    case 'number':
      return 0;
    default:
      return '';
  }
}

/**
 * The URL of a request.
 *
 * @param base of this server, as the browser sees it, with a trailing slash
 * @param values by parameter; empty ones are omitted from the query
 */
export function addressOf(
  base: string,
  path: string,
  parameters: readonly Parameter[],
  values: ReadonlyMap<string, string>,
): string {
  const filled = path.replace(/\{(\w+)\}/g, (_all, name: string) => {
    const value = values.get(name) ?? '';
    const parameter = parameters.find((one) => one.name === name && one.in === 'path');
    const parts = parameter?.['x-may-contain-slashes'] ? value.split('/') : [value];
    return parts.map(encodeURIComponent).join('/');
  });
  const query = new URLSearchParams();
  for (const { name, in: location } of parameters) {
    const value = values.get(name) ?? '';
    if (location === 'query' && value !== '') {
      query.set(name, value);
    }
  }
  return `${base.replace(/\/$/, '')}${filled}${query.size > 0 ? `?${query}` : ''}`;
}

const JSON_TYPE = "-H 'Content-Type: application/json'";

/** As a shell command. Quotes within are closed, escaped and reopened. A leading @ in the body would name a file. */
export function curlOf(method: string, address: string, body: string | undefined): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  const words = ['curl', '-u', 'owner', ...(method === 'GET' ? [] : ['-X', method]), quoted(address)];
  return [...words, ...(body ? [JSON_TYPE, '--data-raw', quoted(body)] : [])].join(' ');
}
