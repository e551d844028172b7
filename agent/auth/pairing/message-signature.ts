import { type KeyObject, sign, verify } from 'node:crypto';
import { PerchError } from '../../base/errors.ts';

/**
 * HTTP Message Signatures (RFC 9421) in the form that a paired server sends: Ed25519 over method, path, query, the run of the box, the box
 * itself and, with a body, its Content-Digest (RFC 9530). Earlier versions of Perch do not name the box.
 */

/** Identifies a run of the box's program: signatures of an earlier run are not valid. */
export const RUN_HEADER = 'perch-run';
/** The box's own time in Unix seconds, for `created`. */
export const TIME_HEADER = 'perch-time';
/** The box that a request is for, see `boxNameOf`. */
export const BOX_HEADER = 'perch-box';
export const MAX_SIGNATURE_S = 60;

const COMPONENTS = '("@method" "@path" "@query" "perch-run"';
const BOX = ' "perch-box"';
const DIGEST = ' "content-digest"';
const INPUT =
  /^perch=(\("@method" "@path" "@query" "perch-run"( "perch-box")?( "content-digest")?\);created=(\d{1,12});expires=(\d{1,12});nonce="([\w-]{16,64})";keyid="([\w-]{1,64})";alg="ed25519";tag="perch")$/;
const SIGNATURE = /^perch=:([A-Za-z0-9+/]{86}==):$/;
/** Values of components have one line (RFC 9421 §2). */
const PLAIN = /^[\x20-\x7e]*$/;

/** The form that a box asks for (RFC 9421 §5.1). */
export const ACCEPTED = { 'accept-signature': `perch=${COMPONENTS}${BOX});created;expires;alg="ed25519";tag="perch"` };

/** Whether a response asks for signatures that name the box. */
export const asksForBox = (headers: Readonly<Record<string, unknown>>): boolean =>
  String(headers['accept-signature']).includes(BOX);

/** A hostile box may claim the id of another one but not its key; boxes of one owner may share a certificate but not an id. */
export const boxNameOf = (id: string, pin: string): string => `${id}/${pin}`;

const BUS = 'bus.';
/** The pin in the name of a box for requests over the bus, where others may read them: they are valid nowhere else. */
export const busPinOf = (pin: string): string => BUS + pin;
/** @returns the pin itself, or undefined if it is not one of `busPinOf` */
export const pinOfBus = (pin: string): string | undefined => (pin.startsWith(BUS) ? pin.slice(BUS.length) : undefined);

/** What is signed. */
interface SignedMessage {
  readonly method: string;
  /** Path and query, as sent. */
  readonly target: string;
  readonly run: string;
  /** Absent: the form of earlier versions. */
  readonly box?: string | undefined;
  /** Absent: the request has no body. */
  readonly digest?: string | undefined;
}

export interface SignatureFields {
  /** Unix seconds. */
  readonly created: number;
  readonly expires: number;
  /** base64url, 16 to 64 characters. */
  readonly nonce: string;
  readonly keyId: string;
}

interface MessageSignature extends SignatureFields {
  readonly coversBody: boolean;
  readonly coversBox: boolean;
  /** As sent: it is a part of what is signed. */
  readonly parameters: string;
  readonly signature: Buffer;
}

/** The header fields of a signed request. */
export function signMessage(message: SignedMessage, fields: SignatureFields, key: KeyObject): Record<string, string> {
  const { created, expires, nonce, keyId } = fields;
  const { box, digest } = message;
  const covered = `${COMPONENTS}${box === undefined ? '' : BOX}${digest === undefined ? '' : DIGEST})`;
  const parameters = `${covered};created=${created};expires=${expires};nonce="${nonce}";keyid="${keyId}";alg="ed25519";tag="perch"`;
  const signature = sign(null, Buffer.from(baseOf(message, parameters)), key).toString('base64');
  return {
    [RUN_HEADER]: message.run,
    ...(box === undefined ? {} : { [BOX_HEADER]: box }),
    ...(digest === undefined ? {} : { 'content-digest': digest }),
    'signature-input': `perch=${parameters}`,
    signature: `perch=:${signature}:`,
  };
}

/** @throws PerchError unauthorized for any other form */
export function readSignature(input: unknown, signature: unknown): MessageSignature {
  const [, parameters = '', box, digest, created, expires, nonce = '', keyId = ''] = matchOf(INPUT, input) ?? [];
  const [, value = ''] = matchOf(SIGNATURE, signature) ?? [];
  if (parameters === '' || value === '') {
    throw new PerchError('unauthorized', 'the signature does not have the form of a paired server', { why: 'form' });
  }
  return {
    parameters,
    coversBody: digest !== undefined,
    coversBox: box !== undefined,
    created: Number(created),
    expires: Number(expires),
    nonce,
    keyId,
    signature: Buffer.from(value, 'base64'),
  };
}

export const isSigned = (
  message: SignedMessage,
  { parameters, signature }: MessageSignature,
  key: KeyObject,
): boolean =>
  PLAIN.test(message.target + message.run + (message.box ?? '')) &&
  verify(null, Buffer.from(baseOf(message, parameters)), key, signature);

const matchOf = (form: RegExp, header: unknown): RegExpExecArray | null =>
  typeof header === 'string' && header.length <= 400 ? form.exec(header) : null;

/** The signature base (RFC 9421 §2.5). */
function baseOf({ method, target, run, box, digest }: SignedMessage, parameters: string): string {
  const question = target.indexOf('?');
  const [path, query] = question < 0 ? [target, '?'] : [target.slice(0, question), target.slice(question)];
  return [
    `"@method": ${method}`,
    `"@path": ${path}`,
    `"@query": ${query}`,
    `"perch-run": ${run}`,
    ...(box === undefined ? [] : [`"perch-box": ${box}`]),
    ...(digest === undefined ? [] : [`"content-digest": ${digest}`]),
    `"@signature-params": ${parameters}`,
  ].join('\n');
}
