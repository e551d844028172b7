import { PerchError } from '../../../../base/errors.ts';

const NAME_ERRORS = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_NODATA', 'EAI_NONAME', 'EDNS']);
const REACH_ERRORS = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN']);

/**
 * Why there is no connection, in a sentence without URL or secret.
 * @param at host and port @param cause error of the socket or TLS
 */
export function connectionFault(at: string, cause: unknown): PerchError {
  const {
    code,
    originalCode,
    message = '',
  } = (cause ?? {}) as Partial<Record<'code' | 'originalCode' | 'message', unknown>>;
  const codes = [code, originalCode].map(String);
  const text = String(message);
  if (codes.some((one) => NAME_ERRORS.has(one))) {
    return new PerchError('unavailable', `the name of ${at} is not found: check it, and this box's DNS`);
  }
  if (codes.some((one) => REACH_ERRORS.has(one))) {
    return new PerchError('unavailable', `nothing answers at ${at}`);
  }
  const untrusted = codes.find((one) => /CERT|SELF_SIGNED|UNABLE_TO|ALTNAME/.test(one));
  if (untrusted !== undefined || /certificate|altnames/i.test(text)) {
    return new PerchError('unsupported', `the certificate of ${at} is not trusted (${untrusted ?? plain(text)})`);
  }
  if (/wrong version number|packet length too long|http request|ERR_SSL/i.test(text)) {
    return new PerchError('unsupported', `${at} does not speak TLS`);
  }
  if (codes.includes('ETIMEDOUT') || /time(d )?-?out/i.test(text)) {
    return noAnswer(at);
  }
  return new PerchError('unavailable', `the connection to ${at} broke (${plain(text)})`);
}

export const noAnswer = (at: string): PerchError => new PerchError('timeout', `${at} does not answer`);

/** A server's text for use in a message: one line of printable characters. `withoutSecrets` masks secrets later. */
export const plain = (text: string): string => text.replace(/[^\x20-\x7e]+/g, ' ').trim();

/** Whether another attempt may succeed. */
export const isTemporary = (error: unknown): boolean =>
  error instanceof PerchError && ['unavailable', 'timeout', 'exhausted'].includes(error.code);
