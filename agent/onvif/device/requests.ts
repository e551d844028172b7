import type { XmlElement } from '@rgrove/parse-xml';

/** node-onvif's request writers: 33 of the device service, 35 of Media 1, 16 of PTZ. */
interface Requests {
  readonly device: OnvifDeviceService;
  readonly media: OnvifMediaService;
  readonly ptz: OnvifPtzService;
}

/** Sends requests, as a session does. */
interface RequestSender {
  call(service: 'device' | 'media' | 'ptz', body: string, response: string): Promise<XmlElement>;
}

interface Route {
  readonly session: RequestSender;
  readonly service: 'device' | 'media' | 'ptz';
}

/** Routes of calls, by the address object that node-onvif passes to its request function. */
const routes = new WeakMap<OnvifAddress, Route>();
/** Never requested: every call uses its route. */
const NOWHERE = 'http://127.0.0.1/';

/**
 * Sends a request of node-onvif through a session. Its own request function has neither deadline nor size limit, knows neither HTTP Digest
 * nor https, and pretty-prints every reply, a second per megabyte; so that function is replaced. Callers escape texts (`escapeXml`):
 * node-onvif inserts them into XML unchanged.
 * @returns the reply element
 */
export async function sendRequest(
  session: RequestSender,
  request: (requests: Requests) => Promise<OnvifReply>,
): Promise<XmlElement> {
  const { Device, Media, Ptz } = await loadOnvif();
  const params = { xaddr: NOWHERE, time_diff: 0 };
  const requests = { device: new Device(params), media: new Media(params), ptz: new Ptz(params) };
  for (const service of ['device', 'media', 'ptz'] as const) {
    routes.set(requests[service].oxaddr, { session, service });
  }
  return (await request(requests)).element as XmlElement;
}

async function loadOnvif() {
  const [{ default: Device }, { default: Media }, { default: Ptz }, { default: soap }] = await Promise.all([
    import('node-onvif/lib/modules/service-device.js'),
    import('node-onvif/lib/modules/service-media.js'),
    import('node-onvif/lib/modules/service-ptz.js'),
    import('node-onvif/lib/modules/soap.js'),
  ]);
  if (typeof soap.requestCommand !== 'function') {
    throw new Error('unsupported version of node-onvif: its soap module has no requestCommand');
  }
  soap.requestCommand = callRouted;
  return { Device, Media, Ptz };
}

async function callRouted(address: OnvifAddress, method: string, envelope: string): Promise<OnvifReply> {
  const route = routes.get(address);
  const [, body] = /<s:Body>([\s\S]*)<\/s:Body>/.exec(envelope) ?? [];
  if (!route || body === undefined) {
    throw new Error('node-onvif request without a route');
  }
  const element = await route.session.call(route.service, body, `${method}Response`);
  return { element, converted: {} };
}
