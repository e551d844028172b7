import type { XmlElement } from '@rgrove/parse-xml';
import { cameraError } from './http/failures.ts';
import type { HttpReply } from './http/http-exchange.ts';
import { noRights, onvifOff } from './login/login-failures.ts';
import { complaintOf, faultOf, isForbidden, isUnsupported, type SoapFault } from './xml/fault.ts';
import { find, findText, localName, readXml } from './xml/xml.ts';

/** The largest real replies (profiles of a recorder with 32 channels) have some 300 kB. */
export const MAX_REPLY_BYTES = 1 << 20;

/** What came back, as far as it is SOAP. */
export interface SoapReply extends HttpReply {
  readonly envelope: XmlElement | undefined;
  readonly fault: SoapFault | undefined;
  /** Why it is not SOAP. */
  readonly problem: unknown;
}

export function readReply(reply: HttpReply): SoapReply {
  try {
    const root = readXml(reply.body, MAX_REPLY_BYTES, reply.headers['content-type']?.[0]);
    if (localName(root) !== 'Envelope') {
      throw cameraError('notOnvif', `'${localName(root).slice(0, 40)}' is not a SOAP envelope`);
    }
    return { ...reply, envelope: root, fault: faultOf(root), problem: undefined };
  } catch (problem) {
    return { ...reply, envelope: undefined, fault: undefined, problem };
  }
}

/** What was asked for, as far as it says what the answer has to be. */
export interface Expected {
  readonly camera: string;
  readonly path: string;
  /** Local name of the element that answers. */
  readonly response: string;
  readonly headers?: string | undefined;
}

/** The element that answers. A fault comes with any status, even 200; what is no SOAP counts by its status. */
export function responseOf(reply: SoapReply, expected: Expected, isKnownOnvif: boolean): XmlElement {
  const context = { host: expected.camera, status: reply.status };
  if (reply.fault) {
    throw faultError(reply.fault, context);
  }
  if (!reply.envelope || reply.status >= 300) {
    throw strangeError(reply, expected, isKnownOnvif);
  }
  const relatesTo = findText(reply.envelope, 'Header', 'RelatesTo');
  const [, messageId] = /<wsa:MessageID[^>]*>([^<]+)</.exec(expected.headers ?? '') ?? [];
  if (messageId !== undefined && relatesTo !== undefined && relatesTo !== messageId) {
    throw cameraError('badReply', "the camera's reply answers another request", context);
  }
  const element = find(reply.envelope, 'Body', expected.response);
  if (!element) {
    throw cameraError('badReply', `the camera's reply has no ${expected.response}`, context);
  }
  return element;
}

function faultError(fault: SoapFault, context: Record<string, unknown>): Error {
  const subcode = fault.codes.at(-1);
  const facts = { ...context, subcode, complaint: complaintOf(fault) };
  if (isForbidden(fault)) {
    return noRights(facts);
  }
  const reason = fault.reason ?? subcode ?? 'no reason';
  const words = `the camera answers with a fault: ${reason}`;
  return isUnsupported(fault) ? cameraError('notSupported', words, facts) : cameraError('badReply', words, facts);
}

function strangeError(reply: SoapReply, { camera, path }: Expected, isKnownOnvif: boolean): Error {
  const { status } = reply;
  const context = { host: camera, status };
  if (status < 300) {
    const words = isKnownOnvif ? 'the camera answers something that is not ONVIF' : 'what answers there is not ONVIF';
    return cameraError(isKnownOnvif ? 'badReply' : 'notOnvif', words, context, reply.problem);
  }
  if (!isKnownOnvif && status < 500) {
    return onvifOff(path, context);
  }
  if (status === 404 || status === 405) {
    return cameraError('notSupported', `no ONVIF service at ${path} (HTTP ${status})`, context);
  }
  return cameraError('badReply', `the camera answers HTTP ${status}`, context);
}
