import type { Upload } from '../storage/contracts.ts';
import { archiveFailure } from '../storage/failure.ts';
import { type PartDigest, plainTag } from './digests.ts';
import type { S3Answer, S3Client } from './s3-client.ts';
import { codeOf, s3Failure } from './s3-failure.ts';
import { elementsOf, elementText, escaped } from './xml.ts';

/** A multipart upload, continued where a power cut or an outage ended it. */
export class MultipartUpload {
  readonly #client: S3Client;
  readonly #upload: Upload;
  readonly #type: string;
  #id = '';
  /** Entity tags of the parts that an earlier run has sent. */
  readonly #found = new Map<number, string>();
  readonly #tags: string[] = [];

  /** @param type content type */
  constructor(client: S3Client, upload: Upload, type: string) {
    this.#client = client;
    this.#upload = upload;
    this.#type = type;
  }

  async begin(): Promise<void> {
    const { key, signal, unfinished } = this.#upload;
    if (unfinished !== undefined && (await this.#continue(unfinished))) {
      this.#id = unfinished;
      return;
    }
    const headers = { 'Content-Type': this.#type };
    const answer = await this.#client.send({ method: 'POST', key, query: { uploads: '' }, headers, signal });
    const id = answer.status === 200 ? elementText(answer.body.toString('utf8'), 'UploadId') : undefined;
    if (id === undefined || id === '') {
      throw this.#failure(answer);
    }
    this.#id = id;
    await this.#upload.begun(id);
  }

  /** @param number from 1 on */
  async send(number: number, body: Uint8Array, { md5, md5Base64, sha256 }: PartDigest): Promise<void> {
    const { key, pace, signal } = this.#upload;
    const found = this.#found.get(number);
    if (found === md5) {
      this.#tags.push(found);
      return;
    }
    const query = { partNumber: String(number), uploadId: this.#id };
    const headers = { 'Content-MD5': md5Base64 };
    const answer = await this.#client.send({ method: 'PUT', key, query, headers, body, sha256, pace, signal });
    const tag = plainTag(answer.headers.etag);
    if (answer.status !== 200) {
      throw this.#failure(answer);
    }
    if (tag === '') {
      throw archiveFailure('noS3', `${this.#client.host} confirms a part without an ETag`);
    }
    this.#tags.push(tag);
  }

  async complete(): Promise<void> {
    const { key, signal } = this.#upload;
    const parts = this.#tags.map(
      (tag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>"${escaped(tag)}"</ETag></Part>`,
    );
    const xmlns = 'http://s3.amazonaws.com/doc/2006-03-01/';
    const body = Buffer.from(`<CompleteMultipartUpload xmlns="${xmlns}">${parts.join('')}</CompleteMultipartUpload>`);
    const headers = { 'Content-Type': 'application/xml' };
    const query = { uploadId: this.#id };
    const answer = await this.#client.send({ method: 'POST', key, query, headers, body, signal });
    // The status is sent before the parts are joined: a failure may follow in the body.
    if (answer.status !== 200 || codeOf(answer) !== '') {
      throw this.#failure(answer);
    }
  }

  /** @returns false if the server no longer has the upload */
  async #continue(uploadId: string): Promise<boolean> {
    const { key, signal } = this.#upload;
    let marker = '';
    for (let page = 0; page < 10; page += 1) {
      const query = { uploadId, ...(marker !== '' && { 'part-number-marker': marker }) };
      const answer = await this.#client.send({ method: 'GET', key, query, signal });
      if (answer.status === 404) {
        return false;
      }
      if (answer.status !== 200) {
        throw this.#failure(answer);
      }
      const text = answer.body.toString('utf8');
      for (const part of elementsOf(text, 'Part')) {
        this.#found.set(Number(elementText(part, 'PartNumber')), plainTag(elementText(part, 'ETag')));
      }
      marker = elementText(text, 'NextPartNumberMarker') ?? '';
      if (elementText(text, 'IsTruncated') !== 'true' || marker === '') {
        break;
      }
    }
    return true;
  }

  #failure(answer: S3Answer) {
    return s3Failure(answer, this.#client.host);
  }
}
