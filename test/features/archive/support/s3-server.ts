import { createHmac, hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { onTestFinished } from 'vitest';

export const ACCESS_KEY = 'test-access-key';
export const SECRET_KEY = 'Zq/test+secret-key';
export const BUCKET = 'cameras';

/** What happens to a request: an error, a cut connection before or after its effect, an answer that breaks off, or silence. */
export type S3Fault =
  | { readonly status: number; readonly code: string }
  | 'cut before'
  | 'cut after'
  | 'truncated'
  | 'silent'
  | undefined;

interface S3Call {
  readonly method: string;
  readonly key: string;
  readonly query: URLSearchParams;
  /** First and last byte, of a read by range. */
  readonly range?: readonly [first: number, last: number] | undefined;
}

export interface S3Options {
  readonly fault?: (call: S3Call) => S3Fault;
  /** As with encryption by KMS: the tags are no MD5. */
  readonly hasOtherTags?: boolean;
}

/** Of bodies and parts, which do not change. */
const tags = new WeakMap<Uint8Array, string>();
function md5(bytes: Uint8Array): string {
  const tag = tags.get(bytes) ?? hash('md5', bytes);
  tags.set(bytes, tag);
  return tag;
}
const sha256 = (bytes: Uint8Array | string): string => hash('sha256', bytes);
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** A bucket in memory that checks signatures and hashes as S3 does, and fails on request. */
export class S3Server {
  readonly objects = new Map<string, { readonly bytes: Buffer; readonly tag: string }>();
  readonly uploads = new Map<string, { readonly key: string; readonly parts: Map<number, Buffer> }>();
  readonly calls: S3Call[] = [];
  /** Number of open connections. What was sent on closed ones has arrived. */
  connections = 0;
  readonly #server: Server;
  readonly #options: S3Options;

  /** @returns a running server, which ends with the test */
  static async start(options: S3Options = {}): Promise<S3Server> {
    const server = new S3Server(options);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    onTestFinished(() => {
      server.#server.closeAllConnections();
      server.#server.close();
    });
    return server;
  }

  /** A server whose power fails when the third part of an upload arrives. */
  static async cutAtPart3(): Promise<{ readonly server: S3Server; readonly isOff: () => boolean; restore(): void }> {
    let [isOff, isMended] = [false, false];
    const server = await S3Server.start({
      fault: ({ query }) => {
        isOff ||= !isMended && query.get('partNumber') === '3';
        return isOff ? 'cut before' : undefined;
      },
    });
    const restore = () => {
      [isOff, isMended] = [false, true];
      server.calls.length = 0;
    };
    return { server, isOff: () => isOff, restore };
  }

  /** Numbers of the parts that arrived. */
  get parts(): string[] {
    return this.calls.flatMap(({ query }) => query.get('partNumber') ?? []);
  }

  private constructor(options: S3Options) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
    this.#server.on('connection', (socket) => {
      this.connections += 1;
      socket.once('close', () => {
        this.connections -= 1;
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as { readonly port: number }).port}`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url ?? '', this.url);
    const key = decodeURIComponent(pathname).slice(`/${BUCKET}/`.length);
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    const range = first === undefined ? undefined : ([Number(first), Number(last)] as const);
    const call = { method: request.method ?? '', key, query, range };
    this.calls.push(call);
    const fault = this.#options.fault?.(call);
    if (fault === 'cut before') {
      response.destroy();
      return;
    }
    if (fault === 'silent') {
      return;
    }
    const parts: Buffer[] = [];
    for await (const part of request) {
      parts.push(part as Buffer);
    }
    const body = Buffer.concat(parts);
    const [status, text, headers = {}] =
      typeof fault === 'object' ? failure(fault.status, fault.code) : this.#perform(request, call, body);
    if (fault === 'cut after') {
      response.destroy();
      return;
    }
    response.writeHead(status, { 'content-length': text.length, ...headers });
    if (fault === 'truncated') {
      response.write(text.subarray(0, text.length / 2));
      setImmediate(() => response.destroy());
      return;
    }
    response.end(request.method === 'HEAD' ? undefined : text);
  }

  #perform(request: IncomingMessage, call: S3Call, body: Buffer): Answer {
    const { headers } = request;
    if (!(request.url ?? '').startsWith(`/${BUCKET}`)) {
      return failure(404, 'NoSuchBucket');
    }
    if (!String(headers.authorization).includes(`Credential=${ACCESS_KEY}/`)) {
      return failure(403, 'InvalidAccessKeyId');
    }
    if (signatureOf(request) !== /Signature=([0-9a-f]+)/.exec(String(headers.authorization))?.[1]) {
      return failure(403, 'SignatureDoesNotMatch');
    }
    const isDigest = (name: string, digest: () => string) => headers[name] === undefined || headers[name] === digest();
    if (!isDigest('x-amz-content-sha256', () => sha256(body))) {
      return failure(400, 'XAmzContentSHA256Mismatch');
    }
    return isDigest('content-md5', () => Buffer.from(md5(body), 'hex').toString('base64'))
      ? this.#effect(call, body)
      : failure(400, 'BadDigest');
  }

  #effect({ method, key, query, range }: S3Call, body: Buffer): Answer {
    const id = query.get('uploadId') ?? '';
    if (query.has('uploads')) {
      return method === 'POST' ? this.#create(key) : this.#listUploads();
    }
    if (id !== '') {
      return this.#ofUpload(method, id, Number(query.get('partNumber')), body);
    }
    if (method === 'GET' && key === '') {
      return this.#list(query.get('prefix') ?? '', query.get('continuation-token') ?? '');
    }
    if (method === 'PUT') {
      return this.#store(key, body, md5(body));
    }
    if (method === 'DELETE') {
      this.objects.delete(key);
      return [204, Buffer.alloc(0)];
    }
    const found = this.objects.get(key);
    if (!found) {
      return failure(404, 'NoSuchKey');
    }
    const bytes = range === undefined ? found.bytes : found.bytes.subarray(range[0], range[1] + 1);
    return [range === undefined ? 200 : 206, bytes, { etag: `"${found.tag}"` }];
  }

  #store(key: string, bytes: Buffer, digest: string): Answer {
    const tag = this.#options.hasOtherTags ? randomBytes(16).toString('hex') : digest;
    this.objects.set(key, { bytes, tag });
    return [200, Buffer.alloc(0), { etag: `"${tag}"` }];
  }

  #create(key: string): Answer {
    const id = randomBytes(8).toString('hex');
    this.uploads.set(id, { key, parts: new Map() });
    return [
      200,
      Buffer.from(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`),
    ];
  }

  #listUploads(): Answer {
    const all = [...this.uploads].map(
      ([id, { key }]) => `<Upload><Key>${key}</Key><UploadId>${id}</UploadId></Upload>`,
    );
    return [200, Buffer.from(`<ListMultipartUploadsResult>${all.join('')}</ListMultipartUploadsResult>`)];
  }

  #ofUpload(method: string, id: string, number: number, body: Buffer): Answer {
    const upload = this.uploads.get(id);
    if (!upload) {
      return failure(404, 'NoSuchUpload');
    }
    if (method === 'DELETE') {
      this.uploads.delete(id);
      return [204, Buffer.alloc(0)];
    }
    if (method === 'PUT') {
      upload.parts.set(number, body);
      return [200, Buffer.alloc(0), { etag: `"${md5(body)}"` }];
    }
    if (method === 'GET') {
      const parts = [...upload.parts].map(
        ([n, bytes]) => `<Part><PartNumber>${n}</PartNumber><ETag>&quot;${md5(bytes)}&quot;</ETag></Part>`,
      );
      return [200, Buffer.from(`<ListPartsResult>${parts.join('')}</ListPartsResult>`)];
    }
    const numbers = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>"([0-9a-f]+)"/g)];
    const parts = numbers.map(([, n]) => upload.parts.get(Number(n)) ?? Buffer.alloc(0));
    if (numbers.some(([, , tag], i) => tag !== md5(parts[i] ?? Buffer.alloc(0)))) {
      return failure(400, 'InvalidPart');
    }
    this.uploads.delete(id);
    const tag = md5(Buffer.concat(parts.map((part) => Buffer.from(md5(part), 'hex'))));
    this.#store(upload.key, Buffer.concat(parts), `${tag}-${parts.length}`);
    return [200, Buffer.from('<CompleteMultipartUploadResult></CompleteMultipartUploadResult>')];
  }

  /** Two objects in a page. */
  #list(prefix: string, token: string): Answer {
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > token).sort();
    const page = keys.slice(0, 2);
    const items = page.map(
      (key) => `<Contents><Key>${key}</Key><Size>${this.objects.get(key)?.bytes.length}</Size></Contents>`,
    );
    const more = keys.length > 2;
    const next = more ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : '';
    const text = `<ListBucketResult><IsTruncated>${more}</IsTruncated>${items.join('')}${next}</ListBucketResult>`;
    return [200, Buffer.from(text)];
  }
}

type Answer = readonly [status: number, body: Buffer, headers?: Readonly<Record<string, string>>];

const failure = (status: number, code: string): Answer => [
  status,
  Buffer.from(`<Error><Code>${code}</Code><Message>from the test</Message></Error>`),
];

/** AWS Signature Version 4, from its documentation. */
function signatureOf({ method, url = '', headers }: IncomingMessage): string {
  const { pathname, searchParams } = new URL(url, 'http://any');
  const [, day = '', region = '', names = ''] =
    /Credential=[^/]+\/(\d+)\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+)/.exec(String(headers.authorization)) ??
    [];
  const encoded = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
  const query = [...searchParams].map(([key, value]) => `${encoded(key)}=${encoded(value)}`).sort();
  const signed = names.split(';').map((name) => `${name}:${String(headers[name]).trim()}\n`);
  const payload = String(headers['x-amz-content-sha256']);
  const canonical = [method, pathname, query.join('&'), signed.join(''), names, payload].join('\n');
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonical)].join('\n');
  const key = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${SECRET_KEY}`);
  return hmac(key, text).toString('hex');
}
