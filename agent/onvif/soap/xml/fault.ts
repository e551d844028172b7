import type { XmlElement } from '@rgrove/parse-xml';
import { find, findText, plainLine } from './xml.ts';

/** Nested subcodes are two deep in ONVIF. */
const MAX_CODES = 8;

/** Why a camera did not do what it was asked for, SOAP 1.2 part 1 §5.4 or SOAP 1.1 §4.4. */
export interface SoapFault {
  /** Without prefixes, from the outer to the inner: `Sender`, `InvalidArgVal`, `NoProfile`. */
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
  for (let at = find(fault, 'Code'); at && codes.length < MAX_CODES; at = find(at, 'Subcode')) {
    add(findText(at, 'Value'));
  }
  const reason = findText(fault, 'Reason', 'Text') ?? findText(fault, 'faultstring');
  return { codes, reason: plainLine(reason)?.slice(0, 120) };
}

const REFUSALS = ['NotAuthorized', 'FailedAuthentication', 'FailedCheck', 'InvalidSecurityToken', 'MessageExpired'];
/** Boards with old SOAP libraries say `Client` or `Sender`, and the rest in words. */
const REFUSED_WORDS =
  /not authori[sz]ed|unauthori[sz]ed|authori[sz]ation (?:fail|required)|authenticat\w+ (?:fail|error)|authority failure/i;

/** The login is missing, or not taken. */
export function isRefusal({ codes, reason = '' }: SoapFault): boolean {
  return codes.some((code) => REFUSALS.includes(code)) || (isUntold(codes) && REFUSED_WORDS.test(reason));
}

/** Dahua: `Wsse authorized time check failed`. The login came with a time that the camera does not believe. */
export function isAboutTime({ codes, reason = '' }: SoapFault): boolean {
  return codes.includes('MessageExpired') || /time ?check|time ?stamp|expired|stale|clock/i.test(reason);
}

/** The camera does not know logins by token: `Security must be understood`. */
export function isTokenUnknown({ codes, reason = '' }: SoapFault): boolean {
  return codes.includes('MustUnderstand') || /must ?(?:be )?under ?st(?:an|oo)d/i.test(reason);
}

const UNSUPPORTED = ['ActionNotSupported', 'OptionalActionNotImplemented', 'NotSupported', 'ActionNotImplemented'];
const UNSUPPORTED_WORDS = /not (?:supported|implemented)|unknown (?:action|method)/i;

/** Normal: cameras do not do all that there is. */
export function isUnsupported({ codes, reason = '' }: SoapFault): boolean {
  return codes.some((code) => UNSUPPORTED.includes(code)) || (isUntold(codes) && UNSUPPORTED_WORDS.test(reason));
}

/** Who has no right to it, though he is who he says. */
export function isForbidden({ codes }: SoapFault): boolean {
  return codes.includes('OperationProhibited');
}

const NOT_THERE = [
  ...['NoToken', 'NoEntity', 'NoProfile', 'NoPTZProfile', 'NoConfig', 'NoSource', 'NoVideoSource', 'NoHomePosition'],
];

/** What was asked for is not there, or cannot be meant so: asked again it is no better. */
export function complaintOf({ codes }: SoapFault): 'notFound' | 'badInput' | undefined {
  if (codes.some((code) => NOT_THERE.includes(code))) {
    return 'notFound';
  }
  return codes.includes('InvalidArgVal') ? 'badInput' : undefined;
}

const isUntold = (codes: readonly string[]): boolean =>
  codes.every((code) => ['Sender', 'Receiver', 'Client', 'Server', 'InvalidArgs', 'Action'].includes(code));
