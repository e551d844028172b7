/** A JSON schema, as far as the API's document uses it. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly anyOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly format?: string;
  readonly default?: unknown;
}

export interface Operation {
  readonly method: string;
  /** `/v3/users/{name}` */
  readonly path: string;
  readonly parameters: readonly {
    readonly name: string;
    readonly in: 'path' | 'query';
    readonly required: boolean;
    readonly schema: JsonSchema;
  }[];
  readonly body: JsonSchema | undefined;
  /** Answers by status, and `default`. */
  readonly answers: Readonly<Record<string, { readonly type: string; readonly schema: JsonSchema }>>;
}

export interface MadeRequest {
  readonly method: string;
  /** With the query, percent-encoded or not even that. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  /** The deliberate fault: the request must be rejected. */
  readonly isWrong: boolean;
  /** The value of the body, if it is JSON. */
  readonly value?: unknown;
}

interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation0>>>>;
}
interface Operation0 {
  readonly parameters?: Operation['parameters'];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> };
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> }>
  >;
}

/** Every operation of an OpenAPI document. */
export function operationsOf(document: unknown): Operation[] {
  return Object.entries((document as Described).paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody, responses }]) => ({
      method: method.toUpperCase(),
      path,
      parameters,
      body: requestBody?.content['application/json']?.schema,
      answers: Object.fromEntries(
        Object.entries(responses).map(([status, { content }]) => {
          const [[type, { schema }] = ['', { schema: {} }]] = Object.entries(content);
          return [status, { type, schema }];
        }),
      ),
    })),
  );
}

const TEXTS = [
  '',
  'cam',
  'garden/gate',
  'no such thing',
  'ünïcödé 📷',
  '../../etc/passwd',
  '0b3c6b1e-6d2a-4f2e-9a53-3a3b1d3f9c11',
  '2026-01-01T12:00:00Z',
  '2026-13-45T99:99:99Z',
  'a\r\nSet-Cookie: x=y',
  'nul\u0000byte',
  '-1',
  '1e999',
  '~^(a+)+$',
  'x'.repeat(3_000),
  '<script>alert(1)</script>',
  "'; DROP TABLE paths; --",
  '__proto__',
  '10s',
  '5M',
];
/** Characters of an address, including those that no encoder makes. */
const RAW = ['%', '%zz', '%ff%fe', '%00', '%2e%2e%2f%2e%2e', '..%5c', 'a//b', ';x', '%F0%9F%93%B7', '+', '%25'];
const NAMES = ['cam', 'cam', 'garden/gate', 'new/one'];
const TIMES = ['2025-12-31T23:00:00Z', '2026-01-01T00:00:00+01:00', '2026-01-05T12:00:00.5Z'];
/** Plausible values for some names: without them hardly a request would pass the first check. */
const SENSIBLE: Readonly<Record<string, readonly unknown[]>> = {
  ...{
    path: NAMES,
    start: TIMES,
    end: TIMES,
    from: TIMES,
    to: TIMES,
    until: TIMES,
    types: ['path', 'disk,login', 'camera'],
  },
  ...{ type: ['motion', 'person'], cameras: ['all', ['cam']], paths: ['all', ['cam']] },
};
const NUMBERS = [0, 1, -1, 2 ** 31, 2 ** 53, 1e300, 0.5, 7];
const STRANGE = [null, true, [], {}, [[[[]]]], 'text', 12, -0.1];

/** Settings that open ports, run programs, write files or change the box's identity are tested elsewhere. */
const DANGEROUS =
  /ddress|ncryption|^runOn|^(?:api|hls|rtsp|webrtc|metrics|pprof|playback|rtmp|srt|moq|perch|source|fallback)$|recordPath|Directory|Cert|Key|^log|^sysLog|^auth|Port|Multicast|trustedProxies|TrustedProxies|^rpi/;

const WRONG_KINDS = ['cut', 'bytes', 'huge', 'deep', 'none'] as const;

/** Makes valid and invalid requests for an operation. */
export class RequestMaker {
  #wrongs = 0;
  readonly #next: () => number;

  /** @param next numbers from 0 to 1, the same for the same seed */
  constructor(next: () => number) {
    this.#next = next;
  }

  /** @param round 0: its body is a value; 1: the next of the wrong kinds; afterwards: either */
  make(operation: Operation, round: number): MadeRequest {
    const { method, body } = operation;
    const path = this.#path(operation) + this.#query(operation);
    const headers = this.#headers();
    if (method === 'GET') {
      return { method, path, headers: {}, body: undefined, isWrong: false };
    }
    this.#wrongs += 1;
    const wrong = WRONG_KINDS[this.#wrongs % WRONG_KINDS.length];
    const kind = round === 0 || (round > 1 && this.#next() < 0.45) ? 'value' : wrong;
    if (kind === 'value' && body) {
      const value = this.value(body, 0);
      return { method, path, headers, body: Buffer.from(JSON.stringify(value)), isWrong: false, value };
    }
    const made = { method, path, headers };
    switch (kind) {
      case 'cut':
        return { ...made, body: Buffer.from('{"a": [1, 2'), isWrong: body !== undefined };
      case 'bytes':
        return { ...made, body: Buffer.from([0xff, 0xfe, 0x00, 0x7b, 0xc3, 0x28]), isWrong: body !== undefined };
      case 'huge':
        return { ...made, body: Buffer.alloc(11 << 20, 0x20), isWrong: true };
      case 'deep':
        return { ...made, body: Buffer.from('['.repeat(20_000) + ']'.repeat(20_000)), isWrong: body !== undefined };
      default:
        return { ...made, body: undefined, isWrong: body?.required !== undefined && body.required.length > 0 };
    }
  }

  /** Mostly valid by the schema. */
  value(schema: JsonSchema, depth: number, name = ''): unknown {
    const chance = this.#next();
    const sensible = SENSIBLE[name];
    if (sensible && this.#next() < 0.7) {
      return this.#pick(sensible);
    }
    if (chance < 0.06) {
      return this.#pick(STRANGE);
    }
    if (schema.const !== undefined || schema.enum) {
      return schema.const ?? this.#pick(schema.enum ?? []);
    }
    if (schema.anyOf) {
      return this.value(this.#pick(schema.anyOf), depth);
    }
    if (schema.default !== undefined && chance < 0.4) {
      return schema.default;
    }
    switch (schema.type) {
      case 'object':
        return this.#object(schema, depth);
      case 'array':
        return depth > 4
          ? []
          : Array.from({ length: this.#pick([0, 1, 2, 30]) }, () => this.value(schema.items ?? {}, depth + 1));
      case 'boolean':
        return chance < 0.5;
      case 'integer':
      case 'number':
        return this.#pick([...NUMBERS, schema.minimum ?? 3, schema.maximum ?? 4, schema.minimum ?? 5]);
      case 'string':
        return this.#pick(TEXTS);
      default:
        return this.#pick(STRANGE);
    }
  }

  #object({ properties = {}, required = [] }: JsonSchema, depth: number): Record<string, unknown> {
    const names = Object.keys(properties).filter((name) => !DANGEROUS.test(name));
    const few = names.length > 20;
    const wanted = names.filter((name) =>
      required.includes(name) ? this.#next() < 0.92 : this.#next() < (few ? 0.03 : 0.5),
    );
    const made = wanted.map((name) => [name, this.value(properties[name] ?? {}, depth + 1, name)] as const);
    const extra = this.#next() < 0.06 ? [[this.#pick(['foo', '', 'x'.repeat(500), 'ünknown']), 1] as const] : [];
    return Object.fromEntries([...made, ...extra]);
  }

  #path({ path, parameters }: Operation): string {
    return path.replace(/\{(\w+)\}/g, (_all, name: string) => {
      const { format } = parameters.find((parameter) => parameter.name === name)?.schema ?? {};
      if (format === 'uuid' && this.#next() < 0.6) {
        return this.#pick(['0b3c6b1e-6d2a-4f2e-9a53-3a3b1d3f9c11', '00000000-0000-0000-0000-000000000000']);
      }
      if (this.#next() < 0.4) {
        return this.#pick(NAMES);
      }
      return this.#next() < 0.3 ? this.#pick(RAW) : this.#pick(TEXTS).split('/').map(encodeURIComponent).join('/');
    });
  }

  #query({ parameters }: Operation): string {
    const parts = parameters
      .filter((parameter) => parameter.in === 'query' && (parameter.required ? this.#next() < 0.9 : this.#next() < 0.5))
      .flatMap(({ name, schema }) => {
        const value = String(this.value(schema, 1, name));
        const one = `${name}=${this.#next() < 0.15 ? this.#pick(RAW) : encodeURIComponent(value)}`;
        return this.#next() < 0.1 ? [one, one, `${name}[]=1`, `${name}[a]=1`] : [one];
      });
    return parts.length === 0 ? '' : `?${parts.join('&')}`;
  }

  #headers(): Record<string, string> {
    return this.#pick<Record<string, string>>([
      ...Array.from({ length: 9 }, () => ({ 'content-type': 'application/json' })),
      { 'content-type': 'application/json; charset=utf-16' },
      { 'content-type': 'application/x-www-form-urlencoded' },
      { 'content-type': 'nonsense' },
      { 'content-type': 'multipart/form-data; boundary=' },
      {},
    ]);
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.#next() * choices.length)] as T;
  }
}

/** The first value in `value` that its schema does not know, as a JSON pointer; undefined: it knows all. */
export function undeclaredIn(schema: JsonSchema, value: unknown, at = ''): string | undefined {
  if (schema.anyOf) {
    const all = schema.anyOf.map((one) => undeclaredIn(one, value, at));
    return all.includes(undefined) ? undefined : all[0];
  }
  if (Array.isArray(value)) {
    return value
      .map((item, i) => undeclaredIn(schema.items ?? {}, item, `${at}/${i}`))
      .find((found) => found !== undefined);
  }
  if (typeof value !== 'object' || value === null || !schema.properties || schema.additionalProperties) {
    return undefined;
  }
  for (const [name, inner] of Object.entries(value)) {
    const known = schema.properties[name];
    const found = known ? undeclaredIn(known, inner, `${at}/${name}`) : `${at}/${name}`;
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}
