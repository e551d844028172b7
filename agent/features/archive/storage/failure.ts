import { type ErrorCode, PerchError } from '../../../base/errors.ts';

/** Why the archive cannot be used, for programs. */
const ARCHIVE_FAILURES = [
  'name',
  'unreachable',
  'timeout',
  'certificate',
  'notPrivate',
  'login',
  'denied',
  'noBucket',
  'region',
  'clock',
  'full',
  'slow',
  'missing',
  'readOnly',
  'damaged',
  'gone',
  'key',
  'noS3',
  'other',
] as const;
export type ArchiveWhy = (typeof ARCHIVE_FAILURES)[number];

const CODES: Partial<Record<ArchiveWhy, ErrorCode>> = { full: 'exhausted', gone: 'notFound', timeout: 'timeout' };
const NAME_ERRORS = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_NODATA', 'EAI_NONAME']);
const REACH_ERRORS = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN']);
const FULL_ERRORS = new Set(['ENOSPC', 'EDQUOT']);
const RIGHT_ERRORS = new Set(['EACCES', 'EPERM']);
const MISSING_ERRORS = new Set(['ENOENT', 'ENOTDIR', 'ENODEV', 'ESTALE', 'ENOTCONN']);

export function archiveFailure(why: ArchiveWhy, message: string, cause?: unknown): PerchError {
  return new PerchError(CODES[why] ?? 'unavailable', message, { why }, cause);
}

export const whyOf = (error: unknown): ArchiveWhy => {
  const why = error instanceof PerchError ? error.context['why'] : undefined;
  return ARCHIVE_FAILURES.find((one) => one === why) ?? 'other';
};

const codeOf = (error: unknown): string => String((error as { code?: unknown } | undefined)?.code ?? '');

/** A failure of the connection in a sentence. @param host with its port */
export function connectionFailure(error: unknown, host: string): PerchError {
  if (error instanceof PerchError) {
    return error;
  }
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  if (NAME_ERRORS.has(code)) {
    return archiveFailure('name', `the name of ${host} is not known`, error);
  }
  if (REACH_ERRORS.has(code)) {
    return archiveFailure('unreachable', `nothing answers at ${host}`, error);
  }
  if (code === 'ETIMEDOUT') {
    return archiveFailure('timeout', `${host} does not answer`, error);
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO|ALTNAME/.test(code)) {
    return archiveFailure('certificate', `the certificate of ${host} is not trusted (${code})`, error);
  }
  if (/wrong version number|packet length too long|http request/i.test(message)) {
    return archiveFailure('noS3', `${host} does not speak TLS: write http:// instead of https://`, error);
  }
  return archiveFailure('other', `the connection to ${host} broke`, error);
}

/** A failure of the folder's disk in a sentence. */
export function folderFailure(error: unknown, folder: string): PerchError {
  if (error instanceof PerchError) {
    return error;
  }
  const code = codeOf(error);
  if (FULL_ERRORS.has(code)) {
    return archiveFailure('full', `the disk of ${folder} is full`, error);
  }
  if (code === 'EROFS') {
    return archiveFailure('readOnly', `${folder} is mounted read-only`, error);
  }
  if (RIGHT_ERRORS.has(code)) {
    return archiveFailure('denied', `Perch may not write to ${folder}`, error);
  }
  if (MISSING_ERRORS.has(code)) {
    return archiveFailure('missing', `${folder} is missing: is its disk mounted?`, error);
  }
  return archiveFailure('other', `the disk of ${folder} fails`, error);
}
