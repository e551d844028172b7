import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/*
 * A bucket that checks nothing and keeps sizes and entity tags only, in a process of its own.
 * Prints its port.
 */

interface Stored {
  readonly sizeBytes: number;
  readonly tag: string;
}

const objects = new Map<string, Stored>();
const uploads = new Map<string, Stored[]>();

const server = createServer(async (request, response) => {
  const { pathname: key, searchParams: query } = new URL(request.url ?? '', 'http://any');
  const stored = await storedOf(request);
  const id = query.get('uploadId') ?? '';
  const parts = uploads.get(id);
  if (query.has('uploads')) {
    if (request.method === 'POST') {
      uploads.set(key, []);
    }
    response.end(`<Answer><UploadId>${key}</UploadId></Answer>`);
  } else if (parts && request.method === 'PUT') {
    parts.push(stored);
    response.setHeader('etag', `"${stored.tag}"`).end();
  } else if (parts && request.method === 'POST') {
    const tags = Buffer.concat(parts.map(({ tag }) => Buffer.from(tag, 'hex')));
    const tag = `${createHash('md5').update(tags).digest('hex')}-${parts.length}`;
    objects.set(key, { sizeBytes: parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0), tag });
    uploads.delete(id);
    response.end('<Answer></Answer>');
  } else if (request.method === 'PUT') {
    objects.set(key, stored);
    response.setHeader('etag', `"${stored.tag}"`).end();
  } else {
    const found = objects.get(key);
    response.statusCode = found || query.has('list-type') ? 200 : 404;
    if (found) {
      response.setHeader('etag', `"${found.tag}"`).setHeader('content-length', found.sizeBytes);
    }
    response.end(request.method === 'HEAD' ? undefined : '<Answer><IsTruncated>false</IsTruncated></Answer>');
  }
});

async function storedOf(request: IncomingMessage): Promise<Stored> {
  const digest = createHash('md5');
  let sizeBytes = 0;
  for await (const part of request) {
    digest.update(part as Buffer);
    sizeBytes += (part as Buffer).length;
  }
  return { sizeBytes, tag: digest.digest('hex') };
}

server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`port ${(server.address() as AddressInfo).port}\n`);
});
