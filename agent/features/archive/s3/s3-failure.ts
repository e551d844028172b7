import type { PerchError } from '../../../base/errors.ts';
import { type ArchiveWhy, archiveFailure } from '../storage/failure.ts';
import type { S3Answer } from './s3-client.ts';
import { elementText } from './xml.ts';

/** Reasons by S3's error code; several servers have codes of their own for a full disk. */
const BY_CODE: Readonly<Record<string, readonly [ArchiveWhy, string]>> = {
  InvalidAccessKeyId: ['login', 'does not know the access key'],
  SignatureDoesNotMatch: ['login', 'rejects the secret key'],
  AccessDenied: ['denied', 'denies access: the key needs get, put, list, delete and multipart there'],
  AllAccessDisabled: ['denied', 'denies access: the account is disabled'],
  NoSuchBucket: ['noBucket', 'has no such bucket'],
  NoSuchKey: ['gone', 'no longer has this recording'],
  PermanentRedirect: ['region', 'has the bucket at another address'],
  TemporaryRedirect: ['region', 'has the bucket at another address'],
  AuthorizationHeaderMalformed: ['region', 'has the bucket in another region'],
  IllegalLocationConstraintException: ['region', 'has the bucket in another region'],
  RequestTimeTooSkewed: ['clock', "finds this box's clock wrong"],
  QuotaExceeded: ['full', 'has no room left'],
  XMinioStorageFull: ['full', 'has no room left'],
  XMinioAdminBucketQuotaExceeded: ['full', 'has no room left'],
  EntityTooLarge: ['other', 'takes no recording as large'],
  SlowDown: ['slow', 'asks for fewer requests'],
  ServiceUnavailable: ['slow', 'is overloaded'],
  InternalError: ['slow', 'has an internal error'],
  BadDigest: ['damaged', 'received other bytes than were sent'],
  XAmzContentSHA256Mismatch: ['damaged', 'received other bytes than were sent'],
};
const BY_STATUS: Readonly<Record<number, readonly [ArchiveWhy, string]>> = {
  301: ['region', 'has the bucket at another address'],
  307: ['region', 'has the bucket at another address'],
  401: ['login', 'rejects the access key'],
  403: ['denied', 'denies access: the key needs get, put, list, delete and multipart there'],
  429: ['slow', 'asks for fewer requests'],
  500: ['slow', 'has an internal error'],
  502: ['slow', 'cannot be reached behind its proxy'],
  503: ['slow', 'is overloaded'],
  504: ['slow', 'cannot be reached behind its proxy'],
  507: ['full', 'has no room left'],
};

/** The error code of a response; empty: it has none, like a response to HEAD. */
export const codeOf = ({ body }: S3Answer): string => elementText(body.toString('utf8'), 'Code') ?? '';

/** @param host for people */
export function s3Failure(answer: S3Answer, host: string): PerchError {
  const text = answer.body.toString('utf8');
  const code = codeOf(answer);
  const [why, does] = BY_CODE[code] ?? BY_STATUS[answer.status] ?? ['other', `answers with status ${answer.status}`];
  const region = elementText(text, 'Region') ?? answer.headers['x-amz-bucket-region'];
  const hint = why === 'region' && region !== undefined ? `: set archiveRegion to '${String(region)}'` : '';
  const message = why === 'other' ? (elementText(text, 'Message') ?? '').slice(0, 200) : '';
  return archiveFailure(why, `${host} ${does}${hint}${message === '' ? '' : `: ${message}`}`);
}
