import { type Clock, systemClock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { callSoap, type SoapTarget } from '../soap/soap.ts';
import { escapeXml, find, readXml } from '../soap/xml.ts';
import { mediaPathOf } from './replies.ts';
import { skewOf } from './skew.ts';

const CALL_DEADLINE_MS = 5_000;
const MAX_REPLY_BYTES = 1 << 20;

export interface OpenCameraOptions {
  /** Of the device service, as discovery gives it. */
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly signal: AbortSignal;
  /** For each call; 5 s when not given. */
  readonly callDeadlineMs?: number;
  readonly clock?: Clock;
}

/** A camera's services, logged in; every call goes to the host that the caller has named. */
export interface OnvifServices {
  readonly url: URL;
  /** Without the brackets of IPv6. */
  readonly host: string;
  /** The camera's clock minus ours. */
  readonly skewMs: number;
  readonly device: OnvifDeviceService;
  /** Looks for Media 1. */
  openMedia(): Promise<OnvifMediaService>;
}

/** Finds a camera's services. Fails with words for the person who wants to add it. */
export async function openServices(options: OpenCameraOptions): Promise<OnvifServices> {
  const url = deviceUrl(options.url);
  const { OnvifDevice, Media } = await loadOnvif();
  const target: SoapTarget = {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || 80),
    path: url.pathname + url.search,
    hasLogin: Boolean(options.user),
    deadlineMs: options.callDeadlineMs ?? CALL_DEADLINE_MS,
    signal: options.signal,
  };
  const { device } = new OnvifDevice({ xaddr: url.href }).services;
  pin(device, { ...target, hasLogin: false });
  // Without login first: a token that bears a wrong time would be refused by cameras that are strict about it.
  const skewMs = await readSkew(device, options.clock ?? systemClock);

  const login = (service: OnvifService, path: string) => {
    pin(service, { ...target, path });
    service.time_diff = skewMs;
    // Set here, not in a constructor: those refuse passwords with < and > or beyond ASCII. The name goes into XML as it is.
    service.setAuth(escapeXml(options.user ?? ''), options.password ?? '');
  };
  login(device, target.path);
  const openMedia = async () => {
    const media = new Media({ xaddr: url.href, time_diff: skewMs });
    login(media, await readMediaPath(device));
    return media;
  };
  return { url, host: target.host, skewMs, device, openMedia };
}

function deviceUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:') {
    throw new PerchError('unsupported', 'ONVIF over https is not supported', { host: url.host });
  }
  if (url?.protocol !== 'http:') {
    throw new PerchError('badInput', `'${text.slice(0, 100)}' is not the http address of an ONVIF device`);
  }
  return url;
}

/** Targets by the address object that node-onvif hands through to the one function that calls. */
const targets = new WeakMap<OnvifAddress, SoapTarget>();

function pin(service: OnvifService, target: SoapTarget): void {
  targets.set(service.oxaddr, target);
}

/**
 * Loads node-onvif when the first camera is opened, and puts our call in the place of its own: that one has neither
 * deadline nor limit, and its pretty-printing of every reply holds up the program for a second per megabyte.
 */
async function loadOnvif() {
  const [{ default: onvif }, { default: Media }, { default: soap }] = await Promise.all([
    import('node-onvif'),
    import('node-onvif/lib/modules/service-media.js'),
    import('node-onvif/lib/modules/soap.js'),
  ]);
  if (typeof soap.requestCommand !== 'function') {
    throw new Error('node-onvif has changed: its soap module has no requestCommand');
  }
  soap.requestCommand = callPinned;
  return { OnvifDevice: onvif.OnvifDevice, Media };
}

async function callPinned(address: OnvifAddress, _method: string, envelope: string): Promise<OnvifReply> {
  const target = targets.get(address);
  if (!target) {
    throw new Error('an ONVIF service that was not pinned');
  }
  return { soap: await callSoap(target, envelope), converted: {} };
}

/** The response element of a call. */
export async function ask(call: Promise<OnvifReply>, response: string) {
  const { soap } = await call;
  const element = find(readXml(Buffer.from(soap), MAX_REPLY_BYTES), 'Body', response);
  if (!element) {
    throw new PerchError('badInput', `the camera's reply has no ${response}`);
  }
  return element;
}

/** A camera that does not tell its time, or only after login, is taken to be right. */
async function readSkew(device: OnvifDeviceService, clock: Clock): Promise<number> {
  const sentMs = clock.wallMs();
  try {
    const response = await ask(device.getSystemDateAndTime(), 'GetSystemDateAndTimeResponse');
    return skewOf(response, (sentMs + clock.wallMs()) / 2);
  } catch (error) {
    if (error instanceof PerchError && isAnswer(error)) {
      return 0;
    }
    throw error;
  }
}

/** The camera is there and speaks ONVIF, it only does not want to say this. */
function isAnswer(error: PerchError): boolean {
  return error.code !== 'notFound' && (error.code === 'badInput' || error.context['status'] !== undefined);
}

async function readMediaPath(device: OnvifDeviceService): Promise<string> {
  const path = mediaPathOf(await ask(device.getCapabilities(), 'GetCapabilitiesResponse'));
  if (path === undefined) {
    throw new PerchError('unsupported', 'the camera has no ONVIF media service of the first version');
  }
  return path;
}
