import type { XmlElement } from '@rgrove/parse-xml';
import { find, findText, plainLine } from './xml.ts';

/** A fault of SOAP 1.2 (part 1 §5.4) or SOAP 1.1 (§4.4). */
export interface SoapFault {
  /** Fault codes without prefixes, from outer to inner: `Sender`, `InvalidArgVal`, `NoProfile`. */
  readonly codes: readonly string[];
  readonly reason: string | undefined;
}

export function faultOf(envelope: XmlElement): SoapFault | undefined {
  const fault = find(envelope, 'Body', 'Fault');
  if (!fault) {
    return undefined;
  }
  const codes: string[] = [];
  const add = (text: string | undefined): void => {
    const name = plainLine(text)?.split(':').at(-1);
    if (name !== undefined) {
      codes.push(name);
    }
  };
  add(findText(fault, 'faultcode'));
  // Nested subcodes are two deep in ONVIF.
  for (let at = find(fault, 'Code'); at && codes.length < 8; at = find(at, 'Subcode')) {
    add(findText(at, 'Value'));
  }
  const reason = findText(fault, 'Reason', 'Text') ?? findText(fault, 'faultstring');
  return { codes, reason: plainLine(reason)?.slice(0, 120) };
}

const REFUSALS = ['NotAuthorized', 'FailedAuthentication', 'FailedCheck', 'InvalidSecurityToken', 'MessageExpired'];
/** Boards with old SOAP libraries send `Client` or `Sender` and explain in words. */
const REFUSED_WORDS =
  /not authori[sz]ed|unauthori[sz]ed|authori[sz]ation (?:fail|required)|authenticat\w+ (?:fail|error)|authority failure/i;

/** Whether the login is missing or rejected. */
export function isRefusal({ codes, reason = '' }: SoapFault): boolean {
  return codes.some((code) => REFUSALS.includes(code)) || (isGeneric(codes) && REFUSED_WORDS.test(reason));
}

/** Dahua: `Wsse authorized time check failed`. The camera rejects the time of the login. */
export function isAboutTime({ codes, reason = '' }: SoapFault): boolean {
  return codes.includes('MessageExpired') || /time ?check|time ?stamp|expired|stale|clock/i.test(reason);
}

/** The camera does not know tokens: `Security must be understood`. */
export function isTokenUnknown({ codes, reason = '' }: SoapFault): boolean {
  return codes.includes('MustUnderstand') || /must ?(?:be )?under ?st(?:an|oo)d/i.test(reason);
}

const UNSUPPORTED = ['ActionNotSupported', 'OptionalActionNotImplemented', 'NotSupported', 'ActionNotImplemented'];
const UNSUPPORTED_WORDS = /not (?:supported|implemented)|unknown (?:action|method)/i;

/** Whether the camera does not support the operation: cameras implement only parts of ONVIF. */
export function isUnsupported({ codes, reason = '' }: SoapFault): boolean {
  return codes.some((code) => UNSUPPORTED.includes(code)) || (isGeneric(codes) && UNSUPPORTED_WORDS.test(reason));
}

/** Whether the login is correct but lacks the right. */
export function isForbidden({ codes }: SoapFault): boolean {
  return codes.includes('OperationProhibited');
}

const NOT_THERE = [
  'NoToken',
  'NoEntity',
  'NoProfile',
  'NoPTZProfile',
  'NoConfig',
  'NoSource',
  'NoVideoSource',
  'NoHomePosition',
];

/** The object does not exist, or the value is invalid: a retry does not help. */
export function complaintOf({ codes }: SoapFault): 'notFound' | 'badInput' | undefined {
  if (codes.some((code) => NOT_THERE.includes(code))) {
    return 'notFound';
  }
  return codes.includes('InvalidArgVal') ? 'badInput' : undefined;
}

const isGeneric = (codes: readonly string[]): boolean =>
  codes.every((code) => ['Sender', 'Receiver', 'Client', 'Server', 'InvalidArgs', 'Action'].includes(code));
