import { XmlElement } from '@rgrove/parse-xml';
import type { SoapRequest } from '../../agent/demo-camera/onvif-server.ts';
import { elements, find, localName } from '../../agent/onvif/soap/xml/xml.ts';

export const SERVICES = {
  device: 'http://www.onvif.org/ver10/device/wsdl',
  media: 'http://www.onvif.org/ver10/media/wsdl',
  media2: 'http://www.onvif.org/ver20/media/wsdl',
  ptz: 'http://www.onvif.org/ver20/ptz/wsdl',
  events: 'http://www.onvif.org/ver10/events/wsdl',
  imaging: 'http://www.onvif.org/ver20/imaging/wsdl',
  deviceIO: 'http://www.onvif.org/ver10/deviceIO/wsdl',
  recording: 'http://www.onvif.org/ver10/recording/wsdl',
  search: 'http://www.onvif.org/ver10/search/wsdl',
  replay: 'http://www.onvif.org/ver10/replay/wsdl',
} as const;
export type ServiceName = keyof typeof SERVICES;

/** Namespace of subscriptions: Renew and Unsubscribe are operations of WS-BaseNotification. */
const NOTIFICATION = 'http://docs.oasis-open.org/wsn/b-2';

/** One SOAP request as an operation sees it. */
export interface Call extends SoapRequest {
  readonly service: ServiceName;
  /** `http://host:port` as the caller has reached it. */
  readonly base: string;
  readonly host: string;
  /** Path and query. */
  readonly path: string;
  /** Aborted when the caller disconnects. */
  readonly signal: AbortSignal;
}

/** Response of an operation: the XML inside Body. */
export type Operation = (call: Call) => string | Promise<string>;
export type Operations = Readonly<Record<string, Operation>>;

/** A SOAP fault with one of ONVIF's subcodes. */
export class Fault extends Error {
  readonly subcode: string;
  readonly isSender: boolean;
  /** HTTP status when not that of the standard: 400 for a sender's, 500 for a receiver's. */
  readonly status: number | undefined;

  constructor(
    subcode: string,
    reason: string,
    { isSender = true, status }: { isSender?: boolean; status?: number } = {},
  ) {
    super(reason);
    this.subcode = subcode;
    this.isSender = isSender;
    this.status = status;
  }
}

export const notSupported = (): Fault =>
  new Fault('ActionNotSupported', 'optional action not implemented', { isSender: false });

/** The service that a request is for, by the namespace of its operation; undefined for none of ours. */
export function serviceOf({ root }: SoapRequest): ServiceName | undefined {
  const body = find(root, 'Body');
  const operation = elements(body)[0];
  const prefix = operation?.name.includes(':') ? `xmlns:${operation.name.split(':')[0]}` : 'xmlns';
  const namespace = [operation, body, root].map((element) => element?.attributes[prefix]).find((uri) => uri);
  if (namespace === NOTIFICATION) {
    return 'events';
  }
  return (Object.keys(SERVICES) as ServiceName[]).find((name) => SERVICES[name] === namespace);
}

/** Text of the first element with this name inside the operation. */
export function attributeOf(call: Call, element: string, attribute: string): string | undefined {
  return findDeep(call.root, element)?.attributes[attribute];
}

export function findDeep(from: XmlElement, name: string): XmlElement | undefined {
  for (const child of from.children) {
    if (child instanceof XmlElement) {
      const found = localName(child) === name ? child : findDeep(child, name);
      if (found) {
        return found;
      }
    }
  }
  return undefined;
}

export const numberOf = (text: string | undefined): number | undefined => {
  const value = Number(text ?? Number.NaN);
  return Number.isFinite(value) ? value : undefined;
};

/** `PT1M30S` and the like in milliseconds; undefined when it is not a duration. */
export function durationMs(text: string | undefined): number | undefined {
  const parts = /^PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?$/.exec(text ?? '');
  if (!parts) {
    return undefined;
  }
  const [hours, minutes, seconds] = parts.slice(1).map((part) => Number(part ?? 0));
  return 1000 * (3600 * (hours ?? 0) + 60 * (minutes ?? 0) + (seconds ?? 0));
}
