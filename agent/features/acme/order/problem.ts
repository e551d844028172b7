import type { PerchError } from '../../../base/errors.ts';
import { type AcmeWhy, acmeFailure } from './failure.ts';

const PREFIX = 'urn:ietf:params:acme:error:';
const MAX_DETAIL = 300;
/** Of the waits that an authority may ask for. */
const MAX_RETRY_MS = 7 * 86_400_000;

/** Types of RFC 8555 §6.7, with what to do; others are rejections. */
const KINDS: Readonly<Record<string, readonly [AcmeWhy, string]>> = {
  dns: ['name', 'give the name the public address of this machine in the DNS (A or AAAA)'],
  connection: ['unreachable', 'port 80 of the name must lead to this machine: check address, router and firewall'],
  tls: ['unreachable', 'port 80 of the name must lead to this machine: check address, router and firewall'],
  unauthorized: [
    'unreachable',
    'another machine or program answers at port 80 of the name: check its address in the DNS',
  ],
  incorrectResponse: [
    'unreachable',
    'another machine or program answers at port 80 of the name: check its address in the DNS',
  ],
  caa: ['rejected', 'the CAA record of the name must allow this authority'],
  rateLimited: ['limit', 'too many requests for this name or address'],
  externalAccountRequired: ['rejected', 'this authority needs an account of its own, which Perch does not support'],
  rejectedIdentifier: ['rejected', 'this authority issues nothing for the name'],
  invalidContact: ['rejected', 'check acmeEmail'],
  unsupportedContact: ['rejected', 'check acmeEmail'],
  serverInternal: ['authority', 'the authority has a fault of its own'],
};

interface ProblemPlace {
  readonly host: string;
  readonly status: number;
  readonly retryAfter?: string | readonly string[] | undefined;
  /** Unix milliseconds. */
  readonly nowMs: number;
}

/** An error answer of the authority (RFC 7807). */
export function problemFailure(data: unknown, { host, status, retryAfter, nowMs }: ProblemPlace): PerchError {
  const type = typeOf(data);
  const retryMs = retryMsOf(retryAfter, nowMs);
  if (status === 429 || type === 'rateLimited') {
    return acmeFailure('limit', `${host}: ${detailOf(data) || `HTTP ${status}`}: too many requests`, retryMs);
  }
  const kind = KINDS[type] ?? (status >= 500 ? KINDS['serverInternal'] : undefined);
  const [why, advice] = kind ?? ['rejected', ''];
  return acmeFailure(why, lineOf(host, detailOf(data) || `HTTP ${status}`, advice), retryMs);
}

/** @param data `error` of a challenge that failed @param name that was checked */
export function challengeFailure(data: unknown, name: string): PerchError {
  const [why, advice] = KINDS[typeOf(data)] ?? ['rejected', ''];
  return acmeFailure(why, lineOf(name, detailOf(data) || 'the authority does not say why', advice));
}

const lineOf = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join(': ');

function typeOf(data: unknown): string {
  const type = (data as { type?: unknown } | null | undefined)?.type;
  return typeof type === 'string' && type.startsWith(PREFIX) ? type.slice(PREFIX.length) : '';
}

/** One line of printable characters: it goes to the log and the page. */
function detailOf(data: unknown): string {
  const detail = (data as { detail?: unknown } | null | undefined)?.detail;
  const text = typeof detail === 'string' ? detail.replaceAll(/[^\x20-\x7e]+/g, ' ').trim() : '';
  return text.length > MAX_DETAIL ? `${text.slice(0, MAX_DETAIL)}…` : text;
}

/** RFC 9110 §10.2.3: seconds, or a date. @returns undefined if there is none, or it is over */
export function retryMsOf(header: ProblemPlace['retryAfter'], nowMs: number): number | undefined {
  const text = (typeof header === 'string' ? header : (header?.[0] ?? '')).trim();
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowMs;
  return ms > 0 ? Math.min(ms, MAX_RETRY_MS) : undefined;
}
