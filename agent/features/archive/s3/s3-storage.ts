import { MAX_RANGE_BYTES } from '../../../record/store/range-file.ts';
import type { ArchiveStorage, StoredObject, Upload } from '../storage/contracts.ts';
import { archiveFailure } from '../storage/failure.ts';
import type { TargetSettings } from '../storage/settings.ts';
import { partBytesOf, plainTag, WholeDigest } from './digests.ts';
import { MultipartUpload } from './multipart.ts';
import { type S3Answer, S3Client } from './s3-client.ts';
import { s3Failure } from './s3-failure.ts';
import { elementsOf, elementText } from './xml.ts';

/** Maximum number of pages of a list; one page has up to 1,000 objects. */
const MAX_PAGES = 100_000;
const TYPES: Readonly<Record<string, string>> = { mp4: 'video/mp4', ts: 'video/mp2t' };

/** Stores recordings in a bucket. */
export class S3Storage implements ArchiveStorage {
  readonly #client: S3Client;

  /** @throws PerchError for plain http to a public address */
  constructor(settings: TargetSettings, wallMs: () => number, maxConnections?: number) {
    this.#client = new S3Client(settings, wallMs, maxConnections);
  }

  async put(upload: Upload): Promise<string> {
    const { key, sizeBytes, signal } = upload;
    const found = await this.#find(key, signal);
    if (found?.sizeBytes === sizeBytes) {
      const digest = await this.#digestOf(upload);
      if (digest.isTag(found.tag)) {
        upload.sent(sizeBytes);
        return digest.sha256;
      }
    }
    const isParts = upload.isMultipart || sizeBytes > partBytesOf(sizeBytes);
    const digest = isParts ? await this.#putParts(upload) : await this.#putWhole(upload);
    await this.#verify(upload, digest);
    return digest.sha256;
  }

  async read(key: string, position: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    const headers = { Range: `bytes=${position}-${position + length - 1}` };
    const answer = await this.#client.send({ method: 'GET', key, headers, maxBytes: MAX_RANGE_BYTES, signal });
    if (answer.status !== 206 && answer.status !== 200) {
      throw this.#failure(answer);
    }
    // A server that does not support ranges sends the whole object.
    const body = answer.status === 200 ? answer.body.subarray(position, position + length) : answer.body;
    if (body.length !== length) {
      throw archiveFailure('damaged', `${this.#client.host} sends ${body.length} bytes of ${key} instead of ${length}`);
    }
    return body;
  }

  async sizeOf(key: string, signal: AbortSignal): Promise<number> {
    const answer = await this.#client.send({ method: 'HEAD', key, signal });
    if (answer.status !== 200) {
      throw await this.#headFailure(key, answer, signal);
    }
    return sizeIn(answer);
  }

  async *list(prefix: string, signal: AbortSignal): AsyncGenerator<StoredObject> {
    let token = '';
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const query = { 'list-type': '2', prefix, ...(token !== '' && { 'continuation-token': token }) };
      const text = await this.#text({ method: 'GET', query, signal });
      for (const one of elementsOf(text, 'Contents')) {
        yield { key: elementText(one, 'Key') ?? '', sizeBytes: Number(elementText(one, 'Size') ?? 0) };
      }
      token = elementText(text, 'NextContinuationToken') ?? '';
      if (elementText(text, 'IsTruncated') !== 'true' || token === '') {
        return;
      }
    }
  }

  async remove(key: string, signal: AbortSignal): Promise<void> {
    const answer = await this.#client.send({ method: 'DELETE', key, signal });
    if (answer.status >= 300 && answer.status !== 404) {
      throw this.#failure(answer);
    }
  }

  async removeUnfinished(prefix: string, kept: string | undefined, signal: AbortSignal): Promise<void> {
    let from: Record<string, string> = {};
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const text = await this.#text({ method: 'GET', query: { uploads: '', prefix, ...from }, signal });
      for (const one of elementsOf(text, 'Upload')) {
        const [key = '', uploadId = ''] = [elementText(one, 'Key'), elementText(one, 'UploadId')];
        // Servers that ignore the prefix list the uploads of others.
        if (key.startsWith(prefix) && uploadId !== kept) {
          await this.#abort(key, uploadId, signal);
        }
      }
      const [key = '', id = ''] = [elementText(text, 'NextKeyMarker'), elementText(text, 'NextUploadIdMarker')];
      if (elementText(text, 'IsTruncated') !== 'true' || key === '') {
        return;
      }
      from = { 'key-marker': key, 'upload-id-marker': id };
    }
  }

  close(): void {
    this.#client.close();
  }

  async #abort(key: string, uploadId: string, signal: AbortSignal): Promise<void> {
    const answer = await this.#client.send({ method: 'DELETE', key, query: { uploadId }, signal });
    if (answer.status >= 300 && answer.status !== 404) {
      throw this.#failure(answer);
    }
  }

  async #putWhole(upload: Upload): Promise<WholeDigest> {
    const { key, sizeBytes, pace, signal } = upload;
    const digest = new WholeDigest(sizeBytes);
    const body = await upload.read(0, sizeBytes);
    const { md5Base64, sha256 } = await digest.add(body);
    const headers = { 'Content-MD5': md5Base64, 'Content-Type': typeOf(key) };
    const answer = await this.#client.send({ method: 'PUT', key, headers, body, sha256, pace, signal });
    if (answer.status !== 200) {
      throw this.#failure(answer);
    }
    upload.sent(sizeBytes);
    return digest;
  }

  async #putParts(upload: Upload): Promise<WholeDigest> {
    const { sizeBytes } = upload;
    const partBytes = partBytesOf(sizeBytes);
    const parts = new MultipartUpload(this.#client, upload, typeOf(upload.key));
    const digest = new WholeDigest(sizeBytes);
    await parts.begin();
    for (let at = 0, number = 1; at < sizeBytes; at += partBytes, number += 1) {
      upload.checkPoint();
      const body = await upload.read(at, Math.min(partBytes, sizeBytes - at));
      await parts.send(number, body, await digest.add(body));
      upload.sent(at + body.length);
    }
    await parts.complete();
    return digest;
  }

  /** With encryption by KMS, for example, the entity tag is no MD5 and proves nothing: then the object is read back. */
  async #verify(upload: Upload, digest: WholeDigest): Promise<void> {
    const { key, sizeBytes, signal } = upload;
    const found = await this.#find(key, signal);
    if (found?.sizeBytes !== sizeBytes) {
      const has = found === undefined ? 'does not have it' : `has ${found.sizeBytes} bytes of it`;
      throw archiveFailure('damaged', `${this.#client.host} confirmed ${key} of ${sizeBytes} bytes but ${has}`);
    }
    if (digest.isTag(found.tag)) {
      return;
    }
    const stored = new WholeDigest(sizeBytes);
    const partBytes = partBytesOf(sizeBytes);
    for (let at = 0; at < sizeBytes; at += partBytes) {
      upload.checkPoint();
      await stored.add(await this.read(key, at, Math.min(partBytes, sizeBytes - at), signal));
    }
    if (stored.sha256 !== digest.sha256) {
      throw archiveFailure('damaged', `${this.#client.host} has other bytes of ${key} than were sent`);
    }
  }

  /** Digest of the recording on the local disk. */
  async #digestOf({ sizeBytes, read, checkPoint }: Upload): Promise<WholeDigest> {
    const digest = new WholeDigest(sizeBytes);
    const partBytes = partBytesOf(sizeBytes);
    for (let at = 0; at < sizeBytes; at += partBytes) {
      checkPoint();
      await digest.add(await read(at, Math.min(partBytes, sizeBytes - at)));
    }
    return digest;
  }

  async #find(key: string, signal: AbortSignal): Promise<{ sizeBytes: number; tag: string } | undefined> {
    const answer = await this.#client.send({ method: 'HEAD', key, signal });
    if (answer.status === 404) {
      return undefined;
    }
    if (answer.status !== 200) {
      throw await this.#headFailure(key, answer, signal);
    }
    return { sizeBytes: sizeIn(answer), tag: plainTag(answer.headers.etag) };
  }

  /** A response to HEAD has no body that tells why it failed: 404 may come from a proxy, or mean the bucket. */
  async #headFailure(key: string, answer: S3Answer, signal: AbortSignal) {
    const said = await this.#client.send({ method: 'GET', key, headers: { Range: 'bytes=0-0' }, signal });
    return this.#failure(said.status < 300 ? answer : said);
  }

  async #text(request: Omit<Parameters<S3Client['send']>[0], 'key'>): Promise<string> {
    const answer = await this.#client.send(request);
    if (answer.status !== 200) {
      throw this.#failure(answer);
    }
    return answer.body.toString('utf8');
  }

  #failure(answer: S3Answer) {
    return s3Failure(answer, this.#client.host);
  }
}

const sizeIn = ({ headers }: S3Answer): number => Number(headers['content-length']);
const typeOf = (key: string): string => TYPES[key.slice(key.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
