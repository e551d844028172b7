import { explain, PerchError } from '../../../base/errors.ts';

/** Why there is no connection to the bus, as a word for programs. */
const BUS_FAILURES = [
  'name',
  'unreachable',
  'timeout',
  'certificate',
  'noTls',
  'login',
  'credential',
  'other',
] as const;
export type BusFailureWhy = (typeof BUS_FAILURES)[number];

export const busFailure = (why: BusFailureWhy, message: string, cause?: unknown): PerchError =>
  new PerchError(why === 'login' ? 'unauthorized' : 'unavailable', message, { why }, cause);

export const whyOf = (error: unknown): BusFailureWhy => {
  const why = error instanceof PerchError ? error.context['why'] : undefined;
  return BUS_FAILURES.find((one) => one === why) ?? 'other';
};

/** The failure in a sentence. @param error of the socket, TLS or the NATS client; undefined: the server closed the connection */
export function explainedFailure(error: unknown, at: string): PerchError {
  if (error instanceof PerchError) {
    return error;
  }
  const texts = chainOf(error);
  const has = (pattern: RegExp) => texts.some((text) => pattern.test(text));
  if (has(/ENOTFOUND|EAI_/)) {
    return busFailure('name', `the name in ${at} is not known`, error);
  }
  if (has(/ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ETIMEDOUT|connection refused/)) {
    return busFailure('unreachable', `no NATS server answers at ${at}`, error);
  }
  if (has(/CERT|SELF_SIGNED|UNABLE_TO|ALTNAME/)) {
    return busFailure('certificate', `the certificate of ${at} is not trusted (${texts[0]})`, error);
  }
  if (has(/authorization|authentication|revoked|user authentication expired/i)) {
    return busFailure(
      'login',
      `the NATS server at ${at} rejects the credential of this Perch: it may be revoked`,
      error,
    );
  }
  if (has(/not available on this server|does not support 'tls'|wrong version number|ERR_SSL|ERR_TLS/i)) {
    return busFailure('noTls', `the NATS server at ${at} does not offer TLS`, error);
  }
  if (has(/timeout/i)) {
    return busFailure('timeout', `the NATS server at ${at} does not answer`, error);
  }
  return error === undefined
    ? busFailure('other', `the NATS server at ${at} closed the connection`)
    : busFailure('other', `${at}: ${explain(error)}`, error);
}

/** Codes and messages of an error and its causes. */
function chainOf(error: unknown): string[] {
  const texts: string[] = [];
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    const code = (at as NodeJS.ErrnoException).code;
    texts.push(...(code === undefined ? [] : [String(code)]), at.name, at.message);
  }
  return texts;
}
