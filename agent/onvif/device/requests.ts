import type { XmlElement } from '@rgrove/parse-xml';

/** node-onvif's objects that write requests: 33 of the device service, 35 of Media 1, 16 of PTZ. */
export interface Requests {
  readonly device: OnvifDeviceService;
  readonly media: OnvifMediaService;
  readonly ptz: OnvifPtzService;
}

/** What sends them: a session. */
export interface RequestSender {
  call(service: 'device' | 'media' | 'ptz', body: string, response: string): Promise<XmlElement>;
}

interface Route {
  readonly session: RequestSender;
  readonly service: 'device' | 'media' | 'ptz';
}

/** Routes by the address object that node-onvif hands through to the one function that calls. */
const routes = new WeakMap<OnvifAddress, Route>();
/** It is asked for by none of ours: every call goes by its route. */
const NOWHERE = 'http://127.0.0.1/';

/**
 * Requests of node-onvif, sent through a session. Its own call has neither deadline nor limit, knows neither HTTP Digest nor https,
 * and its pretty-printing of every reply holds up the program for a second per megabyte; so its one function that calls is replaced.
 * Texts that go into a request have to be escaped (`escapeXml`): it puts them into XML as they are.
 */
export async function requestsOf(session: RequestSender): Promise<Requests> {
  const { Device, Media, Ptz } = await loadOnvif();
  const params = { xaddr: NOWHERE, time_diff: 0 };
  const requests = { device: new Device(params), media: new Media(params), ptz: new Ptz(params) };
  for (const service of ['device', 'media', 'ptz'] as const) {
    routes.set(requests[service].oxaddr, { session, service });
  }
  return requests;
}

async function loadOnvif() {
  const [{ default: Device }, { default: Media }, { default: Ptz }, { default: soap }] = await Promise.all([
    import('node-onvif/lib/modules/service-device.js'),
    import('node-onvif/lib/modules/service-media.js'),
    import('node-onvif/lib/modules/service-ptz.js'),
    import('node-onvif/lib/modules/soap.js'),
  ]);
  if (typeof soap.requestCommand !== 'function') {
    throw new Error('node-onvif has changed: its soap module has no requestCommand');
  }
  soap.requestCommand = callRouted;
  return { Device, Media, Ptz };
}

async function callRouted(address: OnvifAddress, method: string, envelope: string): Promise<OnvifReply> {
  const route = routes.get(address);
  const [, body] = /<s:Body>([\s\S]*)<\/s:Body>/.exec(envelope) ?? [];
  if (!route || body === undefined) {
    throw new Error('a request of node-onvif without a route');
  }
  const element = await route.session.call(route.service, body, `${method}Response`);
  return { element, converted: {} };
}

/** The response element of a request. */
export async function ask(call: Promise<OnvifReply>): Promise<XmlElement> {
  return (await call).element as XmlElement;
}
